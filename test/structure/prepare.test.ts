import { expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor, intTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { proveSubnet } from "../../src/subnet/prove.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import { type NetworkBuilder, networkBuilder } from "../helpers/networks.ts";
import { runSeeded } from "../helpers/ort.ts";

async function proveRandom(graph: Graph, draws = 5): Promise<void> {
  const structure = findStructure(graph);
  const random = randomFrom(9);
  for (let draw = 0; draw < draws; draw += 1) {
    const subnet = randomSubnet(structure, random);
    const proof = await proveSubnet(modelOf(graph), structure, subnet, { seed: draw, runs: 1 });
    expect(proof.maxRelative).toBeLessThanOrEqual(1e-5);
  }
}

function freeSizes(graph: Graph): readonly number[] {
  return findStructure(graph).dims.flatMap((dim) => (dim.pinned === null ? [dim.size] : []));
}

function head(b: NetworkBuilder, image: string, channels: number): void {
  b.output(b.gemm("fc", b.node("Flatten", [b.node("GlobalAveragePool", [image])]), channels, 3));
}

/** Convolutions with normalisations whose mean is one constant of zeros. */
function sharedZeros(): Graph {
  const b = networkBuilder(21);
  let image = b.input("x", ["batch", 3, 8, 8]);
  b.tensor("zeros", floatTensor([6], new Float32Array(6)));
  b.tensor("ones", floatTensor([6], new Float32Array(6).fill(1)));
  for (const [index, name] of ["a", "b", "c"].entries()) {
    const out = b.conv(name, image, { from: index === 0 ? 3 : 6, to: 6, bn: false });
    const scale = b.weight(`${name}.scale`, [6]);
    image = b.relu(b.node("BatchNormalization", [out, scale, "zeros", "zeros", "ones"]));
  }
  head(b, image, 6);
  return b.graph();
}

test("a vector that is stored once for several layers ties none of them", async () => {
  const graph = sharedZeros();
  const structure = findStructure(graph);
  expect(freeSizes(graph)).toEqual([6, 6, 6]);
  expect(structure.notes.join()).toMatch(/'zeros' is stored once for 3 places/);
  const [before, after] = [await runSeeded(graph), await runSeeded(structure.graph)];
  for (const [name, value] of before) expect(after.get(name)?.data).toEqual(value.data);
  await proveRandom(graph);
});

test("a weight that a network shares on purpose stays shared, and its bias with it", async () => {
  const b = networkBuilder(22);
  const x = b.input("x", ["batch", 3, 8, 8]);
  const stem = b.relu(b.conv("stem", x, { from: 3, to: 6, bn: false }));
  const pooled = b.node("MaxPool", [stem], {
    attributes: { kernel_shape: [2, 2], strides: [2, 2] },
  });
  b.weight("head.weight", [5, 6, 3, 3]);
  b.weight("head.bias", [5]);
  for (const [name, level] of [
    ["fine", stem],
    ["coarse", pooled],
  ] as const) {
    const out = b.relu(
      b.node("Conv", [level, "head.weight", "head.bias"], { attributes: { pads: [1, 1, 1, 1] } }),
    );
    b.output(b.gemm(name, b.node("Flatten", [b.node("GlobalAveragePool", [out])]), 5, 2));
  }
  const graph = b.graph();
  const structure = findStructure(graph);
  expect(structure.graph).toBe(graph);
  expect(structure.notes).toEqual([]);
  expect(freeSizes(graph)).toEqual([6, 5]);
  await proveRandom(graph);
});

test("a table that only element-by-element ops read is copied per reader", async () => {
  const b = networkBuilder(23);
  const x = b.input("x", ["batch", 5, 3]);
  b.weight("table", [5, 6]);
  const scaled = (name: string, tokens: string, from: number): string =>
    b.node("Mul", [b.node("MatMul", [tokens, b.weight(name, [from, 6])]), "table"]);
  const second = scaled("b", b.relu(scaled("a", x, 3)), 6);
  const mean = b.node("ReduceMean", [second], { attributes: { axes: [1], keepdims: 0 } });
  b.output(b.gemm("fc", mean, 6, 3));
  const graph = b.graph();
  expect(freeSizes(graph)).toEqual([6, 6]);
  await proveRandom(graph);
});

/** Sizes of a Resize that are computed in different ways. */
const SIZES: Readonly<Record<string, (b: NetworkBuilder, image: string) => string>> = {
  "an initializer": (b) => b.ints("sizes", [1, 6, 16, 16]),
  "a Constant node": (b) =>
    b.node("Constant", [], { attributes: { value: intTensor([4], [1, 6, 16, 16]) } }),
  "a Concat of constants": (b) =>
    b.node("Concat", [b.ints("front", [1, 6]), b.ints("back", [16, 16])], {
      attributes: { axis: 0 },
    }),
  "a Shape and constants": (b, image) => {
    const front = b.node("Slice", [b.node("Shape", [image]), b.ints("s0", [0]), b.ints("s2", [2])]);
    return b.node("Concat", [front, b.ints("back", [16, 16])], { attributes: { axis: 0 } });
  },
  "a batch from a Shape and a constant count of channels": (b, image) => {
    const batch = b.node("Slice", [b.node("Shape", [image]), b.ints("s0", [0]), b.ints("s1", [1])]);
    return b.node("Concat", [batch, b.ints("rest", [6, 16, 16])], { attributes: { axis: 0 } });
  },
};

test.each(Object.entries(SIZES))(
  "a Resize to sizes from %s is pruned through",
  async (name, sizes) => {
    const b = networkBuilder(24);
    const batch = name.includes("Shape") ? "batch" : 1;
    const x = b.input("x", [batch, 3, 8, 8]);
    const image = b.relu(b.conv("a", x, { from: 3, to: 6, bn: false }));
    const large = b.node("Resize", [image, "", "", sizes(b, image)], {
      attributes: { mode: "nearest" },
    });
    head(b, b.relu(b.conv("b", large, { from: 6, to: 5, bn: false })), 5);
    const graph = b.graph();
    expect(freeSizes(graph)).toEqual([6, 5]);
    await proveRandom(graph);
  },
);

test("an Expand whose batch is read from a Shape and whose channels are constant is pruned through", async () => {
  const b = networkBuilder(25);
  const x = b.input("x", ["batch", 3, 8, 8]);
  const image = b.relu(b.conv("a", x, { from: 3, to: 6, bn: false }));
  const mean = b.node("GlobalAveragePool", [image]);
  const shape = b.node("Shape", [x]);
  const part = (name: string, from: number, to: number): string =>
    b.node("Slice", [shape, b.ints(`${name}0`, [from]), b.ints(`${name}1`, [to])]);
  const target = b.node("Concat", [part("n", 0, 1), b.ints("c", [6]), part("hw", 2, 4)], {
    attributes: { axis: 0 },
  });
  head(b, b.add("sum", b.node("Expand", [mean, target]), image), 6);
  const graph = b.graph();
  expect(freeSizes(graph)).toEqual([6]);
  await proveRandom(graph);
});

function meanByHand(dynamic: boolean): Graph {
  const b = networkBuilder(26);
  const x = b.input("x", ["batch", 3, 8, 8]);
  const image = b.relu(b.conv("a", x, { from: 3, to: 6, bn: false }));
  const shape = b.node("Shape", [image]);
  const count = dynamic
    ? b.node("ReduceProd", [shape], { attributes: { keepdims: 0 } })
    : b.node("Gather", [shape, b.tensor("one", intTensor([], [1]))]);
  const number = b.node("Sqrt", [b.node("Cast", [count], { attributes: { to: 1 } })]);
  head(b, b.relu(b.conv("b", b.node("Div", [image, number]), { from: 6, to: 5, bn: false })), 5);
  return b.graph();
}

test("a count of channels that is computed with stays the number that it was", async () => {
  const graph = meanByHand(false);
  expect(freeSizes(graph)).toEqual([6, 5]);
  await proveRandom(graph);
});

test("a count that depends on the batch too pins the channels, and says so", async () => {
  const graph = meanByHand(true);
  expect(freeSizes(graph)).toEqual([5]);
  expect(findStructure(graph).dims[0]?.pinned).toMatch(
    /Shape .* reads its length, and \w+ .* computes with it/,
  );
  await proveRandom(graph);
});
