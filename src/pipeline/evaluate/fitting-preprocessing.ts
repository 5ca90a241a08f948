import type { Dataset } from "../../data/dataset.ts";
import { evaluate } from "../../data/evaluate.ts";
import {
  type Preprocessing,
  preprocessingOf,
  preprocessingText,
  type ResolvedPreprocessing,
} from "../../data/preprocessing.ts";
import type { EvalPreprocessing } from "../../documents/evaluation.ts";
import type { Judged } from "../../tasks/judge.ts";
import type { RunContext } from "../run-context.ts";

/** What networks are usually trained on; the first is what happens where nobody says anything. */
const COLOUR: readonly Preprocessing[] = [
  {},
  { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  { range: [-1, 1] },
  { scale: 1 },
  { channels: "bgr", scale: 1, mean: [103.939, 116.779, 123.68] },
];
const GRAY: readonly Preprocessing[] = [
  {},
  { mean: [0.1307], std: [0.3081] },
  { range: [-1, 1] },
  { scale: 1 },
];

/** Pixels that are tried per choice: 256 pictures of 64 x 64, 32 of 224 x 224. */
const PIXELS = 256 * 64 * 64;
/** A choice fits better where so many standard errors of the paired difference say so. */
const SURE = 3;

/** Pictures, and how it was found out how they are prepared. */
export interface Prepared {
  readonly dataset: Dataset;
  readonly resolved: ResolvedPreprocessing;
}

/**
 * What is done to pictures, who says so, and where nobody does whether another way fits better; null where there are none.
 * @param reopened the same pictures, prepared by a choice
 */
export async function preprocessed(
  { dataset, resolved }: Prepared,
  network: Judged,
  reopened: (choice: Preprocessing) => Promise<Dataset>,
  context: RunContext,
): Promise<EvalPreprocessing | null> {
  if (dataset.pictures === null) return null;
  const { from } = resolved;
  const used = preprocessingOf(dataset.config);
  const tried =
    from === "default" ? await fittingPreprocessing(network, dataset, reopened, context) : null;
  return { from, config: used, text: preprocessingText(used, isGray(dataset)), tried };
}

/**
 * Tries the usual choices of pre-processing on labelled pictures, so that a forgotten one is seen.
 * @param reopened the same pictures, prepared by a choice
 * @returns null where it can't be told: no pictures, no labels, or no classifier
 */
async function fittingPreprocessing(
  network: Judged,
  dataset: Dataset,
  reopened: (choice: Preprocessing) => Promise<Dataset>,
  { signal, progress }: Pick<RunContext, "signal" | "progress">,
): Promise<EvalPreprocessing["tried"]> {
  if (dataset.pictures === null || dataset.others !== null) return null;
  if (dataset.target !== null && dataset.target !== "labels") return null;
  const labelled = [...dataset.labels.entries()].filter(([, label]) => label >= 0);
  if (labelled.length < dataset.count || !classifies(network)) return null;
  const gray = isGray(dataset);
  const limit = imagesFor(dataset);
  const named = dataset.config.channels !== undefined;
  // A named order of the colours stays.
  const choices = (gray ? GRAY : COLOUR).filter(({ channels }) => channels === undefined || !named);
  const tried: { name: string; config: Preprocessing; top1: number; images: number }[] = [];
  for (const [index, choice] of choices.entries()) {
    progress.step("trying pre-processing", index, choices.length);
    const prepared = await reopened(choice);
    const [accuracy] = await evaluate([network], prepared, { limit, batch: 8, signal });
    if (accuracy === undefined) return null;
    const { top1, count } = accuracy;
    tried.push({ name: preprocessingText(choice, gray), config: choice, top1, images: count });
  }
  progress.step("trying pre-processing", choices.length, choices.length);
  const [used] = tried;
  const best = tried.reduce((a, b) => (b.top1 > a.top1 ? b : a));
  if (used === undefined) return null;
  // The variance of a paired difference is at most that of independent rates; that bound is taken.
  const variance = (best.top1 * (1 - best.top1) + used.top1 * (1 - used.top1)) / used.images;
  const isSure = best !== used && best.top1 - used.top1 > SURE * Math.sqrt(variance);
  return { choices: tried, fits: isSure ? best.name : null };
}

function classifies({ session }: Judged): boolean {
  const [output] = session.outputs;
  const [input] = session.inputs;
  const isScores = output?.shape.slice(2).every((extent) => extent === 1) === true;
  return session.inputs.length === 1 && input?.shape.length === 4 && isScores;
}

function isGray({ config: { channels, format, record } }: Dataset): boolean {
  return (
    channels === "gray" || (channels === undefined && format === "idx") || record?.channels === 1
  );
}

function imagesFor({ config: { size, crop } }: Dataset): number {
  const extent = size ?? crop ?? 64;
  const [height, width] = typeof extent === "number" ? [extent, extent] : extent;
  return Math.max(32, Math.min(256, Math.floor(PIXELS / (height * width))));
}
