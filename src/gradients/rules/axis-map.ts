import { elementCount } from "../../graph/tensor.ts";
import type { Emitter } from "../emitter.ts";
import { matMul, reshape } from "../ops.ts";

/** What each element of an axis is made of: elements of the axis before, weighted. */
export type AxisMap = readonly (readonly { readonly from: number; readonly weight: number }[])[];

/**
 * The transpose of a linear map along one axis, as a product with its matrix.
 * @param map one entry per element of the axis of `x`
 * @param extent of the axis afterwards
 */
export function transposedMap(
  e: Emitter,
  x: string,
  axis: number,
  map: AxisMap,
  extent: number,
): string {
  const shape = e.shapeOf(x);
  const before = shape.slice(0, axis);
  const after = shape.slice(axis + 1);
  const result = [...before, extent, ...after];
  const matrix = new Float64Array(map.length * extent);
  const last = elementCount(after) === 1;
  const put = (to: number, from: number): number =>
    last ? to * extent + from : from * map.length + to;
  map.forEach((parts, to) => {
    for (const { from, weight } of parts) {
      const at = put(to, from);
      matrix[at] = (matrix[at] ?? 0) + weight;
    }
  });
  if (last) {
    const rows = reshape(e, x, [elementCount(before), map.length]);
    return reshape(e, matMul(e, rows, e.floats([map.length, extent], matrix, e.typeOf(x))), result);
  }
  const blocks = reshape(e, x, [elementCount(before), map.length, elementCount(after)]);
  const left = e.floats([extent, map.length], matrix, e.typeOf(x));
  return reshape(e, matMul(e, left, blocks), result);
}
