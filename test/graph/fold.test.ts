import { expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { type GraphBuilder, graphBuilder } from "../../src/graph/build.ts";
import { foldedOf } from "../../src/graph/fold/folded.ts";
import { numbersOf, tensorOf } from "../../src/graph/fold/numbers.ts";
import type { DataType } from "../../src/graph/graph.ts";
import { fromHalf, toBrainHalf, toHalf } from "../../src/graph/half.ts";
import { floatTensor, intTensor } from "../../src/graph/tensor.ts";
import { runSeeded } from "../helpers/ort.ts";

const random = randomFrom(3);

/** Random numbers as a constant of a type. */
function constant(b: GraphBuilder, name: string, shape: readonly number[], type: DataType): string {
  const count = shape.reduce((product, extent) => product * extent, 1);
  const whole = /int|bool/.test(type);
  const values = Float64Array.from({ length: count }, () =>
    whole ? random.integer(type === "bool" ? 2 : 100) : random.normal(),
  );
  return b.tensor(name, tensorOf({ type, shape, values }));
}

const f32 = (b: GraphBuilder, name: string, ...shape: number[]): string =>
  constant(b, name, shape, "float32");
const i64 = (b: GraphBuilder, name: string, ...values: number[]): string =>
  b.tensor(name, intTensor([values.length], values));

type Expression = (b: GraphBuilder) => string;

const EXPRESSIONS: Readonly<Record<string, Expression>> = {
  "DequantizeLinear with one scale": (b) =>
    b.node("DequantizeLinear", [
      constant(b, "q", [4, 3, 3, 3], "int8"),
      b.tensor("s", floatTensor([], [0.03])),
      constant(b, "z", [], "int8"),
    ]),
  "DequantizeLinear along axis 0, of uint8": (b) =>
    b.node(
      "DequantizeLinear",
      [constant(b, "q", [4, 3], "uint8"), f32(b, "s", 4), constant(b, "z", [4], "uint8")],
      { attributes: { axis: 0 } },
    ),
  "DequantizeLinear of a bias": (b) =>
    b.node("DequantizeLinear", [constant(b, "q", [5], "int32"), f32(b, "s", 5)], {
      attributes: { axis: 0 },
    }),
  "QuantizeLinear and back": (b) => {
    const scale = b.tensor("s", floatTensor([], [0.02]));
    const zero = constant(b, "z", [], "int8");
    return b.node("DequantizeLinear", [
      b.node("QuantizeLinear", [f32(b, "w", 4, 5), scale, zero]),
      scale,
      zero,
    ]);
  },
  "Cast from float16": (b) =>
    b.node("Cast", [constant(b, "w", [4, 5], "float16")], { attributes: { to: 1 } }),
  "Cast to float16 and back": (b) =>
    b.node("Cast", [b.node("Cast", [f32(b, "w", 4, 5)], { attributes: { to: 10 } })], {
      attributes: { to: 1 },
    }),
  "Reshape, Transpose, Unsqueeze and Mul": (b) => {
    const w = b.node("Reshape", [f32(b, "w", 6, 4), i64(b, "shape", 2, 3, 4)]);
    const turned = b.node("Transpose", [w], { attributes: { perm: [2, 0, 1] } });
    return b.node("Mul", [
      b.node("Unsqueeze", [turned, i64(b, "axes", 1)]),
      f32(b, "g", 4, 1, 1, 1),
    ]);
  },
  "weight standardisation": (b) => {
    const w = f32(b, "w", 4, 3, 3, 3);
    const axes = { attributes: { axes: [1, 2, 3] } };
    const centred = b.node("Sub", [w, b.node("ReduceMean", [w], axes)]);
    const variance = b.node("ReduceMean", [b.node("Mul", [centred, centred])], axes);
    const deviation = b.node("Sqrt", [
      b.node("Add", [variance, b.tensor("e", floatTensor([], [1e-5]))]),
    ]);
    return b.node("Div", [centred, deviation]);
  },
  "weight standardisation by a BatchNormalization": (b) => {
    const w = b.node("Reshape", [f32(b, "w", 4, 3, 3, 3), i64(b, "flat", 1, 4, -1)]);
    const [scale, shift] = [f32(b, "g", 4), f32(b, "h", 4)];
    const [mean, variance] = [f32(b, "m", 4), b.tensor("v", floatTensor([4], [1, 1, 1, 1]))];
    const outputs = ["normal", "running_mean", "running_variance"];
    b.node("BatchNormalization", [w, scale, shift, mean, variance], {
      attributes: { training_mode: 1 },
      outputs,
    });
    return b.node("Reshape", ["normal", i64(b, "back", 4, 3, 3, 3)]);
  },
  "InstanceNormalization of a weight": (b) =>
    b.node("InstanceNormalization", [f32(b, "w", 4, 3, 9), f32(b, "g", 3), f32(b, "h", 3)]),
  "weight norm": (b) => {
    const v = f32(b, "v", 4, 6);
    const norm = b.node("ReduceL2", [v], { attributes: { axes: [1] } });
    return b.node("Mul", [b.node("Div", [v, norm]), f32(b, "g", 4, 1)]);
  },
  "a low-rank update": (b) =>
    b.node("Add", [f32(b, "w", 4, 6), b.node("MatMul", [f32(b, "a", 4, 2), f32(b, "c", 2, 6)])]),
  "slices, one backwards, joined": (b) => {
    const w = f32(b, "w", 5, 6);
    const first = b.node("Slice", [w, i64(b, "a", 1), i64(b, "c", 4), i64(b, "d", 0)]);
    const second = b.node("Slice", [
      w,
      i64(b, "e", -1),
      i64(b, "f", -6),
      i64(b, "h", 0),
      i64(b, "k", -2),
    ]);
    return b.node("Concat", [first, second], { attributes: { axis: 0 } });
  },
  "Gather, Expand and Where": (b) => {
    const rows = b.node("Gather", [f32(b, "w", 5, 1), i64(b, "i", 4, -5, 2)]);
    const wide = b.node("Expand", [rows, i64(b, "shape", 3, 4)]);
    return b.node("Where", [constant(b, "c", [3, 4], "bool"), wide, f32(b, "o", 1)]);
  },
  "ConstantOfShape with a value": (b) =>
    b.node("ConstantOfShape", [i64(b, "shape", 2, 3)], {
      attributes: { value: floatTensor([1], [2.5]) },
    }),
  "functions of one operand": (b) => {
    const w = b.node("Abs", [f32(b, "w", 3, 4)]);
    const names = [
      "Log",
      "Neg",
      "Exp",
      "Sqrt",
      "Tanh",
      "Sigmoid",
      "Reciprocal",
      "Softplus",
      "Relu",
    ];
    return names.reduce((value, op) => b.node(op, [value]), b.node("Add", [w, w]));
  },
  "powers, extremes and bounds": (b) => {
    const w = f32(b, "w", 3, 4);
    const powers = b.node("Pow", [b.node("Abs", [w]), b.tensor("p", floatTensor([], [1.5]))]);
    const most = b.node("Min", [b.node("Max", [w, powers, f32(b, "r", 4)]), f32(b, "t", 3, 1)]);
    return b.node("Clip", [
      most,
      b.tensor("l", floatTensor([], [-0.5])),
      b.tensor("h", floatTensor([], [0.7])),
    ]);
  },
  "a division of whole numbers": (b) => {
    const whole = b.node("Div", [i64(b, "a", 7, -7, 9), i64(b, "c", 2, 2, 4)]);
    return b.node("Cast", [whole], { attributes: { to: 1 } });
  },
};

test.each(Object.entries(EXPRESSIONS))(
  "%s is folded to what onnxruntime computes",
  async (_name, expression) => {
    const b = graphBuilder({ opset: 17 });
    b.input("x", [1]);
    b.output(b.node("Identity", ["x"]));
    const value = b.output(expression(b));
    const graph = b.graph();
    const folded = foldedOf(graph, value);
    const wanted = (await runSeeded(graph)).get(value);
    expect(folded?.shape).toEqual(wanted?.shape);
    const found = folded === null ? [] : [...(numbersOf(folded)?.values ?? [])];
    expect(found).toHaveLength(wanted?.data.length ?? -1);
    found.forEach((number, index) => {
      const exact = Number(wanted?.data[index]);
      expect(Math.abs(number - exact)).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(exact)));
    });
  },
);

