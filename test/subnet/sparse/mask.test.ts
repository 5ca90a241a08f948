import { describe, expect, test } from "vitest";
import { randomFrom } from "../../../src/core/random.ts";
import { graphBuilder } from "../../../src/graph/build.ts";
import { floatsOf, floatTensor, tensorFromBytes } from "../../../src/graph/tensor.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import { applyMasks, bestOf, keptCount, maskOf } from "../../../src/subnet/sparse/mask.ts";
import { parsePattern } from "../../../src/subnet/sparse/pattern.ts";
import {
  inTensorOrder,
  matrixOf,
  patternMisfit,
  sparseWeights,
} from "../../../src/subnet/sparse/weights.ts";
import { networkBuilder } from "../../helpers/networks.ts";

const random = randomFrom(5);
const normals = (count: number): Float32Array =>
  Float32Array.from({ length: count }, random.normal);

describe("the best of a list", () => {
  test("are the highest, and of equal ones the first", () => {
    expect([...bestOf([3, 1, 3, 2, 3], 2)]).toEqual([1, 0, 1, 0, 0]);
    expect([...bestOf([3, 1, 3, 2, 3], 4)]).toEqual([1, 0, 1, 1, 1]);
    expect(keptCount(bestOf([1, 1, 1], 0))).toBe(0);
    expect(keptCount(bestOf([1, 1, 1], 9))).toBe(3);
  });
});

test("2:4 keeps two of every four input channels, per output channel and kernel position", () => {
  const shape = { rows: 3, columns: 8 * 9, taps: 9 };
  const scores = normals(3 * 72);
  const mask = maskOf(shape, { kind: "n:m", kept: 2, of: 4 }, scores, 0);
  for (let row = 0; row < 3; row += 1) {
    for (let tap = 0; tap < 9; tap += 1) {
      for (const first of [0, 4]) {
        const places = [0, 1, 2, 3].map((at) => row * 72 + (first + at) * 9 + tap);
        const kept = places.filter((at) => mask[at] === 1).map((at) => scores[at] ?? 0);
        const gone = places.filter((at) => mask[at] === 0).map((at) => scores[at] ?? 0);
        expect(kept).toHaveLength(2);
        expect(Math.min(...kept)).toBeGreaterThanOrEqual(Math.max(...gone));
      }
    }
  }
});

test("a block of channels stays or goes as one", () => {
  const shape = { rows: 8, columns: 6 * 3, taps: 3 };
  const mask = maskOf(shape, { kind: "channel-block", size: 4 }, normals(144), 60);
  expect(keptCount(mask)).toBe(60);
  for (const band of [0, 1]) {
    for (let channel = 0; channel < 6; channel += 1) {
      const bits = [0, 1, 2, 3].flatMap((row) =>
        [0, 1, 2].map((tap) => mask[(band * 4 + row) * 18 + channel * 3 + tap]),
      );
      expect(new Set(bits).size).toBe(1);
    }
  }
});

test.each(["3:2", "4:4", "0:4", "2:400", "banana", "channel-block:1"])(
  "'%s' is no pattern",
  (text) => {
    expect(() => parsePattern(text)).toThrowError(
      expect.objectContaining({ code: "sparsify/bad-pattern", exitCode: 2 }),
    );
  },
);

/** A convolution, a transposed one, a depthwise one, two products with one weight, and one in float16. */
function mixed() {
  const b = graphBuilder({ opset: 17 });
  b.input("x", ["batch", 3, 8, 8]);
  b.tensor("w1", floatTensor([8, 3, 3, 3], normals(216)));
  b.tensor("w2", floatTensor([8, 4, 2, 2], normals(128)));
  b.tensor("w3", floatTensor([4, 1, 3, 3], normals(36)));
  b.tensor("w4", floatTensor([4, 4], normals(16)));
  const first = b.node("Conv", ["x", "w1"], { name: "first", attributes: { pads: [1, 1, 1, 1] } });
  const up = b.node("ConvTranspose", [first, "w2"], {
    name: "up",
    attributes: { strides: [2, 2] },
  });
  const depth = b.node("Conv", [up, "w3"], {
    ...{ name: "depth", attributes: { group: 4, pads: [1, 1, 1, 1] } },
  });
  const pooled = b.node("GlobalAveragePool", [depth]);
  const flat = b.node("Flatten", [pooled]);
  const one = b.node("MatMul", [flat, "w4"], { name: "one" });
  const two = b.node("MatMul", [one, "w4"], { name: "two" });
  b.output(two, ["batch", 4]);
  return findStructure(b.graph());
}

