import { expect, test } from "vitest";
import { checkImportance, type Importance } from "../../src/importance/importance.ts";
import type { SampleBatch } from "../../src/runtime/batches.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { NETWORKS, networkBuilder } from "../helpers/networks.ts";
import {
  gateDerivatives,
  randomBatches,
  scaledBy,
  scoresIn,
  scoresOn,
  smoothNetwork,
} from "../helpers/scored.ts";

const graph = smoothNetwork();
const batches = randomBatches(2, [4, 3, 4, 4]);

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Per batch, the derivative of its mean loss. */
async function ofBatches(
  changes: readonly { name: string; indices: readonly number[] }[],
): Promise<number[]> {
  const derivatives: number[] = [];
  for (const batch of batches) derivatives.push(mean(await gateDerivatives(graph, batch, changes)));
  return derivatives;
}

function close(actual: readonly number[], expected: readonly number[], tolerance = 2e-3): void {
  const size = Math.max(...expected.map(Math.abs));
  expect(size).toBeGreaterThan(1e-6);
  expect(actual).toHaveLength(expected.length);
  for (const [index, value] of expected.entries()) {
    expect(Math.abs((actual[index] ?? Number.NaN) - value) / size).toBeLessThan(tolerance);
  }
}

test("taylor-bn is the mean over batches of the loss's derivative when gamma and beta of a unit are scaled", async () => {
  const scores = await scoresOn(graph, batches, { method: "taylor-bn" });
  const expected: number[] = [];
  for (let unit = 0; unit < 6; unit += 1) {
    const changes = ["weight", "bias"].map((part) => ({
      name: `first.bn.${part}`,
      indices: [unit],
    }));
    expected.push(mean((await ofBatches(changes)).map(Math.abs)));
  }
  // The grouped convolution behind it makes three of its channels one unit: derivatives add up before |.|.
  expect(scoresIn(scores, "first", "first")).toHaveLength(2);
  const groups: number[] = [];
  for (const group of [0, 1]) {
    const indices = [0, 1, 2].map((channel) => 3 * group + channel);
    const changes = ["weight", "bias"].map((part) => ({ name: `first.bn.${part}`, indices }));
    groups.push(mean((await ofBatches(changes)).map(Math.abs)));
  }
  close(scoresIn(scores, "first", "first"), groups);
  expect(groups[0]).not.toBeCloseTo(
    (expected[0] ?? 0) + (expected[1] ?? 0) + (expected[2] ?? 0),
    6,
  );
});

test("fisher is half the mean square of every image's own derivative, where BatchNormalization was folded too", async () => {
  const scores = await scoresOn(graph, batches, { method: "fisher" });
  const expected: number[] = [];
  for (let unit = 0; unit < 5; unit += 1) {
    const weights = Array.from({ length: 36 }, (_, index) => 36 * unit + index);
    const changes = [
      { name: "third.weight", indices: weights },
      { name: "third.bias", indices: [unit] },
    ];
    const squares: number[] = [];
    for (const batch of batches) {
      const derivatives = await gateDerivatives(graph, batch, changes);
      squares.push(...derivatives.map((derivative) => derivative ** 2 / 2));
    }
    expected.push(mean(squares));
  }
  close(scoresIn(scores, "third", "third"), expected);
});

test("hessian is the mean square of the derivative when all weights of a unit are scaled, taylor and taylor-abs go weight by weight", async () => {
  const whole: number[] = [];
  const squares: number[] = [];
  const sizes: number[] = [];
  for (let unit = 0; unit < 5; unit += 1) {
    const indices = Array.from({ length: 36 }, (_, index) => 36 * unit + index);
    const ofUnit = await ofBatches([{ name: "third.weight", indices }]);
    whole.push(mean(ofUnit.map((derivative) => derivative ** 2)));
    const each: number[][] = [];
    if (unit > 1) continue;
    for (const index of indices) {
      each.push(await ofBatches([{ name: "third.weight", indices: [index] }]));
    }
    const sum = (of: (derivative: number) => number): number =>
      each.reduce((total, derivatives) => total + mean(derivatives.map(of)), 0);
    squares.push(sum((derivative) => derivative ** 2));
    sizes.push(sum(Math.abs));
  }
  const hessian = await scoresOn(graph, batches, { method: "hessian" });
  close(scoresIn(hessian, "third", "third"), whole);
  const taylor = await scoresOn(graph, batches, { method: "taylor" });
  close(scoresIn(taylor, "third", "third").slice(0, 2), squares, 5e-3);
  const absolute = await scoresOn(graph, batches, { method: "taylor-abs" });
  close(scoresIn(absolute, "third", "third").slice(0, 2), sizes, 5e-3);
});

