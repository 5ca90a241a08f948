/**
 * How far a network's answers are from the whole network's: per value that is compared, the squared difference over the variance of
 * the whole network's. Scores of classes vary around the mean over the classes of an image (which softmax doesn't see), other
 * values around their mean over the batch. Unlike a loss it grows nearly in proportion to the noise that a cut brings in, so that
 * the damage of several cuts is about the sum of theirs.
 */
export interface Damage {
  /** Sum over samples of |z' - z|^2 */
  readonly difference: number;
  /** Sum over samples of |z|^2 */
  readonly size: number;
}

/**
 * @param shape of both: the samples, then their axes; [samples, classes] (or with trailing ones) are scores of classes
 * @param areNumbers they are known to be no scores: what is added to all of them counts
 */
export function damageOf(
  whole: Float32Array,
  cut: Float32Array,
  shape: readonly number[],
  areNumbers = false,
): Damage {
  const [samples = 1, classes = 1] = shape;
  return areScores(shape) && !areNumbers
    ? ofScores(whole, cut, samples, classes)
    : ofValues(whole, cut);
}

/**
 * What damages are measured in. `squares`: as `damageOf`; `divergence`: that of the class probabilities, where the output is scores of
 * classes.
 */
export const DAMAGE_MEASURES = ["squares", "divergence"] as const;
export type DamageMeasure = (typeof DAMAGE_MEASURES)[number];

/** By the measure; outputs that are no scores of classes have no divergence and are measured in squares. */
export function damageBy(
  measure: DamageMeasure,
  whole: Float32Array,
  cut: Float32Array,
  shape: readonly number[],
): Damage {
  return measure === "divergence" && areScores(shape)
    ? divergenceOf(whole, cut, shape)
    : damageOf(whole, cut, shape);
}

/**
 * Kullback-Leibler divergence of the cut network's class probabilities from the whole one's, in nats: sum over samples of
 * sum_c p_c (log p_c - log q_c); `size` is the number of samples. Rows that are probabilities already are taken as they are.
 */
export function divergenceOf(
  whole: Float32Array,
  cut: Float32Array,
  [samples = 1, classes = 1]: readonly number[],
): Damage {
  const logsOf = areProbabilities(whole, classes) ? logarithms : logSoftmax;
  let difference = 0;
  for (let start = 0; start < samples * classes; start += classes) {
    const own = logsOf(whole.subarray(start, start + classes));
    const other = logsOf(cut.subarray(start, start + classes));
    for (const [at, log] of own.entries()) difference += Math.exp(log) * (log - (other[at] ?? 0));
  }
  return { difference, size: samples };
}

function areScores([, classes = 1, ...rest]: readonly number[]): boolean {
  return classes > 1 && rest.every((extent) => extent === 1);
}

function areProbabilities(rows: Float32Array, classes: number): boolean {
  for (let start = 0; start < rows.length; start += classes) {
    const row = rows.subarray(start, start + classes);
    const sum = row.reduce((before, value) => before + value, 0);
    if (Math.abs(sum - 1) > 1e-3 || row.some((value) => value < 0)) return false;
  }
  return rows.length > 0;
}

/** A probability of float32 is no smaller than this where it isn't rounded to 0. */
const LEAST_PROBABILITY = 1e-38;

function logarithms(row: Float32Array): Float64Array {
  return Float64Array.from(row, (value) => Math.log(Math.max(value, LEAST_PROBABILITY)));
}

function logSoftmax(row: Float32Array): Float64Array {
  const largest = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const sum = row.reduce((before, value) => before + Math.exp(value - largest), 0);
  return Float64Array.from(row, (value) => value - largest - Math.log(sum));
}

function ofScores(
  whole: Float32Array,
  cut: Float32Array,
  samples: number,
  classes: number,
): Damage {
  let [difference, size] = [0, 0];
  for (let start = 0; start < samples * classes; start += classes) {
    let [meanWhole, meanCut] = [0, 0];
    for (let at = start; at < start + classes; at += 1) {
      meanWhole += (whole[at] ?? 0) / classes;
      meanCut += (cut[at] ?? 0) / classes;
    }
    for (let at = start; at < start + classes; at += 1) {
      const own = (whole[at] ?? 0) - meanWhole;
      difference += ((cut[at] ?? 0) - meanCut - own) ** 2;
      size += own ** 2;
    }
  }
  return { difference, size };
}

function ofValues(whole: Float32Array, cut: Float32Array): Damage {
  let mean = 0;
  for (const value of whole) mean += value / whole.length;
  let [difference, size] = [0, 0];
  for (const [at, value] of whole.entries()) {
    difference += ((cut[at] ?? 0) - value) ** 2;
    size += (value - mean) ** 2;
  }
  return { difference, size };
}
