import { InputError } from "../core/errors.ts";
import type { TrainingBatch } from "./batches.ts";

/**
 * What the scores of each image should say: `1 - smoothing` at its label and the rest spread evenly over all classes (Szegedy et
 * al., 1512.00567), mixed as its images are.
 * @returns size x classes.
 * @throws InputError `training/bad-label`
 */
export function softTargets(
  batch: Pick<TrainingBatch, "size" | "labels" | "mix">,
  classes: number,
  smoothing: number,
): Float32Array {
  const targets = new Float32Array(batch.size * classes).fill(smoothing / classes);
  const share = batch.mix?.share ?? 1;
  const add = (labels: Int32Array, part: number): void => {
    for (const [image, label] of labels.entries()) {
      checkLabel(label, classes);
      const at = image * classes + label;
      targets[at] = (targets[at] as number) + part * (1 - smoothing);
    }
  };
  add(batch.labels, share);
  if (batch.mix !== null) add(batch.mix.labels, 1 - share);
  return targets;
}

/** How many images' scores are highest at their own label. */
export function hitsOf(scores: Float32Array, labels: Int32Array, classes: number): number {
  let hits = 0;
  for (const [image, label] of labels.entries()) {
    const own = scores[image * classes + label] ?? Number.NaN;
    let best = true;
    for (let index = 0; index < classes && best; index += 1) {
      const other = scores[image * classes + index] as number;
      best = index === label || other < own || (other === own && index > label);
    }
    if (best && !Number.isNaN(own)) hits += 1;
  }
  return hits;
}

function checkLabel(label: number, classes: number): void {
  if (label >= 0 && label < classes) return;
  throw new InputError({
    code: "training/bad-label",
    message: `The data have label ${label}, the network ${classes} classes (0 to ${classes - 1}).`,
    where: "training data",
    hint: "Check 'classOffset' and 'classes' in the data set's config.",
  });
}
