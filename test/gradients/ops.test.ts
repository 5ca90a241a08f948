import fc from "fast-check";
import { expect, test } from "vitest";
import type { AttributeLiteral } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor, intTensor, tensorFromBytes } from "../../src/graph/tensor.ts";
import { built, weights, worstGradient } from "../helpers/gradient-check.ts";

const SEED = 20261122;
const TOLERANCE = 1e-5;

const positive = (normal: number): number => 0.3 + Math.abs(normal);

test.each<
  [string, Record<string, AttributeLiteral>, ((normal: number) => number) | undefined, number]
>([
  ["Abs", {}, undefined, 17],
  ["Cos", {}, undefined, 17],
  ["Elu", { alpha: 0.7 }, undefined, 17],
  ["Erf", {}, undefined, 17],
  ["Exp", {}, undefined, 17],
  ["Gelu", {}, undefined, 20],
  ["Gelu", { approximate: "tanh" }, undefined, 20],
  ["HardSigmoid", { alpha: 0.3, beta: 0.4 }, undefined, 17],
  ["HardSwish", {}, (normal) => 4 * normal, 17],
  ["Identity", {}, undefined, 17],
  ["LeakyRelu", { alpha: 0.2 }, undefined, 17],
  ["Log", {}, positive, 17],
  ["LogSoftmax", { axis: 1 }, undefined, 17],
  ["Neg", {}, undefined, 17],
  ["Reciprocal", {}, positive, 17],
  ["Relu", {}, undefined, 17],
  ["Sigmoid", {}, undefined, 17],
  ["Sin", {}, undefined, 17],
  ["Softmax", { axis: -1 }, undefined, 17],
  ["Softmax", { axis: 1 }, undefined, 11],
  ["Softplus", {}, undefined, 17],
  ["Sqrt", {}, positive, 17],
  ["Tanh", {}, undefined, 17],
])("the gradient of %s is right (%j)", async (opType, attributes, draw, opset) => {
  const graph = built(
    (b) => b.node(opType, [b.input("x", ["batch", 3, 4])], { attributes }),
    opset,
  );
  const options = draw === undefined ? {} : { draw };
  expect(await worstGradient(graph, options)).toBeLessThan(TOLERANCE);
});

test.each([
  [6, 17],
  [6, 9],
  [null, 17],
])("the gradient of Clip from 0 to %s is right at opset %d", async (high, opset) => {
  const graph = built((b) => {
    b.input("x", ["batch", 12]);
    if (opset < 11) {
      return b.node("Clip", ["x"], { attributes: { min: { float: 0 }, max: { float: 6 } } });
    }
    const low = b.tensor("low", floatTensor([], [0]));
    const bounds = high === null ? [low] : [low, b.tensor("high", floatTensor([], [high]))];
    return b.node("Clip", ["x", ...bounds]);
  }, opset);
  const draw = (normal: number): number => 5 * normal;
  expect(await worstGradient(graph, { draw })).toBeLessThan(TOLERANCE);
});

const shapes = fc.constantFrom<readonly (readonly number[])[]>(
  [
    [2, 3, 4],
    [2, 3, 4],
  ],
  [[2, 3, 4], [4]],
  [
    [2, 3, 4],
    [3, 1],
  ],
  [
    [2, 1, 4],
    [3, 1],
  ],
  [[], [2, 3]],
  [[5], []],
);

test.each(["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean", "PRelu"])(
  "the gradients of %s are right however its operands broadcast",
  async (opType) => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.boolean(), async ([first = [], second = []], exchanged) => {
        // The slope of PRelu broadcasts to its input, not the other way round.
        const oneWay = opType === "PRelu" && (second.length > first.length || first.includes(1));
        if (oneWay) return;
        const [a, b] = exchanged && opType !== "PRelu" ? [second, first] : [first, second];
        const draw = opType === "Pow" || opType === "Div" ? positive : (x: number): number => x;
        const graph = built((g) => {
          const left = g.tensor("a", weights(a, 1, draw));
          const right = g.tensor("b", weights(b, 2, draw));
          return g.node(opType, [g.node("Identity", [left]), right]);
        });
        expect(await worstGradient(graph)).toBeLessThan(TOLERANCE);
      }),
      { seed: SEED, numRuns: 10 },
    );
  },
);

test("the gradient of a square is right where the base is negative", async () => {
  const graph = built((b) =>
    b.node("Pow", [b.input("x", ["batch", 5]), b.tensor("two", floatTensor([], [2]))]),
  );
  expect(await worstGradient(graph)).toBeLessThan(TOLERANCE);
});

