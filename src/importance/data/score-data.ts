import { UsageError } from "../../core/errors.ts";
import { type Progress, SILENT } from "../../core/progress.ts";
import { answersOf } from "../../graph/answers.ts";
import type { Model } from "../../onnx/model.ts";
import type { SampleBatch } from "../../runtime/batches.ts";
import type { Structure } from "../../structure/structure.ts";
import { crossModalComparison } from "../cross-modal/comparison.ts";
import { gaussNewtonScorer } from "../cross-modal/gauss-newton.ts";
import { type Modalities, type ModalityNames, modalitiesOf } from "../cross-modal/modalities.ts";
import {
  type DataMethod,
  type Importance,
  type LabelSource,
  type Normalisation,
  type PartImportance,
  rankUnits,
  type ScoreData,
  scoreUnits,
} from "../importance.ts";
import { assembleImportance, type LayerScores } from "../per-unit.ts";
import { defaultNormalisation } from "../score.ts";
import { betterOrders } from "../sensitivity/better-orders.ts";
import { candidatesOf, isPriced } from "../sensitivity/candidates.ts";
import { importanceFromDamages, type MeasuredImportance } from "../sensitivity/from-damages.ts";
import { gatedNetwork } from "../sensitivity/gated.ts";
import { repairedDamages } from "../sensitivity/repaired.ts";
import {
  openSensitivity,
  type Sensitivity,
  type SensitivityOptions,
  valueByValue,
} from "../sensitivity/sensitivity.ts";
import { activationScorer } from "./activation.ts";
import { collect, layerScores, type Passed, type PassOptions, type Scorer } from "./collect.ts";
import { openColumnEnergy } from "./column-energy.ts";
import { gradientScorer } from "./gradients.ts";
import { knowledgeScorer } from "./knowledge-scores.ts";
import { reconstructionScorer } from "./reconstruction.ts";

