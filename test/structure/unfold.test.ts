import { describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import type { AttributeLiteral } from "../../src/graph/build.ts";
import type { Graph, Tensor } from "../../src/graph/graph.ts";
import { floatTensor, intTensor, tensorFromBytes } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { proveSubnet } from "../../src/subnet/prove.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import { type NetworkBuilder, networkBuilder } from "../helpers/networks.ts";
import { runSeeded } from "../helpers/ort.ts";

const WIDTH = 12;
const SEED = 7;

/** Tokens through a layer, the op, and a layer again. */
function around(
  op: (b: NetworkBuilder, x: string) => string,
  { opset = 17, rank = 3 }: { readonly opset?: number; readonly rank?: number } = {},
): Graph {
  const b = networkBuilder(SEED, opset);
  const input = b.input("x", rank === 4 ? ["batch", 3, 6, 6] : ["batch", 5, 4]);
  const before =
    rank === 4
      ? b.conv("a", input, { from: 3, to: WIDTH, bn: false })
      : b.node("MatMul", [input, b.weight("a.weight", [4, WIDTH])]);
  const after = op(b, before);
  const flat = rank === 4 ? b.node("Flatten", [b.node("GlobalAveragePool", [after])]) : after;
  b.output(b.node("MatMul", [flat, b.weight("z.weight", [WIDTH, 3])]));
  return b.graph();
}

function microsoft(
  opType: string,
  rest: Readonly<Record<string, readonly number[]>> = {},
  attributes: Readonly<Record<string, AttributeLiteral>> = {},
) {
  return (b: NetworkBuilder, x: string): string => {
    const inputs = Object.entries(rest).map(([name, shape]) => b.weight(name, shape));
    return b.node(opType, [x, ...inputs], { domain: "com.microsoft", attributes });
  };
}

const KERNEL = { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1], group: 1 };
const SQUARE = { k: [WIDTH, WIDTH, 3, 3], bias: [WIDTH] };

/** [1, 5]: the last two tokens don't count. */
function maskOfFirst(): Tensor {
  const values = Int32Array.of(1, 1, 1, 0, 0);
  return tensorFromBytes("int32", [1, 5], new Uint8Array(values.buffer));
}

