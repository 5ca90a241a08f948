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
import type { AxisUnits, Layer, Structure } from "../../structure/structure.ts";
import type { LabelSource } from "../importance.ts";
import { perUnit } from "../per-unit.ts";
import { noNormalisation } from "../score.ts";
import type { Scorer } from "./collect.ts";
import { type Extension, extend } from "./extend.ts";
import { imageFeed, imageInput, openGraph } from "./feed.ts";
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
  /** Whether the numbers that come out of a run are one row per image. */
  readonly perImage: boolean;
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
  const input = imageInput(structure.graph);
  const fixed = staticGraph(structure.graph, { batch });
  const { graph, logits } = classScores(fixed, logitsOf(fixed, fixed.outputs[0]?.name ?? ""));
  const lossy = crossEntropy(graph, { logits, labels: LABELS });
  const watched = watchedLayers(structure, graph, logits, method);
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
  return {
    sums: new Map(watched.map(({ layer, sum }) => [layer.name, sum])),
    add: async (images) => {
      const feed = imageFeed(structure.graph, images);
      const labels = await labeller.labelsOf(images, feed);
      const outputs = await session.run({ [input]: feed, [LABELS]: labelFeed(labels) });
      for (const [index, at] of watched.entries()) {
        const output = outputs[products[index] ?? ""];
        if (output?.type === "float32") add(at, output.data, images.size);
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

/** The layers that the loss depends on, and what is watched of each. */
function watchedLayers(
  structure: Structure,
  graph: Graph,
  logits: string,
  method: GradientOptions["method"],
): Watched[] {
  const active = new Set(ancestors(graph, [logits]).flatMap((node) => node.outputs));
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
    return [
      { layer, value, axis, perImage: onOutput, units, first, sum: new Float64Array(length) },
    ];
  });
  if (watched.length === 0 && method === "taylor-bn") {
    throw noNormalisation(
      structure.graph.name,
      "Score with --method fisher or taylor, which read the same gradients elsewhere, or export the network with its BatchNormalization kept.",
    );
  }
  return watched;
}

function firstOfUnit(units: AxisUnits | null, length: number): Int32Array {
  const first = Int32Array.from({ length }, (_, index) => index);
  if (units === null) return first;
  const known = new Map<string, number>();
  for (const [index, dim] of units.dims.entries()) {
    if (dim < 0) continue;
    const key = `${dim} ${units.units[index]}`;
    first[index] = known.get(key) ?? index;
    if (!known.has(key)) known.set(key, index);
  }
  return first;
}

/** value * gradient, reduced to one number per index along the axis: over weights, or per image over positions. */
function reduced(
  extension: Extension,
  graph: Graph,
  { value, axis, perImage }: Watched,
  gradient: string,
  method: GradientOptions["method"],
): string {
  const rank = inferShapes(graph).resolved(value)?.length ?? 0;
  const product = extension.node("Mul", [value, gradient]);
  if (perImage) return extension.sumBut(product, rank, [0, axis]);
  if (method === "taylor") {
    return extension.sumBut(extension.node("Mul", [product, product]), rank, [axis]);
  }
  const terms = method === "taylor-abs" ? extension.node("Abs", [product]) : product;
  return extension.sumBut(terms, rank, [axis]);
}

type Adder = (at: Watched, values: Float32Array, images: number) => void;

function adderOf(method: GradientOptions["method"]): Adder {
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
const addPerImage: Adder = ({ layer, sum, first }, values, images) => {
  const perImage = values.length / images;
  if (perImage % sum.length !== 0) throw mixedBatch(layer);
  for (let image = 0; image < images; image += 1) {
    const ofUnit = new Float64Array(sum.length);
    for (let at = 0; at < perImage; at += 1) {
      const unit = first[at % sum.length] ?? 0;
      ofUnit[unit] = (ofUnit[unit] ?? 0) + images * (values[image * perImage + at] ?? 0);
    }
    for (const [unit, derivative] of ofUnit.entries()) {
      sum[unit] = (sum[unit] ?? 0) + derivative ** 2 / 2;
    }
  }
};

function mixedBatch(layer: Layer): InputError {
  return new InputError({
    code: "importance/mixed-batch",
    message: "The leading axis of the layer's output is not one row, or several, per image.",
    where: `layer '${layer.name}'`,
    hint: "Score with --method taylor, which reads the weights' gradients.",
  });
}
