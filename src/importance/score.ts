import { InputError } from "../core/errors.ts";
import { type Random, randomFrom } from "../core/random.ts";
import { foldedOf } from "../graph/fold/folded.ts";
import type { Graph } from "../graph/graph.ts";
import { nodeId } from "../graph/graph.ts";
import { elementCount, floatsOf } from "../graph/tensor.ts";
import type { Layer, Structure } from "../structure/structure.ts";
import type { Importance, ImportanceMethod, Normalisation, WeightMethod } from "./importance.ts";
import { assembleImportance, type LayerScores, perUnit } from "./per-unit.ts";

export interface ScoreOptions {
  readonly method: WeightMethod;
  /** `defaultNormalisation(method)` unless given. */
  readonly normalisation?: Normalisation | undefined;
  /** For `random`; 0 unless given. */
  readonly seed?: number | undefined;
  /** SHA-256 of the network's file. */
  readonly networkHash?: string | null | undefined;
}

/**
 * By what a layer's scores are divided unless the user says otherwise. Magnitudes of different layers can't be compared (a
 * BatchNormalization behind a layer undoes any scale of its weights), so each layer is brought to a best unit of 1: a layer whose
 * units are worth much the same then counts more as a whole than one that rests on few (docs/decisions/0005). Scales of
 * BatchNormalizations and random numbers are comparable as they are.
 */
export function defaultNormalisation(method: ImportanceMethod): Normalisation {
  return method === "magnitude-l1" || method === "magnitude-l2" ? "max" : "none";
}

/**
 * Scores every unit of every dim, separately for each layer that produces the dim. Biases don't count.
 * @throws InputError `importance/no-normalisation` for `bn-scale` on a network without BatchNormalization
 * @throws InputError `importance/weight-type` where weights are no floating-point numbers
 */
export function scoreNetwork(structure: Structure, options: ScoreOptions): Importance {
  const { method } = options;
  const seed = options.seed ?? 0;
  const random = randomFrom(seed);
  const normalisation = options.normalisation ?? defaultNormalisation(method);
  let scored = 0;
  const about = {
    ...{ method, normalisation, networkHash: options.networkHash ?? null },
    seed: method === "random" ? seed : null,
  };
  const importance = assembleImportance(structure, about, (layer) => {
    const scores = scoreLayer(structure, layer, method, random);
    if (scores !== null) scored += 1;
    return scores;
  });
  if (scored === 0 && method === "bn-scale") throw noNormalisation(structure.graph.name);
  return importance;
}

/** A method that reads BatchNormalization met a network that has none. */
export function noNormalisation(where: string, hint?: string): InputError {
  return new InputError({
    code: "importance/no-normalisation",
    message: "No layer has a BatchNormalization behind it that could be read.",
    where,
    hint:
      hint ??
      "Score with --method magnitude-l1 or magnitude-l2, or export the network with its BatchNormalization kept.",
  });
}

/** Scores of the units that a layer produces, by dim; null where the method has nothing to say of the layer. */
function scoreLayer(
  structure: Structure,
  layer: Layer,
  method: WeightMethod,
  random: Random,
): LayerScores | null {
  const { graph } = structure;
  switch (method) {
    case "magnitude-l1":
    case "magnitude-l2": {
      const { name, outputAxis } = layer.weight;
      const power = method === "magnitude-l1" ? 1 : 2;
      return perUnit(
        structure,
        structure.axis(name, outputAxis),
        magnitudes(graph, name, outputAxis, power),
      );
    }
    case "bn-scale": {
      const scale = graph.nodes.find((node) => nodeId(node) === layer.normalisation)?.inputs[1];
      if (scale === undefined) return null;
      return perUnit(structure, structure.axis(scale, 0), magnitudes(graph, scale, 0, 1));
    }
    case "random": {
      const { name, outputAxis } = layer.weight;
      const units = structure.axis(name, outputAxis);
      return perUnit(
        structure,
        units,
        Float64Array.from({ length: units?.length ?? 0 }, random.next),
      );
    }
    default:
      return method satisfies never;
  }
}

/** Sums of |w| (power 1) or w^2 (power 2) over everything but one axis. */
function magnitudes(graph: Graph, name: string, axis: number, power: 1 | 2): Float64Array {
  const tensor = foldedOf(graph, name);
  if (tensor === null || !/^b?float/.test(tensor.type)) {
    throw new InputError({
      code: "importance/weight-type",
      message: `The weights are of type ${tensor?.type ?? "unknown"}; only floating-point ones can be scored.`,
      where: name,
      hint: "Score the network before it is converted to lower precision.",
    });
  }
  const values = floatsOf(tensor);
  const extent = tensor.shape[axis] ?? 1;
  const inner = elementCount(tensor.shape.slice(axis + 1));
  const sums = new Float64Array(extent);
  for (let start = 0, index = 0; start < values.length; start += inner) {
    let sum = 0;
    for (let at = start; at < start + inner; at += 1) {
      const value = values[at] ?? 0;
      sum += power === 1 ? Math.abs(value) : value * value;
    }
    sums[index] = (sums[index] ?? 0) + sum;
    index = index + 1 === extent ? 0 : index + 1;
  }
  return sums;
}
