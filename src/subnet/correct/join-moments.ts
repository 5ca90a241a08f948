import type { Moments } from "./moments.ts";

/**
 * Moments of two sets of samples together. With shares a and b and the difference D of the means, second moments around the common
 * mean are a C_1 + b C_2 + a b D D'.
 */
export function joinedMoments(first: Moments, second: Moments): Moments {
  if (second.samples === 0) return first;
  if (first.samples === 0) return second;
  const { groups, unknowns, outputs } = first;
  const samples = first.samples + second.samples;
  const [a, b] = [first.samples / samples, second.samples / samples];
  const mixed = (left: Float64Array, right: Float64Array): Float64Array =>
    left.map((value, at) => a * value + b * (right[at] ?? 0));
  const apart = (left: Float64Array, right: Float64Array): Float64Array =>
    left.map((value, at) => value - (right[at] ?? 0));
  const between = apart(first.inputMeans, second.inputMeans);
  const offset = apart(first.residualMeans, second.residualMeans);
  const inputs = mixed(first.inputs, second.inputs);
  const cross = mixed(first.cross, second.cross);
  addProducts(inputs, between, between, groups, a * b);
  addProducts(cross, offset, between, groups, a * b);
  return {
    ...{ samples, groups, unknowns, outputs, inputs, cross },
    inputMeans: mixed(first.inputMeans, second.inputMeans),
    residualMeans: mixed(first.residualMeans, second.residualMeans),
    residuals: mixed(first.residuals, second.residuals).map(
      (value, at) => value + a * b * (offset[at] ?? 0) ** 2,
    ),
  };
}

/** Adds `by * left * right'` to each group's matrix. */
function addProducts(
  target: Float64Array,
  left: Float64Array,
  right: Float64Array,
  groups: number,
  by: number,
): void {
  const [rows, columns] = [left.length / groups, right.length / groups];
  for (let row = 0; row < left.length; row += 1) {
    const from = Math.floor(row / rows) * columns;
    const factor = by * (left[row] ?? 0);
    for (let column = 0; column < columns; column += 1) {
      const at = row * columns + column;
      target[at] = (target[at] ?? 0) + factor * (right[from + column] ?? 0);
    }
  }
}
