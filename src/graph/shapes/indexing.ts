/** Where each element of a moved tensor comes from: the data side of the layout ops, for small constants. */
import type { Extent } from "../graph.ts";
import { elementCount } from "../tensor.ts";

/** Row-major strides of a shape. */
export function stridesOf(shape: readonly number[]): readonly number[] {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis -= 1) {
    strides[axis] = (strides[axis + 1] ?? 1) * (shape[axis + 1] ?? 1);
  }
  return strides;
}

/** Elements of a tensor of `shape`, each taken from where `from` says for its coordinates. */
export function taken(
  values: readonly Extent[],
  shape: readonly number[],
  from: (coordinates: readonly number[]) => number,
): readonly Extent[] {
  const strides = stridesOf(shape);
  return Array.from({ length: elementCount(shape) }, (_, flat) => {
    const coordinates = strides.map(
      (stride, axis) => Math.floor(flat / stride) % (shape[axis] ?? 1),
    );
    return values[from(coordinates)] ?? null;
  });
}

/** The flat index of coordinates, where axes of extent 1 are stretched and missing leading axes are skipped. */
export function broadcastIndex(coordinates: readonly number[], shape: readonly number[]): number {
  const strides = stridesOf(shape);
  const skipped = coordinates.length - shape.length;
  return shape.reduce(
    (sum, extent, axis) =>
      sum + (extent === 1 ? 0 : (coordinates[axis + skipped] ?? 0) * (strides[axis] ?? 1)),
    0,
  );
}