test("Where passes each element's gradient to the operand that was chosen", async () => {
  const graph = built((b) => {
    b.tensor("condition", tensorFromBytes("bool", [3, 1], Uint8Array.from([1, 0, 1])));
    b.input("x", ["batch", 3, 4]);
    return b.node("Where", ["condition", "x", b.tensor("other", weights([4], 3))]);
  });
  expect(await worstGradient(graph)).toBeLessThan(TOLERANCE);
});

test.each([
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
])("the gradients of Gemm are right with transA=%d, transB=%d", async (transA, transB) => {
  const graph = built((b) => {
    const left = b.tensor("a", weights(transA === 1 ? [4, 3] : [3, 4], 1));
    const right = b.tensor("b", weights(transB === 1 ? [5, 4] : [4, 5], 2));
    const attributes = { transA, transB, alpha: 0.5, beta: 1.5 };
    const inputs = [b.node("Identity", [left]), right, b.tensor("c", weights([5], 3))];
    return b.node("Gemm", inputs, { attributes });
  });
  expect(await worstGradient(graph)).toBeLessThan(TOLERANCE);
});

test.each([
  [
    [3, 4],
    [4, 5],
  ],
  [
    [2, 3, 4],
    [4, 5],
  ],
  [
    [2, 3, 4],
    [2, 4, 5],
  ],
  [
    [2, 2, 3, 4],
    [2, 4, 5],
  ],
  [
    [2, 1, 3, 4],
    [1, 5, 4, 2],
  ],
  [
    [3, 4],
    [2, 4, 5],
  ],
  [[4], [4, 5]],
  [[4], [2, 4, 5]],
  [[2, 3, 4], [4]],
  [[3, 4], [4]],
  [[4], [4]],
])("the gradients of MatMul are right for %j and %j", async (first, second) => {
  const graph = built((b) => {
    const left = b.node("Identity", [b.tensor("a", weights(first, 1))]);
    return b.node("MatMul", [left, b.tensor("b", weights(second, 2))]);
  });
  expect(await worstGradient(graph)).toBeLessThan(TOLERANCE);
});

function batchNorm(training: number, momentum: number, opset: number): Graph {
  return built((b) => {
    b.input("x", ["batch", 3, 4, 2]);
    const inputs = [
      b.tensor("scale", weights([3], 1)),
      b.tensor("bias", weights([3], 2)),
      b.tensor(training === 1 ? "fixed.mean" : "mean", weights([3], 3)),
      b.tensor(training === 1 ? "fixed.variance" : "variance", weights([3], 4, positive)),
    ];
    const attributes: Record<string, AttributeLiteral> =
      opset >= 14 ? { training_mode: training, momentum: { float: momentum } } : {};
    return b.node("BatchNormalization", ["x", ...inputs], {
      attributes,
      outputs: training === 1 ? ["y", "m", "v"] : ["y"],
    });
  }, opset);
}

test.each([
  ["fixed statistics", 0, 0.9, 17],
  ["fixed statistics at opset 9", 0, 0.9, 9],
  ["those of the batch", 1, 0, 17],
  ["those of the batch, mixed into running ones", 1, 0.9, 17],
])("the gradients of BatchNormalization are right with %s", async (_name, ...args) => {
  expect(await worstGradient(batchNorm(...args), { batch: 4 })).toBeLessThan(TOLERANCE);
});

test.each([
  [-1, [4]],
  [1, [3, 4]],
  [2, [4]],
])("the gradients of LayerNormalization are right from axis %d on", async (axis, affine) => {
  const graph = built((b) => {
    b.input("x", ["batch", 3, 4]);
    const inputs = [b.tensor("scale", weights(affine, 1)), b.tensor("bias", weights(affine, 2))];
    return b.node("LayerNormalization", ["x", ...inputs], { attributes: { axis } });
  });
  expect(await worstGradient(graph)).toBeLessThan(TOLERANCE);
});

test.each([
  ["ReduceMean", [1], 1, 17],
  ["ReduceMean", [-1, 1], 0, 18],
  ["ReduceSum", [2], 0, 17],
  ["ReduceSum", [1], 1, 11],
  ["ReduceSumSquare", [1, 2], 1, 17],
  ["ReduceL2", [-1], 1, 18],
  ["ReduceLogSumExp", [1], 0, 17],
  ["ReduceMax", [2], 1, 17],
  ["ReduceMin", [1, 2], 0, 18],
])("the gradient of %s over %j is right", async (opType, axes, keepdims, opset) => {
  const graph = built((b) => {
    b.input("x", ["batch", 3, 4]);
    const since = opType === "ReduceSum" ? 13 : 18;
    if (opset < since) return b.node(opType, ["x"], { attributes: { axes, keepdims } });
    const list = b.tensor("axes", intTensor([axes.length], axes));
    return b.node(opType, ["x", list], { attributes: { keepdims } });
  }, opset);
  expect(await worstGradient(graph)).toBeLessThan(TOLERANCE);
});
