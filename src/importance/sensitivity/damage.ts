/**
 * How far a network's answers are from the whole network's: the squared difference of its first output over the variance of the
 * whole network's, both around the mean over the classes of an image (which softmax doesn't see). Unlike the loss it grows
 * nearly in proportion to the noise that a cut brings in, so that the damage of several cuts is about the sum of theirs.
 */
export interface Damage {
  /** Sum over images of |z' - z|^2 */
  readonly difference: number;
  /** Sum over images of |z|^2 */
  readonly size: number;
}

/** @param rows number of images; each has an equal share of the values, its first axis being the classes. */
export function damageOf(
  whole: Float32Array,
  cut: Float32Array,
  images: number,
  classes: number,
): Damage {
  const inner = whole.length / images / classes;
  let difference = 0;
  let size = 0;
  for (let image = 0; image < images; image += 1) {
    for (let position = 0; position < inner; position += 1) {
      const start = image * classes * inner + position;
      let [meanWhole, meanCut] = [0, 0];
      for (let at = 0; at < classes; at += 1) {
        meanWhole += (whole[start + at * inner] ?? 0) / classes;
        meanCut += (cut[start + at * inner] ?? 0) / classes;
      }
      for (let at = 0; at < classes; at += 1) {
        const own = (whole[start + at * inner] ?? 0) - meanWhole;
        const other = (cut[start + at * inner] ?? 0) - meanCut;
        difference += (other - own) ** 2;
        size += own ** 2;
      }
    }
  }
  return { difference, size };
}
