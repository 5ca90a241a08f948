import { rmSync } from "node:fs";
import { InputError } from "../../core/errors.ts";
import { readFileBytes, readJson, sha256, writeJson } from "../../core/files.ts";
import { isSameFile } from "../../core/guarded-files.ts";
import type { Progress } from "../../core/progress.ts";
import { readDatasetConfig } from "../../data/config.ts";
import {
  type Importance,
  type ImportanceMethod,
  type LabelSource,
  needsData,
} from "../../importance/importance.ts";
import { cutCount } from "../../importance/sensitivity/candidates.ts";
import type { Structure } from "../../structure/structure.ts";
import { hasTraining } from "../open/images.ts";
import {
  SCORE_DEFAULTS,
  type ScoreRequest,
  samplesFor,
  scoreOpened,
} from "../score/score-network.ts";
import { trainingData } from "./prune-images.ts";
import { type Road, staged } from "./prune-stages.ts";

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
): ChosenScoring {
  if (images === "none") {
    return { method: "magnitude-l2", labels: "data", reason: "no images are named" };
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

/** Scores the units as `--method` says, unless the scores are given. */
export async function scoreStage(road: Road): Promise<void> {
  const { open, run, options, context } = road;
  const { importance, seed, dataConfig } = options;
  const needsImages = options.method === "auto" || needsData(options.method);
  const data = importance === undefined && needsImages ? await trainingData(road) : undefined;
  const chosen =
    options.method === "auto" ? chooseScoring(open.structure, imagesOf(road, data)) : null;
  const method = options.method === "auto" ? (chosen?.method ?? "magnitude-l2") : options.method;
  const labels = chosen?.labels ?? SCORE_DEFAULTS.labels;
  const onImages = importance === undefined && needsData(method);
  const dependsOn = [
    ...[open.hash, method, seed, labels],
    importance === undefined ? null : sha256(readFileBytes(importance)),
    ...(onImages ? [data, dataConfig && sha256(readFileBytes(dataConfig)), SCORE_DEFAULTS] : []),
  ];
  await staged(road, "score", dependsOn, ["importance.json"], async () => {
    if (importance !== undefined) {
      // A run may be given its own scores again.
      const own = run.path("importance.json");
      if (!isSameFile(importance, own)) writeJson(own, readJson(importance));
      return;
    }
    if (chosen !== null) {
      context.progress.note(`Units are scored by ${method}: ${chosen.reason} (--method).`);
    }
    const partial = run.path("importance.json.partial.json");
    const request = { ...options, ...SCORE_DEFAULTS, method, labels, data };
    const score = (changes: Partial<ScoreRequest>): Promise<Importance> =>
      scoreOpened(open, { ...request, ...changes }, context, partial);
    const scored =
      chosen === null ? await score({}) : await withRetreat(score, labels, context.progress);
    writeJson(run.path("importance.json"), scored);
    rmSync(partial, { force: true });
  });
}

/** Where nobody chose a method, one that the network or its images don't allow is replaced by one that they do. */
async function withRetreat(
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
      return withRetreat((changes) => score({ labels: "self", ...changes }), "self", progress);
    }
    if (!error.code.startsWith("gradients/") && !WITHOUT_LOSS.has(error.code)) throw error;
    progress.note(`No gradients can be had, so magnitude-l2 scores instead: ${error.message}`);
    return score({ method: "magnitude-l2" });
  }
}

/** What keeps gradients from being taken, and nothing else from being done. */
const WITHOUT_LOSS: ReadonlySet<string> = new Set(["importance/no-loss", "importance/mixed-batch"]);

/** Whether there are images that the result is not judged by. */
function imagesOf({ options }: Road, data: string | undefined): "none" | "own" | "judged" {
  if (data === undefined) return "none";
  const { train, data: judgedBy, dataConfig } = options;
  if (train !== undefined || judgedBy === undefined) return "own";
  return hasTraining(judgedBy, dataConfig === undefined ? {} : readDatasetConfig(dataConfig))
    ? "own"
    : "judged";
}
