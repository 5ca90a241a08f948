import { InputError } from "../../core/errors.ts";
import { factorPositive } from "../../subnet/correct/cholesky.ts";
import type { Products } from "../../subnet/correct/products.ts";

/**
 * Inverse of a symmetric positive definite matrix, row-major and exactly symmetric.
 * @param matrix size x size; it is overwritten
 * @throws InputError `importance/singular`
 */
export async function inverseOf(
  matrix: Float64Array,
  size: number,
  products: Products,
  where: string,
): Promise<Float64Array> {
  const factor = await factorPositive(matrix, size, products);
  if (factor === null) {
    throw new InputError({
      code: "importance/singular",
      message: `The covariance of ${size} inputs has no inverse.`,
      where,
      hint: "Check the images with mdp eval; the layer's input may be constant or not finite.",
    });
  }
  const identity = new Float64Array(size * size);
  for (let at = 0; at < size; at += 1) identity[at * (size + 1)] = 1;
  const inverse = await factor.solve(identity);
  // Of two elements that differ in their last bits one stands for both.
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < row; column += 1) {
      inverse[column * size + row] = inverse[row * size + column] ?? 0;
    }
  }
  return inverse;
}