test("a unit that nothing reads is worth nothing, and labels of the network itself need none in the data", async () => {
  const dead = scaledBy(graph, [{ name: "third.weight", indices: range(36) }], 0);
  const silent = scaledBy(dead, [{ name: "third.bias", indices: [0] }], 0);
  const unlabelled = batches.map(
    (batch): SampleBatch => ({ ...batch, labels: new Int32Array(batch.size).fill(-1) }),
  );
  for (const method of ["fisher", "hessian", "taylor"] as const) {
    const scores = await scoresOn(silent, unlabelled, { method, labels: "self" });
    expect(scores.data?.labels).toBe("self");
    expect(scoresIn(scores, "third", "third")[0]).toBe(0);
    expect(scoresIn(scores, "third", "third")[1]).toBeGreaterThan(0);
  }
});

const range = (length: number): number[] => Array.from({ length }, (_, index) => index);

for (const [name, build] of Object.entries(NETWORKS)) {
  test(`${name}: every method gives each dim a score per unit from each layer, not negative`, async () => {
    const network = build();
    const structure = findStructure(network);
    const shape = structure.shapes.of("input") ?? [];
    const images = randomBatches(1, [2, ...shape.slice(1)]);
    const totals = new Map<string, number>();
    for (const method of [
      "taylor-bn",
      "fisher",
      "taylor",
      "activation",
      "reconstruction",
    ] as const) {
      const scores: Importance = await scoresOn(network, images, { method });
      checkImportance(scores, structure, "test");
      const numbers = scores.dims.flatMap((dim) => dim.layers.flatMap((layer) => layer.scores));
      expect(numbers.every((score) => Number.isFinite(score) && score >= 0)).toBe(true);
      totals.set(method, numbers.filter((score) => score > 0).length);
    }
    expect(Math.min(...totals.values())).toBeGreaterThan(0);
  });
}

test("what can't be scored is refused with what would help", async () => {
  const folded = networkBuilder(1);
  const input = folded.input("input", ["batch", 3, 4, 4]);
  const conv = folded.conv("only", input, { from: 3, to: 5, kernel: 1, bn: false });
  const pooled = folded.node("GlobalAveragePool", [folded.relu(conv)]);
  folded.output(folded.gemm("fc", folded.node("Flatten", [pooled]), 5, 5));
  await expect(scoresOn(folded.graph(), batches, { method: "taylor-bn" })).rejects.toMatchObject({
    code: "importance/no-normalisation",
    hint: expect.stringContaining("fisher"),
  });
  const unlabelled = [{ ...randomBatches(1, [4, 3, 4, 4])[0], labels: new Int32Array(4).fill(-1) }];
  const beyond = [{ ...randomBatches(1, [4, 3, 4, 4])[0], labels: new Int32Array(4).fill(7) }];
  const wrong = { "no-labels": unlabelled, "bad-label": beyond };
  for (const [code, images] of Object.entries(wrong)) {
    await expect(
      scoresOn(graph, images as SampleBatch[], { method: "fisher" }),
    ).rejects.toMatchObject({ code: `importance/${code}`, exitCode: 3 });
  }
  const map = networkBuilder(2);
  const dense = map.conv("map", map.input("input", ["batch", 3, 4, 4]), { from: 3, to: 5 });
  map.output(dense);
  await expect(scoresOn(map.graph(), batches, { method: "taylor" })).rejects.toMatchObject({
    code: "importance/no-loss",
  });
});

test("fisher tells images apart where their rows take turns, and where they follow each other", async () => {
  const scores: number[][] = [];
  for (const turns of [false, true]) {
    const b = networkBuilder(41);
    // 4 tokens of 6 numbers; with turns, tokens lie in front of images.
    const tokens = b.input("input", ["batch", 4, 6]);
    const swap = { attributes: { perm: [1, 0, 2] } };
    const laid = turns ? b.node("Transpose", [tokens], swap) : tokens;
    const rows = b.node("Reshape", [laid, b.ints("rows", [-1, 6])]);
    const hidden = b.node("Tanh", [b.gemm("one", rows, 6, 5)]);
    const apart = b.node("Reshape", [
      b.gemm("two", hidden, 5, 3),
      b.ints("apart", turns ? [4, -1, 3] : [-1, 4, 3]),
    ]);
    const back = turns ? b.node("Transpose", [apart], swap) : apart;
    b.output(b.gemm("head", b.node("Flatten", [back]), 12, 5));
    const fisher = await scoresOn(b.graph(), randomBatches(2, [3, 4, 6]), { method: "fisher" });
    scores.push([...scoresIn(fisher, "one", "one")]);
  }
  close(scores[1] ?? [], scores[0] ?? []);
});
