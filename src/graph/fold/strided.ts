import { at } from "../../core/at.ts";
import { stridesOf } from "../shapes/indexing.ts";
import { elementCount } from "../tensor.ts";

/** Strides that read an array of `shape` as one of the larger shape `to`, aligned at the last axes; extents of 1 repeat. */
export function broadcastStrides(
  shape: readonly number[],
  to: readonly number[],
): readonly number[] {
  const own = stridesOf(shape);
  const skipped = to.length - shape.length;
  return to.map((_, axis) => {
    const index = axis - skipped;
    return index < 0 || shape[index] === 1 ? 0 : at(own, index);
  });
}

/** A row-major array of `shape` whose elements lie `strides` apart in `values`, from `offset` on. */
export function strided(
  values: Float64Array,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): Float64Array {
  const result = new Float64Array(elementCount(shape));
  const coordinates = shape.map(() => 0);
  let from = offset;
  for (let index = 0; index < result.length; index += 1) {
    result[index] = at(values, from);
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      coordinates[axis] = at(coordinates, axis) + 1;
      from += at(strides, axis);
      if (at(coordinates, axis) < at(shape, axis)) break;
      from -= at(strides, axis) * at(shape, axis);
      coordinates[axis] = 0;
    }
  }
  return result;
}
