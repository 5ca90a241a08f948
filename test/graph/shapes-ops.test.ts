import { expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { type AttributeLiteral, type GraphBuilder, graphBuilder } from "../../src/graph/build.ts";
import { inferShapes } from "../../src/graph/shapes/infer.ts";
import { floatTensor, intTensor } from "../../src/graph/tensor.ts";
import { shapeDifferences } from "../helpers/ort.ts";

type Attributes = Readonly<Record<string, AttributeLiteral>>;

/** A graph around one op: "x" is float32 of `shape` with a symbolic batch in front; `more` adds inputs. */
function around(
  shape: readonly number[],
  op: string,
  attributes: Attributes = {},
  more: (b: GraphBuilder) => readonly string[] = () => [],
  opset = 17,
  outputs = 1,
) {
  const b = graphBuilder({ opset });
  b.input("x", ["batch", ...shape]);
  const first = b.node(op, ["x", ...more(b)], { attributes, outputs, name: "n" });
  b.output(first);
  return b.graph();
}

const floats =
  (...shape: number[]) =>
  (b: GraphBuilder): readonly string[] => {
    const count = shape.reduce((product, extent) => product * extent, 1);
    return [b.tensor("w", floatTensor(shape, new Float32Array(count).fill(0.5)))];
  };

const ints =
  (...lists: (readonly number[])[]) =>
  (b: GraphBuilder): readonly string[] =>
    lists.map((list, index) => b.tensor(`i${index}`, intTensor([list.length], list)));

const CASES = {
  "a transposed convolution with padding and output padding": around(
    [4, 7, 9],
    "ConvTranspose",
    { strides: [2, 3], pads: [1, 0, 1, 2], output_padding: [1, 0] },
    floats(4, 5, 3, 4),
  ),
  "a grouped transposed convolution with SAME_UPPER": around(
    [4, 7, 9],
    "ConvTranspose",
    { strides: [2, 2], auto_pad: "SAME_UPPER", group: 2 },
    floats(4, 5, 3, 3),
  ),
  "a convolution over one spatial axis": around(
    [4, 19],
    "Conv",
    { strides: [2], dilations: [3] },
    floats(6, 4, 3),
  ),
  "a convolution over three spatial axes": around(
    [2, 5, 6, 7],
    "Conv",
    { pads: [1, 0, 1, 1, 0, 1] },
    floats(3, 2, 3, 2, 3),
  ),
  "a matrix product with a vector": around([3, 5], "MatMul", {}, floats(5)),
  "a matrix product with broadcast batches": around([1, 3, 5], "MatMul", {}, floats(4, 5, 2)),
  "Flatten at a later axis": around([3, 4, 5], "Flatten", { axis: 2 }),
  "Flatten at a negative axis": around([3, 4, 5], "Flatten", { axis: -1 }),
  "Reshape with a copied and an open extent": around([3, 4, 5], "Reshape", {}, ints([0, -1, 5])),
  "Reshape that takes the batch apart": around([6, 4], "Reshape", {}, ints([-1, 3, 4])),
  "Slice with negative ends and steps": around(
    [9, 8],
    "Slice",
    {},
    ints([-1, 1], [-20, 7], [1, 2], [-2, 3]),
  ),
  "Pad with cropping": around([9, 8], "Pad", {}, ints([0, -2, 3, 0, 4, -1])),
  "Transpose without perm": around([3, 4, 5], "Transpose"),
  DepthToSpace: around([8, 4, 5], "DepthToSpace", { blocksize: 2 }),
  SpaceToDepth: around([3, 4, 6], "SpaceToDepth", { blocksize: 2 }),
  Tile: around([3, 4], "Tile", {}, ints([1, 2, 3])),
  "Expand to a higher rank": around([3, 1], "Expand", {}, ints([2, 1, 1, 5])),
  "Gather with a matrix of indices": around([5, 6], "Gather", { axis: -1 }, (b) => [
    b.tensor("i", intTensor([2, 2], [0, -1, 3, 2])),
  ]),
  "Gather with a scalar": around([5, 6], "Gather", { axis: 1 }, (b) => [
    b.tensor("i", intTensor([], [4])),
  ]),
  "ArgMax without its axis": around([5, 6], "ArgMax", { axis: 2, keepdims: 0 }),
  "a mean over all axes": around([5, 6], "ReduceMean", { keepdims: 0 }),
  "a mean over given axes": around([5, 6, 7], "ReduceMean", { axes: [-1, 1] }),
  "a sum with axes as input": around([5, 6, 7], "ReduceSum", { keepdims: 0 }, ints([2, -1])),
  "Split in given parts": around([9, 2], "Split", { axis: 1 }, ints([2, 3, 4]), 17, 3),
  "Split in equal parts": around([9, 2], "Split", { axis: -2 }, () => [], 17, 3),
  "Split of opset 18 with a smaller last part": around(
    [10, 2],
    "Split",
    { axis: 1, num_outputs: 3 },
    () => [],
    18,
    3,
  ),
  "Resize by scales": around([3, 5, 7], "Resize", { mode: "nearest" }, (b) => [
    "",
    b.tensor("s", floatTensor([4], [1, 1, 1.5, 0.5])),
  ]),
  "Resize of given axes": around(
    [3, 5, 7],
    "Resize",
    { mode: "linear", axes: [2, 3] },
    (b) => ["", "", b.tensor("s", intTensor([2], [11, 4]))],
    18,
  ),
  "LayerNormalization over two axes": around(
    [4, 5, 6],
    "LayerNormalization",
    { axis: -2 },
    floats(5, 6),
  ),
  InstanceNormalization: around([4, 5, 6], "InstanceNormalization", {}, (b) => [
    b.tensor("s", floatTensor([4], [1, 2, 3, 4])),
    b.tensor("o", floatTensor([4], [1, 2, 3, 4])),
  ]),
  GlobalMaxPool: around([4, 5, 6], "GlobalMaxPool"),
  "Concat with a constant": around([4, 5], "Concat", { axis: -1 }, (b) => [
    b.node("Identity", ["x"]),
  ]),
  Softmax: around([4, 5], "Softmax"),
  PRelu: around([4, 5, 5], "PRelu", {}, floats(4, 1, 1)),
  ScatterND: around([4], "ScatterND", {}, (b) => [
    b.tensor("i", intTensor([1, 1], [0])),
    b.tensor("u", floatTensor([1, 4], [1, 2, 3, 4])),
  ]),
  Gelu: around([4, 5], "Gelu", {}, () => [], 20),
};

test.each(Object.entries(CASES))("%s has onnxruntime's shape", async (_name, graph) => {
  expect(await shapeDifferences(graph, 2)).toEqual([]);
});

test("the comparison with onnxruntime notices a shape that is wrong", async () => {
  const b = graphBuilder();
  b.input("x", ["batch", 4]);
  const y = b.node("Gelu", ["x"], { domain: "com.microsoft", outputs: ["y"] });
  b.value(y, ["batch", 9]);
  b.output(b.node("Relu", [y], { outputs: ["z"] }));
  expect(await shapeDifferences(b.graph(), 2)).toEqual([
    "y: [2,9] but ran as [2,4]",
    "z: [2,9] but ran as [2,4]",
  ]);
});

test("windows of random size, stride, dilation, padding and rounding have onnxruntime's shapes", async () => {
  const seed = 20;
  const random = randomFrom(seed);
  const differences: string[] = [];
  for (let round = 0; round < 60; round += 1) {
    const [kernel, stride, dilation] = [
      1 + random.integer(4),
      1 + random.integer(3),
      1 + random.integer(2),
    ];
    const reach = (kernel - 1) * dilation + 1;
    const [height, width] = [reach + random.integer(9), reach + random.integer(9)];
    const autoPad =
      ["NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"][random.integer(5)] ?? "NOTSET";
    const pads =
      autoPad === "NOTSET" ? { pads: Array.from({ length: 4 }, () => random.integer(kernel)) } : {};
    // A window that skips elements would need negative padding to keep the size, which onnxruntime refuses.
    const step = autoPad.startsWith("SAME") ? Math.min(stride, kernel) : stride;
    const common = { strides: [step, step], auto_pad: autoPad, ...pads };
    const window = { ...common, kernel_shape: [kernel, kernel] };
    const b = graphBuilder({ opset: 19 });
    b.input("x", ["batch", 2, height, width]);
    b.tensor("w", floatTensor([4, 1, kernel, kernel], new Float32Array(4 * kernel * kernel)));
    // onnxruntime refuses SAME padding of dilated windows.
    const dilations = autoPad.startsWith("SAME") ? {} : { dilations: [dilation, dilation] };
    b.output(b.node("Conv", ["x", "w"], { attributes: { ...common, ...dilations, group: 2 } }));
    const ceil = autoPad === "NOTSET" ? { ceil_mode: random.integer(2) } : {};
    b.output(b.node("MaxPool", ["x"], { attributes: { ...window, ...dilations, ...ceil } }));
    b.output(b.node("AveragePool", ["x"], { attributes: { ...window, ...ceil } }));
    const found = await shapeDifferences(b.graph(), 1);
    differences.push(
      ...found.map(
        (line) =>
          `seed ${seed} round ${round} ${height}x${width} ${JSON.stringify({ ...window, ...dilations, ...ceil })} ${line}`,
      ),
    );
  }
  expect(differences).toEqual([]);
});

test("a shape computed from the batch is known as a symbol and reshapes to a symbol", () => {
  const b = graphBuilder();
  b.input("x", ["batch", 3, 4, 5]);
  const batch = b.node("Gather", [b.node("Shape", ["x"]), b.tensor("zero", intTensor([], [0]))]);
  const tripled = b.node("Mul", [batch, b.tensor("three", intTensor([], [3]))]);
  const axis = b.tensor("axis", intTensor([1], [0]));
  const target = b.node(
    "Concat",
    [b.node("Unsqueeze", [tripled, axis]), b.tensor("rest", intTensor([1], [-1]))],
    { attributes: { axis: 0 } },
  );
  const y = b.output(b.node("Reshape", ["x", target]));
  const shapes = inferShapes(b.graph());
  expect(shapes.constant(target)).toEqual(["3*batch", -1]);
  expect(shapes.of(y)?.shape).toEqual(["3*batch", 20]);
  expect(inferShapes(b.graph(), { bind: { batch: 2 } }).resolved(y)).toEqual([6, 20]);
});

test("an unknown op leaves its output to what the file declares, and what it doesn't declare stays unknown", () => {
  const b = graphBuilder();
  b.input("x", ["batch", 4]);
  const known = b.node("Mystery", ["x"], { domain: "acme", outputs: ["known"] });
  b.value(known, ["batch", 8]);
  const unknown = b.node("Mystery", ["x"], { domain: "acme", outputs: ["unknown"] });
  b.output(b.node("Relu", [known]));
  b.output(b.node("Relu", [unknown]));
  const shapes = inferShapes(b.graph(), { batch: 3 });
  expect(shapes.resolved("known")).toEqual([3, 8]);
  expect(shapes.of("unknown")).toBeNull();
});

const CONTRADICTIONS = {
  "a convolution with a weight for other channels": around(
    [3, 8, 8],
    "Conv",
    {},
    floats(4, 5, 3, 3),
  ),
  "a window that is larger than its input": around([3, 2, 2], "Conv", {}, floats(4, 3, 3, 3)),
  "a matrix product with other features": around([4], "Gemm", {}, floats(5, 2)),
  "operands that don't broadcast": around([4], "Add", {}, floats(3)),
  "a reshape to another number of elements": around([4, 4], "Reshape", {}, ints([0, 3, 5])),
  "an axis that doesn't exist": around([4], "Concat", { axis: 3 }),
  "parts that don't sum to the axis": around([9], "Split", { axis: 1 }, ints([2, 3]), 17, 2),
} as const;

test.each(Object.entries(CONTRADICTIONS))("%s is an error that names the node", (_name, graph) => {
  // A reshape with a copied batch is only contradictory once the batch is a number.
  expect(() => inferShapes(graph, { batch: 2 })).toThrowError(
    expect.objectContaining({ code: "graph/contradictory-shapes", where: "node 'n'" }),
  );
});

test("a declared shape that the graph contradicts is reported, and what the nodes give holds", () => {
  const b = graphBuilder();
  b.input("x", ["batch", 4]);
  b.output(b.node("Relu", ["x"], { name: "n" }), ["batch", 5]);
  const shapes = inferShapes(b.graph());
  expect(shapes.misdeclared).toMatchObject([
    { value: "n_out", found: ["batch", 4], declared: ["batch", 5] },
  ]);
  expect(shapes.of("n_out")?.shape).toEqual(["batch", 4]);
});
