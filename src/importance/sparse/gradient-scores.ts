/**
 * Scores from gradients, summed over batches b:
 *
 *   snip[w]  = sum_b |w dCE_b/dw|
 *   refer[w] = sum_b |w dK_b/dw|,   K_b = sum over layers l of mean sigma(F_l), F_l = output of layer l as batch x everything else
 *   afr[w]   = z(refer[w]) + z(snip[w]),   z over all weights of all layers together
 *
 * K's gradient needs no decomposition in the graph: P_l = (F_l F_l')^(-1/2) / r is made outside, and the gradient of
 * sum_l 1/2 <P_l, F_l F_l'> is that of K. Where samples repeat, F_l F_l' is singular and its pseudo-inverse counts.
 */
import { InputError } from "../../core/errors.ts";
import { type Progress, SILENT } from "../../core/progress.ts";
import { differentiate } from "../../gradients/differentiate.ts";
import { crossEntropy, gramForms, logitsOf } from "../../gradients/losses.ts";
import { staticGraph } from "../../gradients/static-graph.ts";
import type { Graph } from "../../graph/graph.ts";
import { inferShapes } from "../../graph/shapes/infer.ts";
import { ancestors } from "../../graph/traversal.ts";
import type { Model } from "../../onnx/model.ts";
import type { SampleBatch } from "../../runtime/batches.ts";
import type { Feed, Feeds, Session } from "../../runtime/session.ts";
import type { Structure } from "../../structure/structure.ts";
import { openProducts, type Products } from "../../subnet/correct/products.ts";
import { matrixOf, type SparseWeight } from "../../subnet/sparse/weights.ts";
import { extend } from "../data/extend.ts";
import { feedsOf, openGraph } from "../data/feed.ts";
import { classScores, labelFeed, openLabeller } from "../data/labels.ts";
import type { LabelSource } from "../importance.ts";
import { inverseRoot, symmetricEigen } from "../knowledge/spectrum.ts";
import { checkGoing } from "./interrupted.ts";
import type { FixedScores } from "./scores.ts";

