import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Graph } from "../../../src/graph/graph.ts";
import { floatsOf, floatTensor } from "../../../src/graph/tensor.ts";
import { divergenceOf } from "../../../src/importance/sensitivity/damage.ts";
import { modelOf, withGraph } from "../../../src/onnx/model.ts";
import { serializeModel } from "../../../src/onnx/write.ts";
import { openImages } from "../../../src/pipeline/open/images.ts";
import type { OpenNetwork } from "../../../src/pipeline/open/network.ts";
import { measureDamages } from "../../../src/pipeline/sparsify/measure-damages.ts";
import { bindFeeds } from "../../../src/runtime/bind-feeds.ts";
import { openSession } from "../../../src/runtime/session.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import { writeRecords } from "../../helpers/drawn-records.ts";
import { networkBuilder } from "../../helpers/networks.ts";
import { silentRun } from "../../helpers/run-context.ts";
import { sparseRequest } from "./request.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mdp-damages-"));
  writeRecords(folder, 16, 5);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** One trunk, two heads. */
function twoHeads(): Graph {
  const b = networkBuilder(11);
  const x = b.relu(b.conv("stem", b.input("input", ["batch", 3, 8, 8]), { from: 3, to: 8 }));
  const flat = b.node("Flatten", [b.node("GlobalAveragePool", [x])]);
  b.output(b.gemm("kind", flat, 8, 5));
  b.output(b.gemm("place", flat, 8, 3));
  return b.graph();
}

const graph = twoHeads();
const open: OpenNetwork = {
  ...{ name: "net", path: "net.onnx", embedded: false, hash: "0" },
  ...{ model: modelOf(graph), structure: findStructure(graph) },
};
const asked = () =>
  sparseRequest({
    ...{ data: join(folder, "images.bin"), dataConfig: join(folder, "config.json") },
    ...{ images: 16, measured: 16 },
  });

type Answers = readonly (readonly number[])[];

/** The answers of both heads, a row per image, by running the whole network. */
async function answersOf(own: Graph): Promise<readonly Answers[]> {
  const dataset = await openImages(open, asked(), silentRun);
  const bytes = Buffer.concat(serializeModel(withGraph(open.model, own)));
  const session = await openSession(bytes, { threads: 1, where: "a network" });
  const heads: number[][][] = own.outputs.map(() => []);
  for await (const batch of dataset.batches(16, { limit: 16, seed: 0 })) {
    const found = await session.run(bindFeeds(own.inputs, batch, "a network"));
    for (const [head, { name }] of own.outputs.entries()) {
      const feed = found[name];
      const values = feed?.type === "float32" ? [...feed.data] : [];
      const width = values.length / batch.size;
      for (let at = 0; at < batch.size; at += 1)
        heads[head]?.push(values.slice(at * width, (at + 1) * width));
    }
  }
  await session.close();
  return heads;
}

/** The same network with all but the largest weights of one tensor at zero. */
function withLargest(name: string, kept: number): Graph {
  const tensor = graph.initializers.get(name);
  if (tensor === undefined) throw new Error(name);
  const values = Float32Array.from(floatsOf(tensor));
  const order = [...values.keys()].sort(
    (a, b) => Math.abs(values[b] ?? 0) - Math.abs(values[a] ?? 0),
  );
  for (const at of order.slice(kept)) values[at] = 0;
  const initializers = new Map(graph.initializers).set(name, floatTensor(tensor.shape, values));
  return { ...graph, initializers };
}

/** Squared difference of the scores less their mean over the classes, over their variance. */
function squares(whole: Answers, cut: Answers): number {
  const centred = (row: readonly number[]): number[] => {
    const mean = row.reduce((a, b) => a + b, 0) / row.length;
    return row.map((value) => value - mean);
  };
  let [difference, size] = [0, 0];
  for (const [index, row] of whole.entries()) {
    const [own, other] = [centred(row), centred(cut[index] ?? [])];
    for (const [at, value] of own.entries()) {
      difference += ((other[at] ?? 0) - value) ** 2;
      size += value ** 2;
    }
  }
  return difference / size;
}

function divergence(whole: Answers, cut: Answers): number {
  const softmax = (row: readonly number[]): number[] => {
    const powers = row.map((value) => Math.exp(value));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  };
  let sum = 0;
  for (const [index, row] of whole.entries()) {
    const [own, other] = [softmax(row), softmax(cut[index] ?? [])];
    for (const [at, p] of own.entries()) sum += p * Math.log(p / (other[at] ?? 0));
  }
  return sum / whole.length;
}

test.each([
  ["squares", squares],
  ["divergence", divergence],
] as const)(
  "damages in %s are those of whole runs, and all outputs count alike",
  async (damage, between) => {
    const report = await measureDamages(open, { ...asked(), damage }, silentRun);
    const whole = await answersOf(graph);
    expect(report.weights.map(({ label }) => label)).toHaveLength(3);
    for (const { name, options } of report.weights) {
      for (const { kept, damage: measured } of options) {
        const cut = await answersOf(withLargest(name, kept));
        const heads = whole.map((answers, head) => between(answers, cut[head] ?? []));
        const mean = heads.reduce((a, b) => a + b, 0) / heads.length;
        expect(measured).toBeCloseTo(mean, 5);
        expect(measured).toBeGreaterThan(0);
      }
    }
  },
);

test("a divergence takes scores or probabilities, is zero between equals and never negative", () => {
  const probabilities = Float32Array.of(0.7, 0.2, 0.1, 0.1, 0.1, 0.8);
  const other = Float32Array.of(0.6, 0.3, 0.1, 0.3, 0.3, 0.4);
  const shape = [2, 3];
  const byHand = [0, 1].map((row) =>
    [0, 1, 2].reduce((sum, at) => {
      const [p, q] = [probabilities[3 * row + at] ?? 0, other[3 * row + at] ?? 0];
      return sum + p * Math.log(p / q);
    }, 0),
  );
  expect(divergenceOf(probabilities, probabilities, shape).difference).toBe(0);
  expect(divergenceOf(probabilities, other, shape).difference).toBeCloseTo(
    (byHand[0] ?? 0) + (byHand[1] ?? 0),
    5,
  );
  // Scores that give these probabilities, each row shifted, give the same.
  const scores = probabilities.map((p, at) => Math.log(p) + (at < 3 ? 2 : -1));
  const otherScores = other.map((p, at) => Math.log(p) + (at < 3 ? -3 : 4));
  expect(divergenceOf(scores, otherScores, shape).difference).toBeCloseTo(
    (byHand[0] ?? 0) + (byHand[1] ?? 0),
    5,
  );
});
