import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../src/core/files.ts";
import { randomFrom } from "../../src/core/random.ts";
import { graphBuilder } from "../../src/graph/build.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { readDevice } from "../../src/latency/predict/device.ts";
import { predictTable } from "../../src/latency/predict/predict-table.ts";
import { predictNetwork } from "../../src/latency/predict-network.ts";
import { parseTable } from "../../src/latency/table.ts";
import {
  intervalMs,
  normalQuantile,
  quantileMs,
  uncertaintyOf,
} from "../../src/latency/uncertainty.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { keepAll } from "../../src/subnet/subnet.ts";

const xavier = readDevice(join(packageRoot(), "latency-tables/jetson-xavier/device.json"));

/** A chain of convolutions of growing width. */
function chain(layers: number): ReturnType<typeof findStructure> {
  const b = graphBuilder({ opset: 17, name: "chain" });
  b.input("x", ["batch", 3, 32, 32]);
  let value = "x";
  let from = 3;
  for (let layer = 0; layer < layers; layer += 1) {
    const to = 16 + 8 * layer;
    b.tensor(
      `w${layer}`,
      floatTensor([to, from, 3, 3], new Float32Array(to * from * 9).fill(0.01)),
    );
    const attributes = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
    value = b.node("Relu", [b.node("Conv", [value, `w${layer}`], { attributes })]);
    from = to;
  }
  b.output(value);
  return findStructure(b.graph());
}

describe("the quantile of a predicted network", () => {
  test.each([3, 12])(
    "of %d layers is kept as often as it says, by lots from its own model",
    (layers) => {
      const structure = chain(layers);
      const table = predictTable(structure, xavier, { batch: 8, precision: "float16", step: 8 });
      const uncertainty = uncertaintyOf(parseTable(table, "predicted"));
      if (uncertainty === null) throw new Error("a predicted table has intervals");
      const { common, variances } = uncertainty;
      const subnet = keepAll(structure);
      const { ms } = predictNetwork(table, structure, subnet);
      const time = { ms, common, variance: predictNetwork(variances, structure, subnet).ms };
      const levelZ = normalQuantile((1 + (table.interval?.level ?? 0)) / 2);
      const random = randomFrom(1);
      const draws = Array.from({ length: 20_000 }, () => {
        const sum = table.ops.reduce((total, op) => {
          const [cell, low = 0, high = 0] = [
            op.ms.at(-1) ?? 0,
            op.lowMs?.at(-1),
            op.highMs?.at(-1),
          ];
          const deviation = Math.log(high / low) / (2 * levelZ);
          return total + cell * Math.exp(deviation * random.normal() - deviation ** 2 / 2);
        }, table.fixedMs);
        return Math.exp(common * random.normal()) * sum;
      });
      const share = (isIn: (draw: number) => boolean): number =>
        draws.filter(isIn).length / draws.length;
      for (const probability of [0.8, 0.9, 0.95]) {
        const quantile = quantileMs(time, probability);
        expect(Math.abs(share((draw) => draw <= quantile) - probability)).toBeLessThan(0.02);
      }
      const { lowMs, highMs } = intervalMs(time, 0.9);
      expect(Math.abs(share((draw) => draw >= lowMs && draw <= highMs) - 0.9)).toBeLessThan(0.02);
    },
  );

  test("of a measured table rests on its validation, and there is none without", () => {
    const structure = chain(3);
    const predicted = predictTable(structure, xavier, { batch: 8, precision: "float16", step: 8 });
    const { interval: _, ...table } = predicted;
    const expectedError = { mean: 0.01, worst: 0.03, networks: 20, how: "left out" };
    const known = uncertaintyOf({ ...table, expectedError, spread: 0.02 });
    expect(known?.common).toBeCloseTo(0.01 / 0.7979, 5);
    expect(known?.variances.ops[0]?.ms.at(-1)).toBeGreaterThan(0);
    expect(uncertaintyOf({ ...table, expectedError: null })).toBeNull();
  });
});
