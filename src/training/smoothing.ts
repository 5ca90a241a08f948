/** Norm of all gradients together. */
export function globalNorm(gradients: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < gradients.length; at += 1) {
    const gradient = gradients[at] as number;
    sum += gradient * gradient;
  }
  return Math.sqrt(sum);
}

/**
 * Scales the gradients in place so that their norm is at most `largest` (Pascanu et al., 1211.5063).
 * @returns the norm before.
 */
export function clipByGlobalNorm(gradients: Float32Array, largest: number): number {
  const norm = globalNorm(gradients);
  if (norm > largest) {
    const scale = largest / norm;
    for (let at = 0; at < gradients.length; at += 1) {
      gradients[at] = (gradients[at] as number) * scale;
    }
  }
  return norm;
}

/**
 * Moves an exponential average towards the values, in place: average = kept * average + (1 - kept) * value. In the first steps
 * less is kept, (1 + steps) / (10 + steps), so that the average forgets where it started (as TensorFlow's).
 */
export function moveAverage(
  average: Float32Array,
  values: Float32Array,
  decay: number,
  steps: number,
): void {
  const kept = Math.min(decay, (1 + steps) / (10 + steps));
  for (let at = 0; at < average.length; at += 1) {
    average[at] = kept * (average[at] as number) + (1 - kept) * (values[at] as number);
  }
}
