import { randomFrom } from "../../src/core/random.ts";
import type { TrainingBatch, TrainingData } from "../../src/training/batches.ts";

/** Random images in memory, `perClass` of each class, whose classes differ in their mean colours only a little. */
export function randomImages(
  classes: number,
  perClass: number,
  shape: readonly [number, number, number],
): TrainingData {
  const random = randomFrom(11);
  const count = classes * perClass;
  const length = shape[0] * shape[1] * shape[2];
  const images = Array.from({ length: count }, () =>
    Float32Array.from({ length }, () => random.normal()),
  );
  return {
    count,
    classes,
    imageShape: shape,
    epoch: async function* (epoch, size, from): AsyncGenerator<TrainingBatch> {
      for (let at = from; at < Math.floor(count / size); at += 1) {
        const indices = Array.from(
          { length: size },
          (_, place) => (at * size + place + 7 * epoch) % count,
        );
        const data = new Float32Array(size * length);
        for (const [place, index] of indices.entries()) {
          data.set(images[index] as Float32Array, place * length);
        }
        const labels = Int32Array.from(indices, (index) => index % classes);
        yield { size, images: data, shape: [size, ...shape], labels, mix: null };
      }
    },
  };
}
