import { constantOf } from "../../graph/constants.ts";
import { nodeId } from "../../graph/graph.ts";
import { floatsOf } from "../../graph/tensor.ts";
import type { Layer, Structure, UnitLevel } from "../../structure/structure.ts";
import { type LinearLayer, linearLayer } from "../../subnet/correct/linear.ts";

/** A layer that multiplies what it reads by a matrix, with the units among its inputs. */
export interface ConsumingLayer {
  readonly layer: Layer;
  /** Where its inputs are read: patches under the kernel, or single positions where patches would be too long. */
  readonly linear: LinearLayer;
  /** Shape at batch 1 of the value whose positions are counted. */
  readonly positions: readonly number[];
  /** Layers with the same key read the same inputs. */
  readonly key: string;
  /** outputs x inputs, row-major; positions of a kernel that isn't unrolled count as outputs. */
  readonly weights: Float64Array;
  readonly outputs: number;
  /** Dims and units of every input; several levels where inputs are products (heads x width). */
  readonly levels: readonly UnitLevel[];
}

const SINGLE = { kernel: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0] } as const;

/**
 * The layer as a consumer of units; null where it reads none that could go alone (grouped convolutions: their inputs are their
 * outputs), or where it is of a form that can't be corrected.
 * @param largest inputs up to which patches are unrolled; beyond it a refit is within one position of the kernel.
 */
export function consumingLayer(
  structure: Structure,
  layer: Layer,
  largest: number,
): ConsumingLayer | null {
  const { graph, shapes } = structure;
  const node = graph.nodes.find((candidate) => nodeId(candidate) === layer.id);
  const linear = node === undefined ? null : linearLayer(graph, node, shapes.of);
  if (linear === null || "reason" in linear || linear.groups > 1) return null;
  const axis = structure.axis(layer.weight.name, layer.weight.inputAxis);
  const tensor = constantOf(graph, linear.weight);
  const [input, output] = [shapes.of(linear.input), shapes.of(linear.output)];
  if (axis === null || tensor === null || input === null || output === null) return null;
  const taps = linear.unknowns / linear.inputs;
  const unrolled = linear.unknowns <= largest;
  const read: LinearLayer =
    unrolled || linear.window === null
      ? linear
      : { ...linear, window: SINGLE, unknowns: linear.inputs };
  const perChannel = unrolled ? taps : 1;
  const of = (list: Int32Array): Int32Array =>
    Int32Array.from(
      { length: read.unknowns },
      (_, index) => list[Math.floor(index / perChannel)] ?? -1,
    );
  const matrix = asMatrix(floatsOf(tensor), linear, unrolled ? 1 : taps);
  return {
    ...{ layer, linear: read, positions: unrolled ? output : input },
    key: [linear.input, JSON.stringify(read.window), read.unknowns].join(" "),
    weights: matrix,
    outputs: matrix.length / read.unknowns,
    levels: axis.levels.map(({ dims, units }) => ({ dims: of(dims), units: of(units) })),
  };
}

/** The weight as outputs x inputs; `split` positions of the kernel become outputs of their own. */
function asMatrix(values: Float32Array, linear: LinearLayer, split: number): Float64Array {
  const { outputs, unknowns, rows } = linear;
  const inputs = unknowns / split;
  const matrix = new Float64Array(outputs * unknowns);
  for (let output = 0; output < outputs; output += 1) {
    for (let unknown = 0; unknown < unknowns; unknown += 1) {
      const value = values[rows ? output * unknowns + unknown : unknown * outputs + output] ?? 0;
      const row = output * split + (unknown % split);
      matrix[row * inputs + Math.floor(unknown / split)] = value;
    }
  }
  return matrix;
}
