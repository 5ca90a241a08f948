/**
 * Scores from gradients of the cross entropy. Scaling all of a unit by a gate m gives the derivative at m = 1
 *
 *   dL/dm = sum over what makes up the unit of  value * dL/dvalue
 *
 * whether the sum runs over its weights, over gamma and beta of the BatchNormalization behind it, or over its output at every
 * position: `hessian`, `taylor-bn` and `fisher` read the same derivative at three places.
 */
import { InputError } from "../../core/errors.ts";
import { differentiate } from "../../gradients/differentiate.ts";
import { crossEntropy, logitsOf } from "../../gradients/losses.ts";
import { staticGraph } from "../../gradients/static-graph.ts";
import type { Graph } from "../../graph/graph.ts";
import { inferShapes } from "../../graph/shapes/infer.ts";
import { ancestors } from "../../graph/traversal.ts";
import type { Model } from "../../onnx/model.ts";
import type { Feeds } from "../../runtime/session.ts";
import type { AxisUnits, Layer, Structure } from "../../structure/structure.ts";
import type { LabelSource } from "../importance.ts";
import { perUnit } from "../per-unit.ts";
import { noNormalisation } from "../score.ts";
import type { Scorer } from "./collect.ts";
import { type Extension, extend } from "./extend.ts";
import { feedsOf, openGraph } from "./feed.ts";
import { classScores, labelFeed, openLabeller } from "./labels.ts";
import { outputPoint } from "./points.ts";

export interface GradientOptions {
  readonly method: "taylor-bn" | "taylor" | "taylor-abs" | "fisher" | "hessian";
  readonly batch: number;
  readonly labels: LabelSource;
  readonly threads: number;
}

/** What is watched of a layer: a value or weight, and along which axis its units lie. */
interface Watched {
  readonly layer: Layer;
  readonly value: string;
  readonly axis: number;
  /** Axis that grows with the batch, where numbers are wanted image by image; null: summed over all axes but the units'. */
  readonly batchAxis: number | null;
  readonly units: AxisUnits | null;
  /** Per index along the axis, the first index that belongs to the same unit. */
  readonly first: Int32Array;
  readonly sum: Float64Array;
}

const LABELS = "mdp_labels";

export async function gradientScorer(
  model: Model,
  structure: Structure,
  options: GradientOptions,
): Promise<Scorer> {
  const { method, batch, threads } = options;
  const fixed = staticGraph(structure.graph, { batch });
  const { graph, logits } = classScores(fixed, logitsOf(fixed, fixed.outputs[0]?.name ?? ""));
  const lossy = crossEntropy(graph, { logits, labels: LABELS });
  const watched = watchedLayers(structure, graph, [logits], method);
  const names = [...new Set(watched.map(({ value }) => value))];
  const made = differentiate(lossy.graph, { loss: lossy.loss, withRespectTo: names });
  const extension = extend(made.graph);
  const products = watched.map((at) => {
    const gradient = made.gradients.get(at.value) ?? "";
    return extension.output(reduced(extension, made.graph, at, gradient, method));
  });
  const session = await openGraph(model, extension.graph(), threads);
  const labeller = await openLabeller(model, graph, logits, options);
  const add = adderOf(method);
  const inOrder: boolean[] = [];
  return {
    sums: new Map(watched.map(({ layer, sum }) => [layer.name, sum])),
    add: async (images) => {
      const feeds = feedsOf(structure.graph, images);
      const labels = await labeller.labelsOf(images, feeds);
      const outputs = await session.run({ ...feeds, [LABELS]: labelFeed(labels) });
      if (method === "fisher" && inOrder.length === 0) {
        // With -1 an image has no label, and no part in the loss.
        const onlyFirst = labels.map((label, image) => (image === 0 ? label : -1));
        const ofFirst = await session.run({ ...feeds, [LABELS]: labelFeed(onlyFirst) });
        for (const [index, at] of watched.entries()) {
          inOrder.push(rowsInOrder(at, floatsFrom(ofFirst, products[index]), images.size));
        }
      }
      for (const [index, at] of watched.entries()) {
        const values = floatsFrom(outputs, products[index]);
        add(at, values, images.size, inOrder[index] ?? true);
      }
    },
    scoresOf: (index, passed) => {
      const found = watched.find(({ layer }) => layer.index === index);
      if (found === undefined) return null;
      const count = method === "fisher" ? passed.images : passed.batches;
      const means = found.sum.map((sum) => sum / count);
      return perUnit(structure, found.units, means);
    },
    close: async () => {
      await session.close();
      await labeller.close();
    },
  };
}

function floatsFrom(outputs: Feeds, name: string | undefined): Float32Array {
  const output = outputs[name ?? ""];
  return output?.type === "float32" ? output.data : new Float32Array();
}

/** The layers that some answers depend on, and what is watched of each. */
export function watchedLayers(
  structure: Structure,
  graph: Graph,
  answers: readonly string[],
  method: GradientOptions["method"],
): Watched[] {
  const active = new Set(ancestors(graph, answers).flatMap((node) => node.outputs));
  const onOutput = method === "taylor-bn" || method === "fisher";
  const watched = structure.layers.flatMap((layer): Watched[] => {
    if (!active.has(layer.id)) return [];
    if (method === "taylor-bn" && layer.normalisation === null) return [];
    const point = onOutput
      ? outputPoint(structure, layer)
      : { value: layer.weight.name, axis: layer.weight.outputAxis };
    const { value, axis } = point;
    const units = structure.axis(value, axis);
    const length = inferShapes(graph).resolved(value)?.[axis] ?? 0;
    const first = firstOfUnit(units, length);
    const batchAxis = onOutput ? batchAxisOf(structure, graph, layer, value, axis) : null;
    return [{ layer, value, axis, batchAxis, units, first, sum: new Float64Array(length) }];
  });
  if (watched.length === 0 && method === "taylor-bn") {
    throw noNormalisation(
      structure.graph.name,
      "Score with --method fisher or taylor, which read the same gradients elsewhere, or export the network with its BatchNormalization kept.",
    );
  }
  return watched;
}