describe("the weights of a network", () => {
  const structure = mixed();
  const { weights, dense } = sparseWeights(structure);
  const byName = new Map(weights.map((weight) => [weight.name, weight]));

  test("are all layers' weights, tied ones once", () => {
    expect(weights.map(({ name }) => name)).toEqual(["w1", "w2", "w3", "w4"]);
    expect(byName.get("w4")?.layers.map(({ name }) => name)).toHaveLength(2);
    expect(dense).toEqual([]);
  });

  test("stay dense, and are counted, where something else than a layer reads them", () => {
    const b = networkBuilder(4);
    const product = b.node("MatMul", [b.input("x", ["n", 6]), b.weight("w", [6, 4])]);
    b.output(product);
    b.output(b.node("Add", ["w", b.input("shift", [6, 4])]), [6, 4]);
    const found = sparseWeights(findStructure(b.graph()));
    expect(found.weights).toEqual([]);
    expect(found.dense).toMatchObject([
      { name: "w", count: 24, reason: expect.stringMatching(/.+/) },
    ]);
  });

  test("have a row per output channel, and come back in the tensor's order", () => {
    const up = byName.get("w2");
    const product = byName.get("w4");
    if (up === undefined || product === undefined) throw new Error("missing");
    expect([up.rows, up.columns, up.taps]).toEqual([4, 32, 4]);
    const values = floatsOf(up.tensor);
    const matrix = matrixOf(up);
    // Output 2, input 5, position 3 of [input, output, position].
    expect(matrix[2 * 32 + 5 * 4 + 3]).toBe(values[(5 * 4 + 2) * 4 + 3]);
    expect([...inTensorOrder(up, matrix)]).toEqual([...values]);
    expect(matrixOf(product)[4 * 1 + 3]).toBe(floatsOf(product.tensor)[4 * 3 + 1]);
  });

  test("say why they can't have a pattern", () => {
    const pattern = parsePattern("2:4");
    const why = weights.map((weight) => patternMisfit(weight, pattern, structure.graph));
    expect(why).toEqual([
      expect.stringMatching(/first layer/),
      expect.stringMatching(/transposed/),
      expect.stringMatching(/depthwise/),
      expect.stringMatching(/output/),
    ]);
  });

  test("are zero where a mask says so, and the same to the bit elsewhere", () => {
    const masks = new Map(
      weights.map((weight) => [weight.name, bestOf(matrixOf(weight).map(Math.abs), 7)]),
    );
    const graph = applyMasks(structure.graph, weights, masks);
    for (const weight of weights) {
      const after = graph.initializers.get(weight.name);
      const before = floatsOf(weight.tensor);
      const values = after === undefined ? [] : [...floatsOf(after)];
      expect(values.filter((value) => value !== 0)).toHaveLength(7);
      for (const [at, value] of values.entries()) if (value !== 0) expect(value).toBe(before[at]);
    }
  });
});

test("weights that are no float32, are quantised, or are read by something else than layers stay dense, and say why", () => {
  const b = graphBuilder({ opset: 17 });
  b.input("tokens", ["batch", 3], "int64");
  b.tensor("table", floatTensor([6, 4], normals(24)));
  b.tensor("half", tensorFromBytes("float16", [4, 4], new Uint8Array(32)));
  b.tensor("whole", tensorFromBytes("int8", [4, 4], new Uint8Array(16)));
  b.tensor("scale", floatTensor([], [0.1]));
  b.tensor("plain", floatTensor([4, 4], normals(16)));
  const embedded = b.node("Gather", ["table", "tokens"], { name: "embedding" });
  const first = b.node("MatMul", [embedded, "plain"], { name: "first" });
  const unquantised = b.node("DequantizeLinear", ["whole", "scale"]);
  const second = b.node("MatMul", [first, unquantised], { name: "second" });
  const narrowed = b.node("Cast", [second], { attributes: { to: 10 } });
  const third = b.node("MatMul", [narrowed, "half"], { name: "third" });
  const widened = b.node("Cast", [third], { attributes: { to: 1 } });
  const turned = b.node("Transpose", ["table"], { attributes: { perm: [1, 0] } });
  b.output(b.node("MatMul", [widened, turned], { name: "classifier" }), ["batch", 3, 6]);
  const { weights, dense } = sparseWeights(findStructure(b.graph()));
  expect(weights.map(({ name }) => name)).toEqual(["plain"]);
  const reasons = new Map(dense.map(({ name, reason }) => [name, reason]));
  expect(dense).toHaveLength(3);
  expect(reasons.get("half")).toBe("its weight is float16, not float32");
  expect(reasons.get("table")).toMatch(/embedding.*reads it too/);
  expect([...reasons.values()]).toContain("its weight is quantised");
});
