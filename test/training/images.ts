import { randomFrom } from "../../src/core/random.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { UNNAMED, unnamedBatch } from "../../src/runtime/batches.ts";
import type { TrainingBatch, TrainingData } from "../../src/training/batches.ts";
import { networkBuilder } from "../helpers/networks.ts";

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
    shapes: { [UNNAMED]: shape },
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
        yield { ...unnamedBatch(data, [size, ...shape], labels), mix: null };
      }
    },
  };
}

/** One residual block for 3 x 8 x 8 images, two Gemms behind it. */
export function tinyNetwork({ seed = 1, norms = true, width = 6, classes = 5 } = {}): Graph {
  const b = networkBuilder(seed);
  const spec = { from: 8, to: 8, bn: norms };
  const stem = b.relu(
    b.conv("stem", b.input("input", ["batch", 3, 8, 8]), { ...spec, from: 3, stride: 2 }),
  );
  const inner = b.relu(b.conv("inner", stem, { ...spec, to: width }));
  const sum = b.relu(b.add("sum", b.conv("outer", inner, { ...spec, from: width }), stem));
  const flat = b.node("Flatten", [b.node("GlobalAveragePool", [sum])]);
  b.output(b.gemm("fc2", b.relu(b.gemm("fc1", flat, 8, 16)), 16, classes));
  return b.graph();
}
