import type { Patches } from "./patches.ts";
import type { Products } from "./products.ts";

/** Means and centred second moments of inputs and residuals, per group; everything row-major, in float64. */
export interface Moments {
  readonly samples: number;
  readonly groups: number;
  readonly unknowns: number;
  readonly outputs: number;
  /** groups x unknowns */
  readonly inputMeans: Float64Array;
  /** groups x outputs */
  readonly residualMeans: Float64Array;
  /** groups x unknowns x unknowns: covariance of the inputs. */
  readonly inputs: Float64Array;
  /** groups x outputs x unknowns: covariance of residuals and inputs. */
  readonly cross: Float64Array;
  /** groups x outputs: variance of the residuals. */
  readonly residuals: Float64Array;
}

/** Sums over samples, part by part. */
export interface MomentSums {
  /** Adds one part: inputs as groups x unknowns x samples, residuals as groups x outputs x samples; both are changed. */
  readonly add: (inputs: Patches, residuals: Patches) => Promise<void>;
  readonly moments: () => Moments;
}

export interface MomentShape {
  readonly groups: number;
  readonly unknowns: number;
  readonly outputs: number;
}

export function sumMoments(products: Products, shape: MomentShape): MomentSums {
  const { groups, unknowns, outputs } = shape;
  const inputSums = new Float64Array(groups * unknowns);
  const residualSums = new Float64Array(groups * outputs);
  const squares = new Float64Array(groups * unknowns * unknowns);
  const cross = new Float64Array(groups * outputs * unknowns);
  const residuals = new Float64Array(groups * outputs);
  // Sums are taken around the means of the first part, so that little cancels when they are centred.
  let inputShift: Float64Array | null = null;
  let residualShift: Float64Array | null = null;
  let samples = 0;
  const add = async (inputPart: Patches, residualPart: Patches): Promise<void> => {
    const count = inputPart.samples;
    inputShift ??= rowMeans(inputPart.data, count);
    residualShift ??= rowMeans(residualPart.data, count);
    shiftRows(inputPart.data, inputShift, count, inputSums, null);
    shiftRows(residualPart.data, residualShift, count, residualSums, residuals);
    accumulate(squares, await products.run(groups, inputPart.data, inputPart.data, count));
    accumulate(cross, await products.run(groups, residualPart.data, inputPart.data, count));
    samples += count;
  };
  const moments = (): Moments => {
    const n = Math.max(samples, 1);
    const means = (sums: Float64Array): Float64Array => sums.map((sum) => sum / n);
    const [inputMeans, residualMeans] = [means(inputSums), means(residualSums)];
    centre(squares, inputMeans, inputMeans, shape.groups, n);
    centre(cross, residualMeans, inputMeans, shape.groups, n);
    const variances = residuals.map((sum, row) => sum / n - (residualMeans[row] ?? 0) ** 2);
    return {
      ...{ samples, groups, unknowns, outputs },
      inputMeans: plus(inputMeans, inputShift),
      residualMeans: plus(residualMeans, residualShift),
      ...{ inputs: squares, cross, residuals: variances },
    };
  };
  return { add, moments };
}

function rowMeans(data: Float32Array, samples: number): Float64Array {
  const means = new Float64Array(data.length / samples);
  for (let row = 0; row < means.length; row += 1) {
    let sum = 0;
    for (let at = row * samples; at < (row + 1) * samples; at += 1) sum += data[at] ?? 0;
    means[row] = sum / samples;
  }
  return means;
}

function shiftRows(
  data: Float32Array,
  shift: Float64Array,
  samples: number,
  sums: Float64Array,
  squares: Float64Array | null,
): void {
  for (let row = 0; row < shift.length; row += 1) {
    const by = shift[row] ?? 0;
    let sum = 0;
    let square = 0;
    for (let at = row * samples; at < (row + 1) * samples; at += 1) {
      const value = (data[at] ?? 0) - by;
      data[at] = value;
      sum += value;
      square += value * value;
    }
    sums[row] = (sums[row] ?? 0) + sum;
    if (squares !== null) squares[row] = (squares[row] ?? 0) + square;
  }
}

function accumulate(sums: Float64Array, part: Float32Array): void {
  for (let at = 0; at < sums.length; at += 1) sums[at] = (sums[at] ?? 0) + (part[at] ?? 0);
}

/** Second moments around the means, in place: E[ab] - E[a] E[b]. */
function centre(
  sums: Float64Array,
  left: Float64Array,
  right: Float64Array,
  groups: number,
  samples: number,
): void {
  const rows = left.length / groups;
  const columns = right.length / groups;
  for (let row = 0; row < left.length; row += 1) {
    const group = Math.floor(row / rows);
    const mean = left[row] ?? 0;
    for (let column = 0; column < columns; column += 1) {
      const at = row * columns + column;
      sums[at] = (sums[at] ?? 0) / samples - mean * (right[group * columns + column] ?? 0);
    }
  }
}

function plus(values: Float64Array, shift: Float64Array | null): Float64Array {
  return shift === null ? values : values.map((value, index) => value + (shift[index] ?? 0));
}
