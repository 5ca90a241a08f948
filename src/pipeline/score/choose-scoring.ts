import { InputError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import type { Importance, ImportanceMethod, LabelSource } from "../../importance/importance.ts";
import { cutCount } from "../../importance/sensitivity/candidates.ts";
import type { Structure } from "../../structure/structure.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import { type ScoreRequest, samplesFor, scoreOpened } from "./score-network.ts";

/** How the units are scored by a choice that nobody made. */
interface ChosenScoring {
  readonly method: ImportanceMethod;
  readonly labels: LabelSource;
  /** For people: why this one. */
  readonly reason: string;
}

/** Multiply-accumulates that measuring every cut may take: about a quarter of an hour of one core. */
const MEASURING_LIMIT = 2e13;

/**
 * The way to score that left most accuracy where methods were compared (docs/results.md) among those that can be had: cuts are
 * measured where there are images and the network is small enough, and estimated by gradients where it is not. Scales of
 * BatchNormalizations tell of every choice only where each layer has one.
 * @param images `own`: learnt from, but not judged by; `judged`: the result is judged by the same ones, whose labels must then teach
 * nothing.
 */
export function chooseScoring(
  structure: Structure,
  images: "none" | "own" | "judged",
  isPair = false,
): ChosenScoring {
  if (images === "none") {
    return { method: "magnitude-l2", labels: "data", reason: "no images are named" };
  }
  if (isPair) {
    return { method: "cross-modal", labels: "self", reason: "two networks are compared" };
  }
  const labels = images === "own" ? "data" : "self";
  if (measuringMacs(structure) <= MEASURING_LIMIT) {
    return { method: "sensitivity", labels, reason: "small enough to measure what each cut does" };
  }
  const reason = "too large to measure what each cut does";
  return everyChoiceIsNormalised(structure)
    ? { method: "taylor-bn", labels, reason }
    : { method: "fisher", labels, reason: `${reason}, and not normalised behind every layer` };
}

/** Each cut runs what is left of the network once per image; the whole network is an upper bound. */
function measuringMacs(structure: Structure): number {
  const macs = structure.layers.reduce((sum, layer) => sum + layer.macs, 0);
  return macs * cutCount(structure) * samplesFor("sensitivity");
}

/** Whether each layer that could lose units, or go with a block or alone, has a BatchNormalization: what has none would be worth nothing. */
function everyChoiceIsNormalised({ dims, layers }: Structure): boolean {
  const free = new Set(dims.flatMap((dim) => (dim.pinned === null ? dim.producers : [])));
  return layers.every(
    (layer) =>
      layer.normalisation !== null ||
      (!free.has(layer.id) && layer.blocks.length === 0 && layer.drop === null),
  );
}

/**
 * Scores as `mdp prune` does where nobody says how: by measured cuts or gradients where there are images, by magnitudes where
 * there are none.
 * @throws as `scoreOpened`
 */
export async function scoreByChoice(
  open: OpenNetwork,
  request: Omit<ScoreRequest, "method">,
  context: RunContext,
  partialPath?: string,
): Promise<Importance> {
  const images = request.data === undefined && request.dataConfig === undefined ? "none" : "own";
  const { method, labels: usual, reason } = chooseScoring(open.structure, images);
  const labels = images === "none" ? request.labels : usual === "self" ? usual : request.labels;
  context.progress.note(`Units are scored by ${method}: ${reason} (--method).`);
  return scoreWithRetreat(
    (changes) =>
      scoreOpened(open, { ...request, method, labels, ...changes }, context, partialPath),
    labels,
    context.progress,
  );
}

/** Where nobody chose a method, one that the network or its images don't allow is replaced by one that they do. */
export async function scoreWithRetreat(
  score: (changes: Partial<ScoreRequest>) => Promise<Importance>,
  labels: LabelSource,
  progress: Progress,
): Promise<Importance> {
  try {
    return await score({});
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    if (error.code === "importance/no-labels" && labels === "data") {
      progress.note("The images have no labels: the network's own answers stand for them.");
      return scoreWithRetreat((changes) => score({ labels: "self", ...changes }), "self", progress);
    }
    if (!error.code.startsWith("gradients/") && !WITHOUT_LOSS.has(error.code)) throw error;
    progress.note(`No gradients can be had, so magnitude-l2 scores instead: ${error.message}`);
    return score({ method: "magnitude-l2" });
  }
}

/** What keeps gradients from being taken, and nothing else from being done. */
const WITHOUT_LOSS: ReadonlySet<string> = new Set(["importance/no-loss", "importance/mixed-batch"]);
