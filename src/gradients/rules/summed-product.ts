/** Products of two values over their last axis, summed over the batch: what the gradient of a linear map's weights comes to. */
import type { Emitter } from "../emitter.ts";
import { matMul, matrixTranspose, reduce, reshape } from "../ops.ts";

export interface SummedProductSpec {
  /** Channels of both sides are multiplied within their group only. */
  readonly group: number;
  /** Whether the images lie behind one another in the last axis already. */
  readonly strung: boolean;
}

/**
 * @param left batch x left channels x elements (or left channels x elements of all images)
 * @param right the same with its own channels
 * @returns group x left channels per group x right channels per group
 */
export function summedProduct(
  e: Emitter,
  left: string,
  right: string,
  { group, strung }: SummedProductSpec,
): string {
  const matrices = (value: string): string => {
    const shape = e.shapeOf(value);
    const [channels = 1, elements = 1] = shape.slice(-2);
    if (group === 1) return value;
    return reshape(e, value, [...shape.slice(0, -2), group, channels / group, elements]);
  };
  const [a, b] = [matrices(left), matrices(right)];
  const [rows, columns] = [a, b].map((value) => e.shapeOf(value).at(-2) ?? 1);
  // The runtime rearranges the right operand before it multiplies; the smaller of the two is rearranged sooner.
  const swapped = (columns ?? 1) > (rows ?? 1);
  const each = swapped ? matMul(e, b, matrixTranspose(e, a)) : matMul(e, a, matrixTranspose(e, b));
  const sum = strung ? each : reduce(e, "Sum", each, [0]);
  return swapped ? matrixTranspose(e, sum) : sum;
}
