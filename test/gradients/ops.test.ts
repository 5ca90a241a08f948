import fc from "fast-check";
import { expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { type AttributeLiteral, type GraphBuilder, graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { sliceRange } from "../../src/graph/shapes/layout.ts";
import { elementCount, floatTensor, intTensor, tensorFromBytes } from "../../src/graph/tensor.ts";
import { worstGradient } from "../helpers/gradient-check.ts";

const SEED = 20261122;
const TOLERANCE = 1e-5;

function weights(
  shape: readonly number[],
  seed: number,
  map: (normal: number) => number = (x) => x,
): ReturnType<typeof floatTensor> {
  const random = randomFrom(seed);
  return floatTensor(
    shape,
    Float32Array.from({ length: elementCount(shape) }, () => map(random.normal())),
  );
}

function built(write: (b: GraphBuilder) => string, opset = 17): Graph {
  const b = graphBuilder({ opset });
  b.output(write(b));
  return b.graph();
}

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

test("slices give their gradient back to where they were cut, whatever the steps", async () => {
  const cuts = fc
    .record({
      extent: fc.integer({ min: 1, max: 7 }),
      start: fc.integer({ min: -8, max: 8 }),
      end: fc.integer({ min: -8, max: 8 }),
      step: fc.constantFrom(1, 2, 3, -1, -2, -3),
    })
    .filter(({ extent, start, end, step }) => sliceRange(extent, start, end, step).count > 0);
  await fc.assert(
    fc.asyncProperty(cuts, cuts, async (first, second) => {
      const graph = built((b) => {
        b.input("x", ["batch", first.extent, second.extent]);
        const bounds = [
          [first.start, second.start],
          [first.end, second.end],
          [1, -1],
          [first.step, second.step],
        ];
        const lists = bounds.map((list, i) => b.tensor(`list${i}`, intTensor([2], list)));
        return b.node("Slice", ["x", ...lists]);
      });
      expect(await worstGradient(graph)).toBeLessThan(TOLERANCE);
    }),
    { seed: SEED, numRuns: 40 },
  );
}, 60_000);

test.each([
  ["constant", [0, 1, 2, 0, 0, 3], 17],
  ["constant", [0, -1, 2, 0, 1, -1], 17],
  ["constant", [0, 1, 2, 0, 0, 3], 9],
  ["edge", [0, 1, 2, 0, 2, 3], 17],
  ["reflect", [0, 2, 1, 0, 1, 3], 17],
])("the gradient of Pad in mode %s by %j is right", async (mode, pads, opset) => {
  const graph = built((b) => {
    b.input("x", ["batch", 3, 5]);
    if (opset < 11) return b.node("Pad", ["x"], { attributes: { mode, pads } });
    return b.node("Pad", ["x", b.tensor("pads", intTensor([6], pads))], { attributes: { mode } });
  }, opset);
  expect(await worstGradient(graph)).toBeLessThan(TOLERANCE);
});

const ints = (b: GraphBuilder, name: string, values: readonly number[]): string =>
  b.tensor(name, intTensor([values.length], values));

test.each<[string, (b: GraphBuilder) => string]>([
  ["Transpose", (b) => b.node("Transpose", ["x"], { attributes: { perm: [2, 0, 1] } })],
  ["Transpose without an order", (b) => b.node("Transpose", ["x"])],
  ["Reshape", (b) => b.node("Reshape", ["x", ints(b, "shape", [0, -1, 2])])],
  ["Flatten", (b) => b.node("Flatten", ["x"])],
  ["Unsqueeze", (b) => b.node("Unsqueeze", ["x", ints(b, "axes", [1, -1])])],
  ["Expand", (b) => b.node("Mul", ["x", b.node("Expand", ["part", ints(b, "shape", [2, 3, 4])])])],
  ["Tile", (b) => b.node("Tile", ["x", ints(b, "repeats", [1, 2, 3])])],
  ["Concat", (b) => b.node("Concat", ["x", "part", "x"], { attributes: { axis: -1 } })],
  [
    "Cast",
    (b) =>
      b.node("Cast", [b.node("Cast", ["x"], { attributes: { to: 11 } })], {
        attributes: { to: 1 },
      }),
  ],
  ["Dropout that passes everything", (b) => b.node("Dropout", ["x"])],
  [
    "Gather of neighbours",
    (b) => b.node("Gather", ["x", ints(b, "i", [1, 2])], { attributes: { axis: 1 } }),
  ],
  [
    "Gather with repeats",
    (b) => b.node("Gather", ["x", ints(b, "i", [2, 0, 2, -1])], { attributes: { axis: -1 } }),
  ],
  [
    "Gather of one",
    (b) => b.node("Gather", ["x", b.tensor("i", intTensor([], [-1]))], { attributes: { axis: 1 } }),
  ],
  [
    "Gather of a table of indices",
    (b) =>
      b.node("Gather", ["x", b.tensor("i", intTensor([2, 2], [3, 1, 1, 0]))], {
        attributes: { axis: 2 },
      }),
  ],
])("the gradient of %s is right", async (_name, write) => {
  const graph = built((b) => {
    b.input("x", ["batch", 3, 4]);
    b.tensor("part", weights([2, 3, 1], 5));
    return b.node("Identity", [write(b)]);
  });
  expect(await worstGradient(graph)).toBeLessThan(TOLERANCE);
});

test("an embedding's gradient adds up where a word comes twice", async () => {
  const graph = built((b) => {
    const table = b.tensor("table", weights([3, 4], 1));
    return b.node("Gather", [table, b.input("words", ["batch", 5], "int64")]);
  });
  expect(await worstGradient(graph)).toBeLessThan(TOLERANCE);
});

test("a Split passes zeros for the part that the loss doesn't see", async () => {
  const graph = built((b) => {
    b.input("x", ["batch", 7]);
    const sizes = b.tensor("sizes", intTensor([3], [2, 1, 4]));
    b.node("Split", ["x", sizes], { attributes: { axis: 1 }, outputs: ["a", "b", "c"] });
    return b.node("Concat", ["c", "a"], { attributes: { axis: 1 } });
  });
  expect(await worstGradient(graph)).toBeLessThan(TOLERANCE);
});

test.each([
  ["DepthToSpace", "DCR"],
  ["DepthToSpace", "CRD"],
  ["SpaceToDepth", ""],
])("the gradient of %s %s is right", async (opType, mode) => {
  const graph = built((b) => {
    b.input("x", ["batch", 8, 2, 4]);
    const attributes = mode === "" ? { blocksize: 2 } : { blocksize: 2, mode };
    return b.node(opType, ["x"], { attributes });
  });
  expect(await worstGradient(graph)).toBeLessThan(TOLERANCE);
});
