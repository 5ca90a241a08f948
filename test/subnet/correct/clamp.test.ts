import { describe, expect, test } from "vitest";
import { randomFrom } from "../../../src/core/random.ts";
import { graphBuilder } from "../../../src/graph/build.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { floatTensor } from "../../../src/graph/tensor.ts";
import { modelOf } from "../../../src/onnx/model.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import { clampBehind, wayThrough } from "../../../src/subnet/correct/clamp.ts";
import { correctSubnet } from "../../../src/subnet/correct/correct.ts";
import { keepAll } from "../../../src/subnet/subnet.ts";
import { networkBuilder } from "../../helpers/networks.ts";
import { firstBatch, normalImages, valuesOf } from "./helpers.ts";

describe("the way of a value through a clamp", () => {
  test("its square bounds the squared distance of the clamped values after any move, 2,000 random cases", () => {
    const random = randomFrom(1);
    const bounds = [
      { low: 0, high: Number.POSITIVE_INFINITY },
      { low: 0, high: 1 },
      { low: Number.NEGATIVE_INFINITY, high: 0.5 },
    ];
    for (let draw = 0; draw < 2000; draw += 1) {
      const [value, goal, move] = [2 * random.normal(), 2 * random.normal(), 2 * random.normal()];
      const clamp = bounds[draw % 3] ?? { low: 0, high: 1 };
      const cut = (x: number): number => Math.min(Math.max(x, clamp.low), clamp.high);
      const distance = (cut(value + move) - cut(goal)) ** 2;
      const way = wayThrough(clamp, value, goal);
      expect((move - way) ** 2).toBeGreaterThanOrEqual(distance - 1e-12);
      // And the whole way brings the clamped values together.
      expect(cut(value + way)).toBeCloseTo(cut(goal), 12);
    }
  });
});

describe("what is behind a value", () => {
  const graph = (opset: number, add: (b: ReturnType<typeof graphBuilder>) => string): Graph => {
    const b = graphBuilder({ opset });
    b.input("x", ["batch", 2]);
    b.output(add(b), null);
    return b.graph();
  };
  const bound = (value: number) => floatTensor([], Float32Array.of(value));
  test.each([
    ["a Relu", 17, (b) => b.node("Relu", ["x"]), { low: 0, high: Number.POSITIVE_INFINITY }],
    [
      "a Clip with constant bounds",
      17,
      (b) => {
        b.tensor("low", bound(0));
        b.tensor("high", bound(6));
        return b.node("Clip", ["x", "low", "high"]);
      },
      { low: 0, high: 6 },
    ],
    [
      "a Clip without a lower bound",
      17,
      (b) => {
        b.tensor("high", bound(6));
        return b.node("Clip", ["x", "", "high"]);
      },
      { low: Number.NEGATIVE_INFINITY, high: 6 },
    ],
    [
      "a Clip of an old opset, whose bounds are attributes",
      6,
      (b) => b.node("Clip", ["x"], { attributes: { min: { float: -1 }, max: { float: 2 } } }),
      { low: -1, high: 2 },
    ],
    [
      "a Clip with a bound that is computed",
      17,
      (b) => b.node("Clip", ["x", b.node("ReduceMin", ["x"], { attributes: { keepdims: 0 } })]),
      null,
    ],
    ["another op", 17, (b) => b.node("Sigmoid", ["x"]), null],
    ["a Relu beside another reader", 17, (b) => b.node("Add", ["x", b.node("Relu", ["x"])]), null],
  ] as readonly (readonly [
    string,
    number,
    (b: ReturnType<typeof graphBuilder>) => string,
    object | null,
  ])[])("%s", (_name, opset, add, expected) => {
    expect(clampBehind(graph(opset, add), "x")).toEqual(expected);
  });
});

test("a second look at a layer with a Clip behind it brings the clamped values closer to the dense ones", async () => {
  const shape = [3, 9, 9] as const;
  const b = networkBuilder(11);
  b.tensor("low", floatTensor([], Float32Array.of(0)));
  b.tensor("high", floatTensor([], Float32Array.of(0.5)));
  const clip = (name: string): string => b.node("Clip", [name, "low", "high"]);
  const first = clip(b.conv("first", b.input("input", ["batch", ...shape]), { from: 3, to: 8 }));
  const last = clip(b.conv("second", first, { from: 8, to: 8 }));
  const pooled = b.node("Flatten", [b.node("GlobalAveragePool", [last])]);
  b.output(b.gemm("fc", pooled, 8, 5));
  const graph = b.graph();
  const structure = findStructure(graph);
  const whole = keepAll(structure);
  const kept = whole.kept.map((units, at) => (at === 0 ? units.slice(0, 4) : units));
  const fresh = await firstBatch(normalImages(40, shape, 5));
  const distances = [];
  for (const looks of [1, 2]) {
    const images = normalImages(200, shape);
    const { graph: corrected, layers } = await correctSubnet(
      ...([modelOf(graph), structure, { ...whole, kept }, images, { looks, threads: 1 }] as const),
    );
    expect(layers.some(({ rectified }) => rectified)).toBe(looks === 2);
    const [dense, own] = await Promise.all(
      [graph, corrected].map(async (each) => (await valuesOf(each, [last], fresh))[last]),
    );
    const squares = Array.from(
      dense ?? [],
      (value, at) => (value - (own?.[at] ?? Number.NaN)) ** 2,
    );
    distances.push(squares.reduce((sum, square) => sum + square, 0));
  }
  const [one = 0, two = 0] = distances;
  expect(two).toBeLessThan(one);
});
