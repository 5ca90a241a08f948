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

/** @param shape of both: the samples, then their axes; [samples, classes] (or with trailing ones) are scores of classes. */
export function damageOf(whole: Float32Array, cut: Float32Array, shape: readonly number[]): Damage {
  const [samples = 1, classes = 1, ...rest] = shape;
  const areScores = classes > 1 && rest.every((extent) => extent === 1);
  return areScores ? ofScores(whole, cut, samples, classes) : ofValues(whole, cut);
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
