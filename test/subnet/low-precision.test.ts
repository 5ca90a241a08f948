import { describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { numbersOf, tensorOf } from "../../src/graph/fold/numbers.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { scoreNetwork } from "../../src/importance/score.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { openModel } from "../../src/runtime/open-model.ts";
import { macCount, parameterCount } from "../../src/structure/counts.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import { proveCut, proveSubnet } from "../../src/subnet/prove.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import { keepAll } from "../../src/subnet/subnet.ts";
import { inHalf, quantised, withHalfWeights } from "../helpers/low-precision.ts";
import { NETWORKS, networkBuilder } from "../helpers/networks.ts";

/** Convolutions with biases, a residual sum, a depthwise convolution and two matrix products. */
function plainNetwork(): Graph {
  const b = networkBuilder(11);
  const x = b.input("x", ["batch", 3, 12, 12]);
  const stem = b.relu(b.conv("stem", x, { from: 3, to: 8, bn: false }));
  const inner = b.relu(b.conv("a", stem, { from: 8, to: 12, bn: false }));
  const sum = b.relu(b.add("sum", b.conv("b", inner, { from: 12, to: 8, bn: false }), stem));
  const wide = b.relu(b.conv("deep", sum, { from: 8, to: 8, groups: 8, bn: false }));
  const pooled = b.node("MaxPool", [wide], {
    attributes: { kernel_shape: [2, 2], strides: [2, 2] },
  });
  const flat = b.node("Flatten", [b.node("GlobalAveragePool", [pooled])]);
  const hidden = b.relu(b.gemm("fc1", flat, 8, 10));
  b.output(b.gemm("fc2", hidden, 10, 4), ["batch", 4]);
  return b.graph();
}

const plain = plainNetwork();
const FORMS: Readonly<Record<string, () => Graph | Promise<Graph>>> = {
  "QDQ per tensor": () => quantised(plain, { perChannel: false }),
  "QDQ per channel": () => quantised(plain, { perChannel: true }),
  "QDQ with unsigned activations": () => quantised(plain, { perChannel: true, unsigned: true }),
  "float16 weights behind Casts": () => withHalfWeights(plain),
  "float16 weights behind Casts, with normalisations": () =>
    withHalfWeights(NETWORKS.bottleneckResnet()),
  "float16 throughout": () => inHalf(plain),
};

const SEED = 5;

describe.each(Object.entries(FORMS))("%s", (name, make) => {
  test("it has the dims, MACs and parameters of the float32 network", async () => {
    const graph = await make();
    const structure = findStructure(graph);
    const wanted = findStructure(
      name.includes("normalisations") ? NETWORKS.bottleneckResnet() : plain,
    );
    expect(structure.dims.map(({ size, pinned }) => [size, pinned === null])).toEqual(
      wanted.dims.map(({ size, pinned }) => [size, pinned === null]),
    );
    expect(macCount(structure)).toBe(macCount(wanted));
    expect(parameterCount(structure)).toBe(parameterCount(wanted));
  });

  test(`random subnets are proven, and stay in the form they came in (seed ${SEED})`, async () => {
    const graph = await make();
    const structure = findStructure(graph);
    const random = randomFrom(SEED);
    for (let draw = 0; draw < 6; draw += 1) {
      const subnet = randomSubnet(structure, random);
      const cut = cutGraph(structure, subnet);
      const proof = await proveCut(modelOf(structure.graph), structure, subnet, cut, {
        seed: draw,
        runs: 1,
      });
      expect(proof.maxRelative).toBeLessThanOrEqual(1e-5);
      for (const [constant, tensor] of cut.initializers) {
        const before = structure.graph.initializers.get(constant);
        if (before !== undefined) expect(tensor.type, constant).toBe(before.type);
      }
      const known = new Set(structure.graph.nodes.map(({ opType }) => opType));
      expect(cut.nodes.filter(({ opType }) => !known.has(opType))).toEqual([]);
    }
  });

  test("keeping everything changes nothing", async () => {
    const structure = findStructure(await make());
    expect(cutGraph(structure, keepAll(structure))).toBe(structure.graph);
  });

  test("its units are ranked as those of the float32 network, but for rounding", async () => {
    const structure = findStructure(await make());
    const wanted = findStructure(
      name.includes("normalisations") ? NETWORKS.bottleneckResnet() : plain,
    );
    const scores = (each: typeof structure): readonly (readonly number[])[] =>
      scoreNetwork(each, { method: "magnitude-l2" }).dims.flatMap(({ layers }) =>
        layers.map((layer) => layer.scores),
      );
    const [found, exact] = [scores(structure), scores(wanted)];
    expect(found).toHaveLength(exact.length);
    found.forEach((list, index) => {
      list.forEach((score, unit) => {
        expect(Math.abs(score - (exact[index]?.[unit] ?? 0))).toBeLessThan(0.03);
      });
    });
  });
});

test("a scale that goes with the wrong channel fails the proof", async () => {
  const graph = await quantised(plain, { perChannel: true });
  const structure = findStructure(graph);
  const random = randomFrom(SEED);
  const subnet = randomSubnet(structure, random, { minKept: 0.5, dropBlocks: 0, dropLayers: 0 });
  const cut = cutGraph(structure, subnet);
  const name = [...cut.initializers.keys()].find((each) => each === "a.weight_s") ?? "";
  const scales = cut.initializers.get(name);
  const numbers = scales === undefined ? null : numbersOf(scales);
  if (numbers === null) throw new Error("no scales");
  const wrong = new Map(cut.initializers).set(
    name,
    tensorOf({ ...numbers, values: numbers.values.slice().reverse() }),
  );
  await expect(
    proveCut(modelOf(structure.graph), structure, subnet, { ...cut, initializers: wrong }),
  ).rejects.toMatchObject({ code: "subnet/proof-failed" });
});

test("weights that can't be cut in the form they have are folded, with a note", async () => {
  const b = networkBuilder(12);
  const x = b.input("x", ["batch", 3, 8, 8]);
  const standardised = (name: string, shape: readonly number[]): string => {
    const raw = b.weight(`${name}.raw`, shape);
    const axes = { attributes: { axes: [1, 2, 3] } };
    const centred = b.node("Sub", [raw, b.node("ReduceMean", [raw], axes)]);
    return b.node("Div", [centred, b.node("ReduceL2", [centred], axes)]);
  };
  const pads = { attributes: { pads: [1, 1, 1, 1] } };
  const first = b.relu(b.node("Conv", [x, standardised("one", [8, 3, 3, 3])], pads));
  const second = b.relu(b.node("Conv", [first, standardised("two", [6, 8, 3, 3])], pads));
  b.output(b.gemm("fc", b.node("Flatten", [b.node("GlobalAveragePool", [second])]), 6, 3));
  const graph = b.graph();
  const structure = findStructure(graph);
  expect(structure.dims.map(({ size, pinned }) => [size, pinned === null])).toEqual([
    [8, true],
    [6, true],
    [3, false],
  ]);
  expect(structure.notes).toHaveLength(2);
  expect(structure.notes[0]).toMatch(
    /is computed from constants by ReduceMean .* can't be cut along/,
  );
  const random = randomFrom(1);
  for (let draw = 0; draw < 4; draw += 1) {
    const proof = await proveSubnet(modelOf(graph), structure, randomSubnet(structure, random), {
      seed: draw,
    });
    expect(proof.maxRelative).toBeLessThanOrEqual(1e-5);
  }
});

test("a network of float16 is fed float32 samples, and answers what the float32 network does but for rounding", async () => {
  const values = Float32Array.from({ length: 2 * 3 * 12 * 12 }, randomFrom(4).normal);
  const answers: number[][] = [];
  for (const graph of [plain, inHalf(plain)]) {
    const session = await openModel(modelOf(graph));
    const result = await session.run({
      x: { type: "float32", shape: [2, 3, 12, 12], data: values },
    });
    await session.close();
    const [output] = Object.values(result);
    expect(output?.type).toBe("float32");
    answers.push(Array.from(output?.data ?? [], Number));
  }
  const [exact = [], half = []] = answers;
  const most = Math.max(...exact.map(Math.abs));
  expect(half).toHaveLength(exact.length);
  half.forEach((value, index) => {
    expect(Math.abs(value - (exact[index] ?? 0))).toBeLessThan(0.02 * most);
  });
});
