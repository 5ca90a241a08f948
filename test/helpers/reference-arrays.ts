/** Small arrays in float64, and what the reference operators are written with. */
import type { Node } from "../../src/graph/graph.ts";
import type { Op } from "../../src/graph/op.ts";
import { elementCount } from "../../src/graph/tensor.ts";

export interface Array64 {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** One operation: its inputs, and the shapes of its outputs. */
export interface Call {
  readonly node: Node;
  readonly op: Op;
  readonly inputs: readonly Array64[];
  readonly shapes: readonly (readonly number[])[];
}

export function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
}

/** One element per coordinate of `shape`. */
export function tabulate(
  shape: readonly number[],
  value: (at: readonly number[], flat: number) => number,
): Float64Array {
  const strides = stridesOf(shape);
  return Float64Array.from({ length: elementCount(shape) }, (_, flat) =>
    value(
      shape.map((extent, axis) => Math.floor(flat / (strides[axis] ?? 1)) % extent),
      flat,
    ),
  );
}

/** An element; 0 outside. */
export function at({ shape, data }: Array64, index: readonly number[]): number {
  let flat = 0;
  for (let axis = 0; axis < shape.length; axis += 1) {
    const [extent, i] = [shape[axis] ?? 1, index[axis] ?? 0];
    if (i < 0 || i >= extent) return 0;
    flat = flat * extent + i;
  }
  return data[flat] ?? Number.NaN;
}

export function stretched(value: Array64, index: readonly number[]): number {
  const skipped = index.length - value.shape.length;
  return at(
    value,
    value.shape.map((extent, axis) => (extent === 1 ? 0 : (index[axis + skipped] ?? 0))),
  );
}
