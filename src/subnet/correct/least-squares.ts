import { factorPositive } from "./cholesky.ts";
import type { Moments } from "./moments.ts";
import type { Products } from "./products.ts";

/** Change of weights and bias that brings a layer's output closest to what is wanted. */
export interface Update {
  /** groups x outputs x unknowns, to be added to the weights. */
  readonly weights: Float64Array;
  /** groups x outputs, to be added to the bias. */
  readonly bias: Float64Array;
  /** Residual variance before and after, summed over the outputs; the mean counts in `before`. */
  readonly before: number;
  readonly after: number;
  /** Ridge that was used at last, relative to the mean diagonal; larger than asked where the covariance was singular. */
  readonly ridge: number;
}

export interface LeastSquaresOptions {
  /** Weight of the pull towards the old weights, relative to the mean variance of the inputs. */
  readonly ridge: number;
  /** False where the layer has no place for a bias: then the mean isn't free. */
  readonly freeBias: boolean;
  readonly products: Products;
}

/**
 * Minimises E |r - D x - d|^2 + ridge |D|^2 over the change D of the weights and d of the bias, r being what is wanted minus what
 * the layer gives: D = C_rx (C_xx + ridge I)^-1 and d = E r - D E x. The ridge pulls towards the old weights, as D is a change.
 *
 * Where the covariance is singular for the asked ridge, it is raised tenfold until a Cholesky factor exists.
 */
export async function leastSquares(
  moments: Moments,
  options: LeastSquaresOptions,
): Promise<Update> {
  const { groups, unknowns, outputs } = moments;
  const weights = new Float64Array(groups * outputs * unknowns);
  const bias = new Float64Array(groups * outputs);
  let before = 0;
  let after = 0;
  let ridge = options.ridge;
  for (let group = 0; group < groups; group += 1) {
    const part = groupOf(moments, group, options.freeBias);
    const solved = await solveGroup(part, options);
    ridge = Math.max(ridge, solved.ridge);
    weights.set(solved.change, group * outputs * unknowns);
    for (let row = 0; row < outputs; row += 1) {
      const change = solved.change.subarray(row * unknowns, (row + 1) * unknowns);
      const residual = part.residualMeans[row] ?? 0;
      const shift = options.freeBias ? residual - dot(change, part.inputMeans) : 0;
      bias[group * outputs + row] = shift;
      before += (part.residuals[row] ?? 0) + (options.freeBias ? residual ** 2 : 0);
      const cross = part.cross.subarray(row * unknowns, (row + 1) * unknowns);
      // As (C_xx + ridge I) D' = C_xr, what is explained, 2 D c - D C D', is D c + ridge |D|^2.
      after += (part.residuals[row] ?? 0) - dot(change, cross) - solved.added * dot(change, change);
    }
  }
  return { weights, bias, before, after: Math.max(after, 0), ridge };
}

export interface Group {
  readonly unknowns: number;
  readonly outputs: number;
  readonly inputs: Float64Array;
  readonly cross: Float64Array;
  readonly inputMeans: Float64Array;
  readonly residualMeans: Float64Array;
  readonly residuals: Float64Array;
}

/** One group's moments; around zero instead of the means where the bias isn't free. */
export function groupOf(moments: Moments, group: number, centred: boolean): Group {
  const { unknowns, outputs } = moments;
  const cut = (values: Float64Array, size: number): Float64Array =>
    values.slice(group * size, (group + 1) * size);
  const inputs = cut(moments.inputs, unknowns * unknowns);
  const cross = cut(moments.cross, outputs * unknowns);
  const residuals = cut(moments.residuals, outputs);
  const inputMeans = cut(moments.inputMeans, unknowns);
  const residualMeans = cut(moments.residualMeans, outputs);
  if (!centred) {
    for (let row = 0; row < unknowns; row += 1)
      addScaled(inputs, row * unknowns, inputMeans, inputMeans[row] ?? 0);
    for (let row = 0; row < outputs; row += 1) {
      addScaled(cross, row * unknowns, inputMeans, residualMeans[row] ?? 0);
      residuals[row] = (residuals[row] ?? 0) + (residualMeans[row] ?? 0) ** 2;
    }
  }
  return { unknowns, outputs, inputs, cross, inputMeans, residualMeans, residuals };
}

function addScaled(target: Float64Array, offset: number, values: Float64Array, by: number): void {
  for (let at = 0; at < values.length; at += 1) {
    target[offset + at] = (target[offset + at] ?? 0) + by * (values[at] ?? 0);
  }
}

const LARGEST_RIDGE = 1e3;

interface Solved {
  readonly change: Float64Array;
  /** Relative to the mean diagonal. */
  readonly ridge: number;
  /** What was added to the diagonal. */
  readonly added: number;
}

async function solveGroup(group: Group, options: LeastSquaresOptions): Promise<Solved> {
  const { unknowns, outputs, inputs, cross } = group;
  let trace = 0;
  for (let at = 0; at < unknowns; at += 1) trace += inputs[at * unknowns + at] ?? 0;
  const unchanged = { change: new Float64Array(outputs * unknowns), added: 0 };
  // Inputs that never vary explain nothing.
  if (!(trace > 0)) return { ...unchanged, ridge: options.ridge };
  for (let ridge = options.ridge; ridge <= LARGEST_RIDGE; ridge = Math.max(ridge * 10, 1e-8)) {
    const added = (ridge * trace) / unknowns;
    const factor = await factorPositive(
      raised(inputs, unknowns, added),
      unknowns,
      options.products,
    );
    if (factor === null || factor.condition > LARGEST_CONDITION) continue;
    return { change: await factor.solve(cross), ridge, added };
  }
  return { ...unchanged, ridge: LARGEST_RIDGE };
}

// Covariances come out of products in float32: what is this much smaller than the rest is rounding.
const LARGEST_CONDITION = 1e9;

/** A symmetric copy with something added to its diagonal; the two halves differ in the last digits of float32. */
function raised(matrix: Float64Array, size: number, added: number): Float64Array {
  const copy = new Float64Array(matrix.length);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < row; column += 1) {
      const [here, there] = [row * size + column, column * size + row];
      const mean = ((matrix[here] ?? 0) + (matrix[there] ?? 0)) / 2;
      copy[here] = mean;
      copy[there] = mean;
    }
    copy[row * size + row] = (matrix[row * size + row] ?? 0) + added;
  }
  return copy;
}

function dot(left: Float64Array, right: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < left.length; at += 1) sum += (left[at] ?? 0) * (right[at] ?? 0);
  return sum;
}