const WRITTEN_OUT: readonly (readonly [string, Graph])[] = [
  ["Gelu", around(microsoft("Gelu"))],
  ["BiasGelu", around(microsoft("BiasGelu", { bias: [WIDTH] }))],
  ["FastGelu", around(microsoft("FastGelu", { bias: [WIDTH] }))],
  ["QuickGelu", around(microsoft("QuickGelu", {}, { alpha: 1.5 }))],
  [
    "FusedMatMul",
    around(microsoft("FusedMatMul", { w: [WIDTH, WIDTH] }, { transB: 1, alpha: 0.5 })),
  ],
  [
    "FusedConv",
    around(
      microsoft("FusedConv", SQUARE, {
        ...KERNEL,
        activation: "LeakyRelu",
        activation_params: { floats: [0.1] },
      }),
      { rank: 4 },
    ),
  ],
  [
    "FusedConv with Clip",
    around(
      microsoft("FusedConv", SQUARE, {
        ...KERNEL,
        activation: "Clip",
        activation_params: { floats: [0, 6] },
      }),
      { rank: 4 },
    ),
  ],
  [
    "SkipLayerNormalization",
    around((b, x) => {
      const skip = b.node("MatMul", [x, b.weight("skip.weight", [WIDTH, WIDTH])]);
      const rest = ["gamma", "beta", "bias"].map((name) => b.weight(name, [WIDTH]));
      const names = ["normed", "", "", "sum"];
      b.node("SkipLayerNormalization", [x, skip, ...rest], {
        domain: "com.microsoft",
        outputs: names,
      });
      return b.node("Add", ["normed", "sum"]);
    }),
  ],
  [
    "SkipSimplifiedLayerNormalization",
    around((b, x) => {
      const skip = b.node("MatMul", [x, b.weight("skip.weight", [WIDTH, WIDTH])]);
      return b.node("SkipSimplifiedLayerNormalization", [x, skip, b.weight("gamma", [WIDTH])], {
        domain: "com.microsoft",
        attributes: { epsilon: 1e-5 },
      });
    }),
  ],
  [
    "RMSNormalization",
    around((b, x) => b.node("RMSNormalization", [x, b.weight("gamma", [WIDTH])]), { opset: 23 }),
  ],
  [
    "Attention with a mask and a scale of its own",
    around((b, x) => {
      const ones = b.input("mask", ["batch", 5], "int32");
      const first = b.tensor("first", maskOfFirst());
      const mask = b.node("Mul", [ones, first]);
      const weights = [b.weight("qkv", [WIDTH, 3 * WIDTH]), b.weight("bias", [3 * WIDTH])];
      return b.node("Attention", [x, ...weights, mask], {
        domain: "com.microsoft",
        attributes: { num_heads: 3, scale: 0.3 },
      });
    }),
  ],
  [
    "Attention with a length per sequence",
    around((b, x) => {
      const ones = b.input("mask", ["batch", 3], "int32");
      const axes = b.ints("axes", [1]);
      const lengths = b.node("ReduceSum", [ones, axes], { attributes: { keepdims: 0 } });
      const weights = [b.weight("qkv", [WIDTH, 3 * WIDTH]), b.weight("bias", [3 * WIDTH])];
      return b.node("Attention", [x, ...weights, lengths], {
        domain: "com.microsoft",
        attributes: { num_heads: 3 },
      });
    }),
  ],
  [
    "Attention with a mask per pair of tokens",
    around((b, x) => {
      const ones = b.input("mask", ["batch", 5, 5], "int32");
      const below = Int32Array.from({ length: 25 }, (_, at) => (at % 5 <= at / 5 ? 1 : 0));
      const first = b.tensor(
        "first",
        tensorFromBytes("int32", [1, 5, 5], new Uint8Array(below.buffer)),
      );
      const weights = [b.weight("qkv", [WIDTH, 3 * WIDTH]), b.weight("bias", [3 * WIDTH])];
      return b.node("Attention", [x, ...weights, b.node("Mul", [ones, first])], {
        domain: "com.microsoft",
        attributes: { num_heads: 3 },
      });
    }),
  ],
  [
    "RotaryEmbedding of opset 23 with a row of angles per token",
    around(
      (b, x) => {
        const batch = b.node("Shape", [x], { attributes: { start: 0, end: 1 } });
        const rest = [batch, b.ints("rest", [1, 1])];
        const sizes = b.node("Concat", rest, { attributes: { axis: 0 } });
        const [cos = "", sin = ""] = ["cos", "sin"].map((name) =>
          b.node("Expand", [b.weight(name, [1, 5, 2]), sizes]),
        );
        const w = b.node("MatMul", [x, b.weight("q.weight", [WIDTH, WIDTH])]);
        return b.node("RotaryEmbedding", [w, cos, sin], { attributes: { num_heads: 3 } });
      },
      { opset: 23 },
    ),
  ],
  [
    "EmbedLayerNormalization, whose table of positions is cut by a length",
    around((b, x) => {
      const ids = b.input("ids", ["batch", 5], "int32");
      const tables = [b.weight("words", [7, WIDTH]), b.weight("positions", [9, WIDTH])];
      const norm = [b.weight("gamma", [WIDTH]), b.weight("beta", [WIDTH])];
      b.node("EmbedLayerNormalization", [ids, "", ...tables, "", ...norm], {
        domain: "com.microsoft",
        outputs: ["embedded", "lengths"],
      });
      return b.node("Add", [x, "embedded"]);
    }),
  ],
  [
    "Attention of opset 23 on four axes with a mask of booleans",
    around(
      (b, x) => {
        const split = b.node("Reshape", [x, b.ints("heads", [0, 0, 3, 4])]);
        const q = b.node("Transpose", [split], { attributes: { perm: [0, 2, 1, 3] } });
        const values = Uint8Array.from({ length: 25 }, (_, at) =>
          at % 5 <= Math.floor(at / 5) ? 1 : 0,
        );
        const mask = b.tensor("mask", {
          type: "bool",
          shape: [5, 5],
          byteLength: 25,
          bytes: () => values,
        });
        const mixed = b.node("Attention", [q, q, q, mask]);
        const back = b.node("Transpose", [mixed], { attributes: { perm: [0, 2, 1, 3] } });
        return b.node("Reshape", [back, b.ints("width", [0, 0, WIDTH])]);
      },
      { opset: 23 },
    ),
  ],
];

