import type { Products } from "../correct/products.ts";
import type { SupportSystem } from "./fit.ts";

/** Residual over right-hand side, per row, at which a row is solved. */
const TOLERANCE = 1e-7;

/**
 * Conjugate gradients with a diagonal preconditioner on all rows at once: each row has its own step, and all share the product with
 * the matrix. A row whose residual is small enough rests.
 *
 * @param added what is added to the diagonal, above 0
 * @returns outputs x unknowns; 0 off the support
 */
export async function conjugateGradients(
  { matrix, unknowns, outputs, support, wanted }: SupportSystem,
  added: number,
  products: Products,
): Promise<Float64Array> {
  const size = outputs * unknowns;
  const solution = new Float64Array(size);
  const residual = new Float64Array(size);
  const scale = Float64Array.from(
    { length: unknowns },
    (_, at) => 1 / ((matrix[at * unknowns + at] ?? 0) + added),
  );
  const direction = new Float64Array(size);
  const weighed = new Float64Array(outputs);
  const goal = new Float64Array(outputs);
  for (let at = 0; at < size; at += 1) {
    if (support[at] === 0) continue;
    const value = wanted[at] ?? 0;
    const row = Math.floor(at / unknowns);
    const conditioned = value * (scale[at % unknowns] ?? 0);
    residual[at] = value;
    direction[at] = conditioned;
    weighed[row] = (weighed[row] ?? 0) + value * conditioned;
    goal[row] = (goal[row] ?? 0) + value ** 2;
  }
  const isOpen = Array.from(goal, (square) => square > 0);
  const mostSteps = 4 * unknowns;
  for (let step = 0; step < mostSteps && isOpen.some(Boolean); step += 1) {
    const moved = await products.runDouble(direction, matrix, unknowns);
    for (let row = 0; row < outputs; row += 1) {
      if (isOpen[row] !== true) continue;
      const [from, to] = [row * unknowns, (row + 1) * unknowns];
      let curvature = 0;
      for (let at = from; at < to; at += 1) {
        const way = direction[at] ?? 0;
        if (way !== 0) curvature += way * ((moved[at] ?? 0) + added * way);
      }
      if (!(curvature > 0)) {
        rest(row);
        continue;
      }
      const length = (weighed[row] ?? 0) / curvature;
      let [square, next] = [0, 0];
      for (let at = from; at < to; at += 1) {
        if (support[at] === 0) continue;
        const way = direction[at] ?? 0;
        solution[at] = (solution[at] ?? 0) + length * way;
        const left = (residual[at] ?? 0) - length * ((moved[at] ?? 0) + added * way);
        residual[at] = left;
        square += left ** 2;
        next += left ** 2 * (scale[at - from] ?? 0);
      }
      if (square <= TOLERANCE ** 2 * (goal[row] ?? 0)) {
        rest(row);
        continue;
      }
      const turn = next / (weighed[row] ?? 1);
      weighed[row] = next;
      for (let at = from; at < to; at += 1) {
        if (support[at] === 0) continue;
        direction[at] = (residual[at] ?? 0) * (scale[at - from] ?? 0) + turn * (direction[at] ?? 0);
      }
    }
  }
  return solution;

  function rest(row: number): void {
    isOpen[row] = false;
    direction.fill(0, row * unknowns, (row + 1) * unknowns);
  }
}