test("what depends on an input, or on an op without a rule, is not folded", () => {
  const b = graphBuilder({ opset: 17 });
  b.input("x", [4]);
  const w = f32(b, "w", 4);
  const product = b.node("Mul", ["x", w]);
  const mystery = b.node("Add", [b.node("Mystery", [w], { domain: "acme" }), w]);
  b.output(product);
  b.output(mystery);
  expect(foldedOf(b.graph(), product)).toBeNull();
  expect(foldedOf(b.graph(), mystery)).toBeNull();
});

test("scales in blocks are not folded", () => {
  const b = graphBuilder({ opset: 21 });
  b.input("x", [4]);
  b.output(b.node("Identity", ["x"]));
  const inputs = [constant(b, "q", [4, 8], "int8"), f32(b, "s", 4, 2)];
  const value = b.output(
    b.node("DequantizeLinear", inputs, { attributes: { axis: 1, block_size: 4 } }),
  );
  expect(foldedOf(b.graph(), value)).toBeNull();
});

test("float16 numbers survive the way there and back, and others go to the nearest", () => {
  for (let bits = 0; bits < 0x10000; bits += 1) {
    const value = fromHalf(bits);
    if (!Number.isNaN(value)) expect(toHalf(value)).toBe(bits);
  }
  // Halfway between two neighbours the even one is taken; beyond the largest comes infinity.
  expect(fromHalf(toHalf(1 + 2 ** -11))).toBe(1);
  expect(fromHalf(toHalf(1 + 3 * 2 ** -11))).toBe(1 + 2 ** -9);
  expect(fromHalf(toHalf(65519))).toBe(65504);
  expect(fromHalf(toHalf(65520))).toBe(Number.POSITIVE_INFINITY);
  expect(fromHalf(toHalf(2 ** -25))).toBe(0);
  expect(fromHalf(toHalf(2 ** -25 * 1.01))).toBe(2 ** -24);
  expect(toBrainHalf(1.00390625)).toBe(0x3f80);
  expect(toBrainHalf(1.01171875)).toBe(0x3f82);
});