describe.each(WRITTEN_OUT)("%s", (_name, graph) => {
  const structure = findStructure(graph);

  test("is written out as what onnxruntime computes, and can be pruned through", async () => {
    expect(structure.notes.join()).toMatch(/^Fused ops are written out/);
    const [file, found] = [await runSeeded(graph), await runSeeded(structure.graph)];
    for (const [name, { data }] of file) {
      const wanted = Array.from(data, Number);
      const largest = Math.max(...wanted.map(Math.abs));
      Array.from(found.get(name)?.data ?? [], Number).forEach((value, at) => {
        expect(Math.abs(value - (wanted[at] ?? 0)) / largest).toBeLessThan(2e-6);
      });
    }
    expect(structure.dims.some(({ pinned }) => pinned === null)).toBe(true);
    const random = randomFrom(SEED);
    for (let draw = 0; draw < 2; draw += 1) {
      // A norm over one channel gives the same whatever it reads.
      const subnet = randomSubnet(structure, random, { minKept: 0.3 });
      const proof = await proveSubnet(modelOf(graph), structure, subnet, { seed: draw, runs: 1 });
      expect(proof.maxRelative).toBeLessThanOrEqual(1e-5);
    }
  });
});

test("a fused op that does more stays one op, with the reason", () => {
  const packed = around((b, x) => {
    const wide = b.node("MatMul", [x, b.weight("qkv", [WIDTH, 3 * WIDTH])]);
    const parts = b.node("Reshape", [wide, b.ints("five", [0, 0, 3, 3, 4])]);
    return b.node("MultiHeadAttention", [parts], {
      domain: "com.microsoft",
      attributes: { num_heads: 3 },
    });
  });
  expect(findStructure(packed).notes.join()).toMatch(
    /MultiHeadAttention '.*' stays one op: queries, keys and values are packed into one input, which onnxruntime runs on CUDA alone\./,
  );
  const cached = around(
    (b, x) => {
      const past = ["keys", "values"].map((name) =>
        b.tensor(name, floatTensor([1, 3, 2, 4], new Float32Array(24))),
      );
      return b.node("Attention", [x, x, x, "", ...past], {
        attributes: { q_num_heads: 3, kv_num_heads: 3 },
        outputs: ["y", "next_keys", "next_values"],
      });
    },
    { opset: 23 },
  );
  expect(findStructure(cached).notes.join()).toMatch(
    /stays one op: it reads keys of earlier calls/,
  );
  const uneven = around(microsoft("Attention", { qkv: [WIDTH, 3 * WIDTH] }, { num_heads: 5 }));
  expect(findStructure(uneven).notes.join()).toMatch(/5 heads don't divide a width of 12/);
});

test("a file that lacks an input of a fused op is left as it is, with what it lacks", () => {
  const attention = around(
    (b, x) => b.node("Attention", [x], { attributes: { q_num_heads: 3, kv_num_heads: 3 } }),
    { opset: 23 },
  );
  expect(findStructure(attention).notes.join()).toMatch(/stays one op: it lacks input 1/);
  const norm = around((b, x) => b.node("RMSNormalization", [x]), { opset: 23 });
  expect(findStructure(norm).notes.join()).toMatch(/stays one op: it lacks input 1/);
});

test("a form that computes something else than the file does not pass the proof", async () => {
  const graph = around(microsoft("BiasGelu", { bias: [WIDTH] }));
  const structure = findStructure(graph);
  const wrong = new Map(structure.graph.initializers);
  const half = [...wrong.keys()].find((name) => name.endsWith("_half")) ?? "";
  wrong.set(half, floatTensor([], [0.501]));
  const sabotaged = { ...structure, graph: { ...structure.graph, initializers: wrong } };
  const subnet = randomSubnet(structure, randomFrom(SEED));
  await expect(proveSubnet(modelOf(graph), sabotaged, subnet, { runs: 1 })).rejects.toMatchObject({
    code: "subnet/proof-failed",
    message: expect.stringMatching(
      /^The network with its structure prepared differs from its file/,
    ),
  });
});

/** One layer makes three parts, which `take` reads from [batch, tokens, ...split]. */
function parted(
  split: readonly number[],
  take: (b: NetworkBuilder, parts: string) => string,
  opset = 17,
): Graph {
  const b = networkBuilder(SEED, opset);
  const x = b.node("MatMul", [b.input("x", ["batch", 5, 4]), b.weight("a.weight", [4, 36])]);
  b.output(take(b, b.node("Reshape", [x, b.ints("split", [0, 0, ...split])])));
  return b.graph();
}

function picked(b: NetworkBuilder, parts: string, axis: number, from = 0): string {
  const take = (part: number): string => {
    const index = b.tensor(`at${part}`, intTensor([], [part + from]));
    const own = b.node("Gather", [parts, index], { attributes: { axis } });
    const flat = b.node("Reshape", [own, b.ints(`flat${part}`, [0, 0, WIDTH])]);
    return b.node("MatMul", [flat, b.weight(`z${part}.weight`, [WIDTH, 3])]);
  };
  return b.node("Add", [take(0), b.node("Add", [take(1), take(2)])]);
}

describe("one axis that holds several projections", () => {
  test.each([11, 17])(
    "is split first, so that each has columns of its own (opset %i)",
    async (opset) => {
      const graph = parted([3, 12], (b, parts) => picked(b, parts, 2), opset);
      const structure = findStructure(graph);
      expect(structure.notes.join()).toMatch(/splits an axis into 3 parts/);
      expect(
        structure.dims.filter(({ pinned }) => pinned === null).map(({ size }) => size),
      ).toEqual([12, 12, 12]);
      const [file, found] = [await runSeeded(graph), await runSeeded(structure.graph)];
      for (const [name, value] of file) expect(found.get(name)?.data).toEqual(value.data);
      const subnet = randomSubnet(structure, randomFrom(SEED));
      await proveSubnet(modelOf(graph), structure, subnet, { runs: 1 });
    },
  );

  test("is put in order first where the parts alternate, by the layers that make it", async () => {
    const graph = parted([4, 3, 3], (b, parts) => picked(b, parts, 3));
    const structure = findStructure(graph);
    expect(structure.notes.join()).toMatch(/splits an axis into 3 parts/);
    expect(structure.dims.filter(({ pinned }) => pinned === null).length).toBe(6);
    const [file, found] = [await runSeeded(graph), await runSeeded(structure.graph)];
    for (const [name, { data }] of file)
      for (const [at, value] of Array.from(data, Number).entries())
        expect(Number(found.get(name)?.data[at])).toBeCloseTo(value, 5);
    const subnet = randomSubnet(structure, randomFrom(SEED));
    await proveSubnet(modelOf(graph), structure, subnet, { runs: 1 });
  });

  test("stays whole where the parts are read together, leave the network, or alternate behind no layer", () => {
    const b = networkBuilder(SEED);
    const x = b.node("MatMul", [b.input("x", ["batch", 5, 4]), b.weight("a.weight", [4, 36])]);
    const parts = b.node("Reshape", [b.node("Softmax", [x]), b.ints("split", [0, 0, 4, 3, 3])]);
    b.output(picked(b, parts, 3));
    const alternating = b.graph();
    const together = parted([3, 12], (b, parts) => {
      const whole = b.node("Reshape", [b.node("Relu", [parts]), b.ints("whole", [0, 0, 36])]);
      const all = b.node("MatMul", [whole, b.weight("all.weight", [36, 3])]);
      return b.node("Add", [picked(b, parts, 2), all]);
    });
    const leaving = parted([3, 12], (b, parts) => {
      b.output(parts);
      return picked(b, parts, 2);
    });
    const beyond = parted([3, 12], (b, parts) => picked(b, parts, 2, 2 ** 31));
    for (const graph of [alternating, together, leaving, beyond])
      expect(findStructure(graph).notes.join()).not.toMatch(/splits an axis/);
  });
});