/** The axis whose extent at this batch is another one than at batch 1; the first axis where the batch is 1. */
function batchAxisOf(
  structure: Structure,
  graph: Graph,
  layer: Layer,
  value: string,
  axis: number,
): number {
  const [single, here] = [structure.shapes.of(value), inferShapes(graph).resolved(value)];
  const growing = (here ?? []).flatMap((extent, at) => (extent === single?.[at] ? [] : [at]));
  const [batchAxis = 0, ...others] = growing;
  if (others.length > 0 || batchAxis >= axis) throw mixedBatch(layer);
  return batchAxis;
}

function firstOfUnit(units: AxisUnits | null, length: number): Int32Array {
  const first = Int32Array.from({ length }, (_, index) => index);
  if (units === null) return first;
  const known = new Map<string, number>();
  for (let index = 0; index < units.length; index += 1) {
    if ((units.levels[0]?.dims[index] ?? -1) < 0) continue;
    const key = units.levels.map(({ dims, units: own }) => `${dims[index]} ${own[index]}`).join();
    first[index] = known.get(key) ?? index;
    if (!known.has(key)) known.set(key, index);
  }
  return first;
}

/** value * gradient, reduced to one number per index along the axis: over weights, or per image over positions. */
export function reduced(
  extension: Extension,
  graph: Graph,
  { value, axis, batchAxis }: Watched,
  gradient: string,
  method: GradientOptions["method"],
): string {
  const rank = inferShapes(graph).resolved(value)?.length ?? 0;
  const product = extension.node("Mul", [value, gradient]);
  if (batchAxis !== null) return extension.sumBut(product, rank, [batchAxis, axis]);
  if (method === "taylor") {
    return extension.sumBut(extension.node("Mul", [product, product]), rank, [axis]);
  }
  const terms = method === "taylor-abs" ? extension.node("Abs", [product]) : product;
  return extension.sumBut(terms, rank, [axis]);
}

/** `rowsInOrder`: all rows of the first image come first; otherwise the images take turns. */
type Adder = (at: Watched, values: Float32Array, images: number, rowsInOrder: boolean) => void;

/** How what a batch gives is added to the sums of a layer. */
export function adderOf(method: GradientOptions["method"]): Adder {
  switch (method) {
    case "taylor":
    case "taylor-abs":
      return addEach((derivative) => derivative);
    case "hessian":
      return addEach((derivative) => derivative * derivative);
    case "taylor-bn":
      return addEach(Math.abs);
    case "fisher":
      return addPerImage;
    default:
      return method satisfies never;
  }
}

/** One derivative per unit and batch. */
function addEach(weigh: (derivative: number) => number): Adder {
  return ({ sum, first }, values) => {
    const ofUnit = new Float64Array(sum.length);
    for (const [at, value] of values.entries()) {
      const unit = first[at % sum.length] ?? 0;
      ofUnit[unit] = (ofUnit[unit] ?? 0) + value;
    }
    for (const [unit, derivative] of ofUnit.entries()) {
      sum[unit] = (sum[unit] ?? 0) + weigh(derivative);
    }
  };
}

/** Half the square of every image's own derivative: the gradient of the mean loss is 1 / images of it. */
const addPerImage: Adder = ({ sum, first }, values, images, rowsInOrder) => {
  const units = sum.length;
  const rows = values.length / units;
  const ofImages = new Float64Array(images * units);
  for (const [at, value] of values.entries()) {
    const row = Math.floor(at / units);
    const image = rowsInOrder ? Math.floor((row * images) / rows) : row % images;
    const cell = image * units + (first[at % units] ?? 0);
    ofImages[cell] = (ofImages[cell] ?? 0) + images * value;
  }
  for (const [cell, derivative] of ofImages.entries()) {
    sum[cell % units] = (sum[cell % units] ?? 0) + derivative ** 2 / 2;
  }
};

/**
 * How the rows of a value that has several per image are ordered: from the derivatives of the first image's loss alone, which
 * are zero on every other image's rows.
 * @throws InputError `importance/mixed-batch`
 */
function rowsInOrder({ layer, sum }: Watched, ofFirst: Float32Array, images: number): boolean {
  const rows = ofFirst.length / sum.length;
  const touched = Array.from({ length: rows }, (_, row) => row).filter((row) =>
    ofFirst.subarray(row * sum.length, (row + 1) * sum.length).some((value) => value !== 0),
  );
  if (touched.every((row) => row < rows / images)) return true;
  if (touched.every((row) => row % images === 0)) return false;
  throw mixedBatch(layer);
}

function mixedBatch(layer: Layer): InputError {
  return new InputError({
    code: "importance/mixed-batch",
    message:
      "Which part of the layer's output belongs to which image can't be told from its shape.",
    where: `layer '${layer.name}'`,
    hint: "Score with --method taylor, which reads the weights' gradients.",
  });
}
