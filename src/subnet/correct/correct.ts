import { availableParallelism } from "node:os";
import { InputError } from "../../core/errors.ts";
import { type Progress, SILENT } from "../../core/progress.ts";
import type { Graph } from "../../graph/graph.ts";
import { type Model, modelLabel } from "../../onnx/model.ts";
import type { SampleBatch } from "../../runtime/batches.ts";
import type { Structure } from "../../structure/structure.ts";
import { cutGraph } from "../cut.ts";
import type { Subnet } from "../subnet.ts";
import { correctLayers, type LayerCorrection, layerRequests } from "./layers.ts";
import { peakBytesPerImage } from "./memory.ts";
import { type CorrectionPlan, planCorrection, type Target } from "./plan.ts";
import { takeSamples } from "./samples.ts";
import { scheduleOf } from "./schedule.ts";
import type { Setting } from "./setting.ts";
import { normRequests, normsOf, renewStatistics } from "./statistics.ts";

/**
 * `least-squares`: weights and biases, layer by layer; `bn`: means and variances of BatchNormalization again; `both`: one after the
 * other.
 */
export const CORRECTION_METHODS = ["least-squares", "bn", "both"] as const;
export type CorrectionMethod = (typeof CORRECTION_METHODS)[number];

export interface CorrectOptions {
  readonly method?: CorrectionMethod | undefined;
  /** Images to use at most; 2000 unless given. */
  readonly images?: number | undefined;
  /** Output positions per image and layer; unless given, enough for 32 samples per weight of a channel, at least 8. */
  readonly positions?: number | undefined;
  /** Pull towards the old weights, relative to the mean variance of a layer's inputs; 0.01 unless given. */
  readonly ridge?: number | undefined;
  /** The residual sum where a layer is the last to add to it, unless `layer`: each layer's own output. */
  readonly target?: Target | undefined;
  /** Looks at a layer that a Relu or Clip follows; 2 unless given. */
  readonly looks?: number | undefined;
  /** Bytes that values between layers may take; fewer images are used where they would take more. 2 GiB unless given. */
  readonly memoryBytes?: number | undefined;
  readonly seed?: number | undefined;
  readonly threads?: number | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a correction did. */
export interface Correction {
  readonly graph: Graph;
  readonly method: CorrectionMethod;
  /** Images that were used. */
  readonly images: number;
  readonly layers: readonly LayerCorrection[];
  /** Layers that were left as they were, with the reason. */
  readonly left: readonly { readonly label: string; readonly reason: string }[];
  /** BatchNormalizations with new statistics. */
  readonly renewed: number;
}

/**
 * Repairs a pruned network without labels: the smaller network's layers are fitted, one after the other, so that on sample images
 * they give what the dense network gives. Labels of the batches are not read.
 *
 * The result has the nodes and shapes of `cutGraph`, other weights, and biases where there was no place to shift an output.
 *
 * @throws InputError as `cutGraph` and `takeSamples`; `correct/nothing` where no layer can be corrected
 * @throws InterruptedError `correct/interrupted`
 */
export async function correctSubnet(
  model: Model,
  structure: Structure,
  subnet: Subnet,
  images: AsyncIterable<SampleBatch>,
  options: CorrectOptions = {},
): Promise<Correction> {
  const { method = "least-squares", target = "stream", looks = DEFAULTS.looks } = options;
  const smaller = cutGraph(structure, subnet);
  const plan = planCorrection(structure, subnet, smaller, {
    ...{ target, furtherLooks: looks - 1 },
  });
  const setting = settingOf(options);
  const most = imagesThatFit(structure.graph, smaller, plan, options);
  const samples = await takeSamples(smaller, images, { images: most, runSize: RUN_SIZE });
  let graph = smaller;
  let layers: readonly LayerCorrection[] = [];
  if (method !== "bn") {
    if (plan.steps.length === 0) throw nothing(model, plan.left[0]?.reason ?? "it has no layers");
    const corrected = await correctLayers(model, structure, graph, plan.steps, samples, setting);
    ({ graph, layers } = corrected);
  }
  let renewed = 0;
  if (method !== "least-squares") {
    const result = await renewStatistics(model, graph, samples, setting);
    ({ graph, renewed } = result);
    if (renewed === 0 && method === "bn") throw nothing(model, "it has no BatchNormalization");
  }
  return { graph, method, images: samples.count, layers, left: plan.left, renewed };
}

const DEFAULTS = { images: 2000, ridge: 0.01, looks: 2, memoryBytes: 2 ** 31 } as const;
const RUN_SIZE = 50;

function settingOf(options: CorrectOptions): Setting {
  const { positions, ridge = DEFAULTS.ridge, seed = 0 } = options;
  const { threads = Math.min(availableParallelism(), 4), progress = SILENT, signal } = options;
  return { positions, ridge, seed, threads, progress, signal };
}

/** How many of the asked images can be held with the values between layers. */
export function imagesThatFit(
  dense: Graph,
  smaller: Graph,
  plan: CorrectionPlan,
  options: CorrectOptions,
): number {
  const { images = DEFAULTS.images, memoryBytes = DEFAULTS.memoryBytes } = options;
  const requests = layerRequests(plan.steps);
  const ours = peakBytesPerImage(smaller, scheduleOf(smaller, requests.smaller));
  const theirs = peakBytesPerImage(dense, scheduleOf(dense, requests.dense));
  const norms = peakBytesPerImage(smaller, scheduleOf(smaller, normRequests(normsOf(smaller))));
  const both = ours.map((bytes, step) => bytes + (theirs[step] ?? 0));
  const peak = Math.max(1, ...(options.method === "bn" ? norms : [...both, ...norms]));
  const most = Math.max(1, Math.floor(memoryBytes / peak));
  if (most >= images) return images;
  options.progress?.note(
    `${images} images would take ${gib(peak * images)} between layers; ${most} are used, which take ${gib(memoryBytes)}.`,
  );
  return most;
}

function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

function nothing(model: Model, reason: string): InputError {
  return new InputError({
    code: "correct/nothing",
    message: `No layer can be corrected: ${reason}.`,
    where: modelLabel(model),
    hint: "Networks in float32 can be corrected; bn needs one whose BatchNormalization is not folded.",
  });
}