export interface DataScoreOptions {
  readonly method: DataMethod;
  /** `defaultNormalisation(method)` unless given. */
  readonly normalisation?: Normalisation | undefined;
  /** The images, in the same order at every call; all batches but the last equally large. */
  readonly batches: () => AsyncIterable<SampleBatch>;
  /** Number of images to expect, and of images per batch. */
  readonly images: number;
  readonly batch: number;
  /** `data` unless given. */
  readonly labels?: LabelSource | undefined;
  /** Values that `sensitivity` compares; all outputs where left out. */
  readonly outputs?: readonly string[] | undefined;
  /** For `sensitivity`: cuts are measured after each was repaired by itself, on half of the samples; false unless given. */
  readonly repaired?: boolean | undefined;
  /** For `cross-modal`: which outputs are compared; found in the graph where left out. */
  readonly modalities?: ModalityNames | undefined;
  /** That chose the images; also draws the positions that `reconstruction` looks at. 0 unless given. */
  readonly seed?: number | undefined;
  /** SHA-256 of the network's file. */
  readonly networkHash?: string | null | undefined;
  /** 1 unless given. */
  readonly threads?: number | undefined;
  /** Where sums are kept meanwhile; the caller deletes it once the result is safe. */
  readonly partialPath?: string | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Scores every unit of every dim on images, separately for each layer that produces the dim (`reconstruction`: that reads it;
 * `sensitivity`: that it is lost with).
 * The network computes as in inference: BatchNormalization uses its running statistics.
 * @throws InputError `importance/no-normalisation` for `taylor-bn` on a network without BatchNormalization
 * @throws InputError `importance/no-labels`, `importance/bad-label`, `importance/no-loss`, and as `bindFeeds`;
 * `importance/no-images`, `importance/not-finite`, `importance/other-images`, `importance/singular`; and as `differentiate`
 * @throws InterruptedError `importance/interrupted`, after what was summed is safe
 */
export async function scoreWithData(
  model: Model,
  structure: Structure,
  options: DataScoreOptions,
): Promise<Importance> {
  const { method, images, batch, seed = 0, progress = SILENT } = options;
  const labels = hasLoss(method) ? (options.labels ?? "data") : null;
  const networkHash = options.networkHash ?? null;
  const normalisation = options.normalisation ?? defaultNormalisation(method);
  const { outputs, modalities } = options;
  const settings = JSON.stringify({
    method,
    labels,
    images,
    batch,
    seed,
    networkHash,
    outputs,
    modalities,
    repaired: options.repaired,
  });
  const path = options.partialPath;
  const partial = path === undefined ? null : { path, settings };
  const { batches, signal } = options;
  const pass = { batches, images, label: "scoring", signal, progress, partial };
  const about = { method, normalisation, networkHash, seed };
  const dataOf = (passed: Passed): ScoreData => ({
    ...{ images: passed.images, batch, labels, hash: passed.hash },
  });
  if (isMeasured(method)) {
    const { dims, joint, passed, parts } = await measuredDims(
      model,
      structure,
      { ...options, normalisation },
      pass,
    );
    const unpricedLayers = structure.layers
      .filter((layer) => layer.drop !== null && !isPriced(structure, layer.index))
      .map((layer) => layer.name);
    const own = dataOf(passed);
    const data: ScoreData = options.repaired === true ? { ...own, repaired: true } : own;
    const measured = {
      ...{ unpricedLayers, dims },
      ...(joint === undefined ? {} : { joint }),
      ...(parts.length === 0 ? {} : { parts: parts.map(withoutOrders) }),
    };
    return { schema: "mdp-importance/1", ...about, data, ...measured };
  }
  const scorer = await scorerOf(model, structure, method, options);
  try {
    const passed = await collect(scorer, pass);
    const scores = await layerScores(scorer, structure.layers, passed);
    return assembleImportance(
      structure,
      { ...about, data: dataOf(passed) },
      ({ index }) => scores.get(index) ?? null,
    );
  } finally {
    await scorer.close();
  }
}

/** Ranks units by reconstruction (between modalities: by that or by curvature, as measured), then measures what the network loses along those orders. */
async function measuredDims(
  model: Model,
  structure: Structure,
  options: DataScoreOptions,
  pass: PassOptions,
): Promise<
  MeasuredImportance & { readonly passed: Passed; readonly parts: readonly PartImportance[] }
> {
  const { threads = 1, progress = SILENT, signal, batch, images } = options;
  if (options.normalisation !== "none") {
    throw new UsageError({
      code: "importance/normalisation",
      message:
        "Measured damages of different layers compare as they are; divided by anything they would mean nothing.",
      where: "--normalisation",
      hint: `Leave --normalisation out with --method ${options.method}.`,
    });
  }
  const modalities =
    options.method === "cross-modal" ? modalitiesOf(structure.graph, options.modalities) : null;
  const comparison = modalities === null ? undefined : crossModalComparison(modalities);
  const meterOf = (
    cuts: SensitivityOptions["cuts"],
    expected: number,
    label?: string,
  ): Promise<Sensitivity> =>
    openSensitivity(model, structure, {
      ...{ cuts, threads, batches: expected, batch, progress, signal, label },
      ...{ outputs: options.outputs, comparison },
    });
  const byWeights = await reconstructionOrders(model, structure, options, pass);
  const orders =
    modalities === null
      ? byWeights
      : await betterOrders(
          structure,
          [byWeights, await curvatureOrders(model, structure, options, pass, modalities)],
          (cuts) => damagesOn(pass, (label) => meterOf(cuts, 1, label)),
        );
  const resultOf = (
    { candidates, parts: names, damages }: Pick<Sensitivity, "candidates" | "parts" | "damages">,
    passed: Passed,
  ): MeasuredImportance & {
    readonly passed: Passed;
    readonly parts: readonly PartImportance[];
  } => {
    const importanceOf = (part?: number): MeasuredImportance =>
      importanceFromDamages(structure, orders, candidates, damages(part));
    const parts = names.map((name, part) => ({ name, ...importanceOf(part) }));
    return { ...importanceOf(), passed, parts: parts.length > 1 ? parts : [] };
  };
  // The meter tells its progress itself, cut by cut.
  const quiet = { ...progress, step: () => {} };
  if (options.repaired === true) {
    const held: SampleBatch[] = [];
    const holder = { sums: new Map(), add: async (own: SampleBatch) => void held.push(own) };
    const passed = await collect(holder, { ...pass, partial: null, progress: quiet });
    const candidates = candidatesOf(structure, orders, gatedNetwork(structure));
    const { graph } = structure;
    const compared = valueByValue(answersOf(graph, options.outputs).values, graph);
    const damages = await repairedDamages(model, structure, candidates, held, {
      ...{ comparison: compared, threads, seed: options.seed ?? 0, progress, signal },
    });
    return resultOf({ candidates, parts: compared.parts, damages }, passed);
  }
  const batches = Math.max(1, Math.floor(images / batch));
  const meter = await meterOf((gated) => candidatesOf(structure, orders, gated), batches);
  try {
    const partial = pass.partial === null ? null : { ...pass.partial, every: 1 };
    return resultOf(meter, await collect(meter, { ...pass, partial, progress: quiet }));
  } finally {
    await meter.close();
  }
}

/** The orders are those of the whole, and needn't be said again. */
function withoutOrders(part: PartImportance): PartImportance {
  return { ...part, dims: part.dims.map(({ order: _, ...dim }) => dim) };
}

/** Damages of cuts on the first batch alone. */
async function damagesOn(
  pass: PassOptions,
  open: (label: string) => Promise<Sensitivity>,
): Promise<readonly number[]> {
  const meter = await open("comparing orders");
  try {
    for await (const batch of pass.batches()) {
      await meter.add(batch, 0);
      break;
    }
    return meter.damages();
  } finally {
    await meter.close();
  }
}

/** Units of every dim by what the layers that read them can't restore without them. */
async function reconstructionOrders(
  model: Model,
  structure: Structure,
  options: DataScoreOptions,
  pass: PassOptions,
): Promise<readonly (readonly number[])[]> {
  const ranking = await scoreWithData(model, structure, {
    ...options,
    ...{ method: "reconstruction", partialPath: undefined },
  });
  const energies = await columnEnergies(model, structure, options.threads ?? 1, pass);
  return ranking.dims.map((dim, index) => {
    const scores = scoreUnits(dim);
    return rankUnits(scores.some((score) => score > 0) ? scores : (energies.get(index) ?? scores));
  });
}

/** Random draws over all batches: their mean square is off by an eighth of itself, one standard deviation. */
const DRAWS = 128;

/** Units of every dim by the curvature of a distillation between the modalities. */
async function curvatureOrders(
  model: Model,
  structure: Structure,
  options: DataScoreOptions,
  pass: PassOptions,
  modalities: Modalities,
): Promise<readonly (readonly number[])[]> {
  const { batch, seed = 0, threads = 1, networkHash = null } = options;
  const batches = Math.max(1, Math.floor(options.images / batch));
  const draws = Math.ceil(DRAWS / batches);
  const scorer = await gaussNewtonScorer(model, structure, modalities, {
    ...{ batch, seed, threads, draws },
  });
  try {
    const passed = await collect(scorer, { ...pass, label: "ranking units", partial: null });
    const about = { method: options.method, normalisation: "none", networkHash, seed } as const;
    const data: ScoreData = { images: passed.images, batch, labels: null, hash: passed.hash };
    const scores = await layerScores(scorer, structure.layers, passed);
    const ranking = assembleImportance(
      structure,
      { ...about, data },
      ({ index }) => scores.get(index) ?? null,
    );
    return ranking.dims.map((dim) => rankUnits(scoreUnits(dim)));
  } finally {
    await scorer.close();
  }
}

/** Scores of columns that no layer reads. */
async function columnEnergies(
  model: Model,
  structure: Structure,
  threads: number,
  pass: PassOptions,
): Promise<LayerScores> {
  const energy = await openColumnEnergy(model, structure, threads);
  if (energy === null) return new Map();
  try {
    await collect(energy, { ...pass, label: "ranking columns", partial: null });
    return energy.scores();
  } finally {
    await energy.close();
  }
}

/** Methods that measure what cuts do, rather than estimate it. */
function isMeasured(method: DataMethod): method is "sensitivity" | "cross-modal" {
  return method === "sensitivity" || method === "cross-modal";
}

const LOSSLESS: ReadonlySet<DataMethod> = new Set(["activation", "reconstruction", "refer"]);

function hasLoss(method: DataMethod): boolean {
  return !LOSSLESS.has(method) && !isMeasured(method);
}

function scorerOf(
  model: Model,
  structure: Structure,
  method: Exclude<DataMethod, "sensitivity" | "cross-modal">,
  options: DataScoreOptions,
): Promise<Scorer> {
  const { threads = 1, seed = 0 } = options;
  switch (method) {
    case "activation":
      return activationScorer(model, structure, threads);
    case "reconstruction":
      return reconstructionScorer(model, structure, { threads, seed, images: options.images });
    case "taylor-bn":
    case "taylor":
    case "taylor-abs":
    case "fisher":
    case "hessian": {
      const { batch, labels = "data" } = options;
      return gradientScorer(model, structure, { method, batch, labels, threads });
    }
    case "refer":
    case "afr": {
      const { batch, labels = "data" } = options;
      return knowledgeScorer(model, structure, { method, batch, labels, threads });
    }
    default:
      return method satisfies never;
  }
}