export interface GradientScoreOptions {
  /** Images per batch: the rows of F. 2 to 64. */
  readonly batch: number;
  readonly images: number;
  readonly labels: LabelSource;
  readonly threads: number;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Sums over batches of w dL/dw, per element: with its sign, and without. */
export interface GradientSums {
  readonly magnitudes: FixedScores;
  readonly signed: FixedScores;
}

/** Which loss is differentiated: the classes' cross entropy, or the knowledge of the layers' outputs. */
export type GradientLoss = "labels" | "knowledge";

/** Gradients that are summed batch by batch. Close it: it holds sessions. */
export interface OpenGradients {
  readonly add: (batch: SampleBatch) => Promise<void>;
  readonly sums: GradientSums;
  readonly close: () => Promise<void>;
}

/**
 * Sums over all batches of the full size.
 * @throws InputError as `differentiate`, `feedsOf` and `openLabeller`; `importance/no-images`
 * @throws InterruptedError `importance/interrupted`
 */
export async function gradientSums(
  model: Model,
  structure: Structure,
  weights: readonly SparseWeight[],
  loss: GradientLoss,
  batches: AsyncIterable<SampleBatch>,
  options: GradientScoreOptions,
): Promise<GradientSums> {
  const { batch: size, images: expected, progress = SILENT, signal } = options;
  const opened = await openGradients(model, structure, weights, loss, options);
  let images = 0;
  try {
    for await (const batch of batches) {
      if (batch.size !== size) break;
      checkGoing(signal, images, expected);
      await opened.add(batch);
      images += batch.size;
      progress.step("scoring weights", images, Math.max(expected, images));
    }
  } finally {
    await opened.close();
  }
  if (images === 0) throw noImages(size);
  return opened.sums;
}

/** `afr` of two sums: each standardised over all weights of all layers. */
export function standardisedSum(left: FixedScores, right: FixedScores): FixedScores {
  const [a, b] = [standardised(left), standardised(right)];
  return new Map(
    [...a].map(([name, values]) => [
      name,
      values.map((value, at) => value + (b.get(name)?.[at] ?? 0)),
    ]),
  );
}

function standardised(scores: FixedScores): FixedScores {
  let [count, sum, squares] = [0, 0, 0];
  for (const values of scores.values()) {
    count += values.length;
    for (const value of values) {
      sum += value;
      squares += value ** 2;
    }
  }
  const mean = sum / Math.max(1, count);
  const spread = Math.sqrt(Math.max(squares / Math.max(1, count) - mean ** 2, 0));
  const scale = spread > 0 ? 1 / spread : 0;
  return new Map(
    [...scores].map(([name, values]) => [name, values.map((value) => (value - mean) * scale)]),
  );
}

/** A network whose loss is differentiated with respect to weights. */
interface OpenLoss {
  readonly graph: Graph;
  readonly loss: string;
  /** What the loss is fed beside the images. */
  readonly feeds: (batch: SampleBatch, fed: Feeds) => Promise<Feeds>;
  readonly open: (graph: Graph) => Promise<Session>;
  readonly close: () => Promise<void>;
}

const LABELS = "mdp_labels";

async function openLoss(
  model: Model,
  structure: Structure,
  loss: GradientLoss,
  options: Pick<GradientScoreOptions, "batch" | "labels" | "threads">,
): Promise<OpenLoss> {
  const fixed = staticGraph(structure.graph, { batch: options.batch });
  const open = (graph: Graph): Promise<Session> => openGraph(model, graph, options.threads);
  if (loss === "labels") {
    const { graph, logits } = classScores(fixed, logitsOf(fixed, fixed.outputs[0]?.name ?? ""));
    const lossy = crossEntropy(graph, { logits, labels: LABELS });
    const labeller = await openLabeller(model, graph, logits, options);
    return {
      ...lossy,
      feeds: async (batch, fed) => ({
        [LABELS]: labelFeed(await labeller.labelsOf(batch, fed)),
      }),
      open,
      close: labeller.close,
    };
  }
  const terms = structure.layers
    .filter(({ id }) => isBatchFirst(fixed, id, options.batch))
    .map(({ id, index }) => ({ value: id as string, weights: `mdp_gram_${index}` }));
  const lossy = gramForms(fixed, terms);
  const products = await openProducts(options.threads);
  const watched = extend(fixed);
  for (const { value } of terms) watched.output(value);
  const session = await open(watched.graph());
  return {
    ...lossy,
    feeds: async (_, fed) => {
      const outputs = await session.run(fed);
      const entries: [string, Feed][] = [];
      for (const { value, weights } of terms)
        entries.push([weights, await gramWeights(outputs[value], options.batch, products)]);
      return Object.fromEntries(entries);
    },
    open,
    close: async () => {
      await session.close();
      await products.close();
    },
  };
}

function isBatchFirst(graph: Graph, value: string, batch: number): boolean {
  const shape = inferShapes(graph).resolved(value);
  return shape !== null && shape.length > 1 && shape[0] === batch;
}

/** (F F')^(-1/2) / r of a layer's output. */
async function gramWeights(
  output: Feed | undefined,
  batch: number,
  products: Products,
): Promise<Feed> {
  const data = output?.type === "float32" ? output.data : new Float32Array(batch);
  const rows = Float64Array.from(data);
  const length = rows.length / batch;
  const gram = await products.runDouble(rows, rows, length);
  const rank = Math.min(batch, length);
  const root = inverseRoot(symmetricEigen(gram, batch));
  return {
    type: "float32",
    shape: [batch, batch],
    data: Float32Array.from(root, (value) => value / rank),
  };
}

/** @throws InputError as `differentiate`, `feedsOf` and `openLabeller` */
export async function openGradients(
  model: Model,
  structure: Structure,
  weights: readonly SparseWeight[],
  kind: GradientLoss,
  options: Pick<GradientScoreOptions, "batch" | "labels" | "threads">,
): Promise<OpenGradients> {
  const opened = await openLoss(model, structure, kind, options);
  const { graph, loss } = opened;
  const needed = new Set(ancestors(graph, [loss]).flatMap(({ inputs }) => inputs));
  const reached = weights.filter(({ name }) => needed.has(name));
  const names = reached.map(({ name }) => name);
  const made = differentiate(graph, { loss, withRespectTo: names });
  const extension = extend(made.graph);
  const products = reached.map(({ name }) =>
    extension.output(extension.node("Mul", [name, made.gradients.get(name) ?? ""])),
  );
  const session = await opened.open(extension.graph());
  const zeros = (): Map<string, Float64Array> =>
    new Map(weights.map(({ name, rows, columns }) => [name, new Float64Array(rows * columns)]));
  const sums = { magnitudes: zeros(), signed: zeros() };
  return {
    sums,
    add: async (batch) => {
      const fed = feedsOf(structure.graph, batch);
      const more = await opened.feeds(batch, fed);
      const outputs = await session.run({ ...fed, ...more });
      for (const [index, weight] of reached.entries()) {
        const output = outputs[products[index] ?? ""];
        const values = matrixOf(weight, output?.type === "float32" ? output.data : undefined);
        const { name } = weight;
        addTo(sums.magnitudes.get(name), sums.signed.get(name), values, name);
      }
    },
    close: async () => {
      await session.close();
      await opened.close();
    },
  };
}

function addTo(
  magnitudes: Float64Array | undefined,
  signed: Float64Array | undefined,
  values: Float32Array,
  where: string,
): void {
  if (magnitudes === undefined || signed === undefined) return;
  for (const [at, value] of values.entries()) {
    if (!Number.isFinite(value)) throw notFinite(where);
    magnitudes[at] = (magnitudes[at] ?? 0) + Math.abs(value);
    signed[at] = (signed[at] ?? 0) + value;
  }
}

function noImages(batch: number): InputError {
  return new InputError({
    code: "importance/no-images",
    message: `There are fewer images than one batch of ${batch}.`,
    where: "images",
    hint: "Give more images, or a smaller --batch.",
  });
}

function notFinite(where: string): InputError {
  return new InputError({
    code: "importance/not-finite",
    message: `The gradient of '${where}' is no longer a number.`,
    where,
    hint: "Check that the images are prepared as the network was trained (mdp eval shows its accuracy).",
  });
}
