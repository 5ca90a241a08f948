import { describe, expect, test } from "vitest";
import type { AttributeLiteral } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor, tensorFromBytes } from "../../src/graph/tensor.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { type NetworkBuilder, networkBuilder } from "../helpers/networks.ts";

const WIDTH = 12;
const TOKENS = 5;

interface Op {
  readonly domain?: string;
  readonly opset?: number;
  readonly tokens?: number | string;
  readonly attributes?: Readonly<Record<string, AttributeLiteral>>;
  readonly outputs?: readonly string[];
}

/** Tokens through a layer, the op with these inputs behind it, and a layer again. */
function around(
  opType: string,
  inputs: (b: NetworkBuilder, x: string) => readonly string[],
  { domain = "com.microsoft", opset = 23, tokens = TOKENS, attributes = {}, outputs }: Op = {},
): Graph {
  const b = networkBuilder(1, opset);
  const read = b.input("x", ["batch", tokens, 4]);
  const x = b.node("MatMul", [read, b.weight("a.weight", [4, WIDTH])]);
  const y = b.node(opType, inputs(b, x), {
    ...{ domain, attributes },
    ...(outputs === undefined ? {} : { outputs }),
  });
  b.output(b.node("MatMul", [y, b.weight("z.weight", [WIDTH, 3])]));
  return b.graph();
}

const qkv = (b: NetworkBuilder): string => b.weight("qkv", [WIDTH, 3 * WIDTH]);
const zeros = (b: NetworkBuilder, name: string, shape: readonly number[]): string =>
  b.tensor(name, floatTensor(shape, new Float32Array(shape.reduce((one, two) => one * two, 1))));
const int32 = (
  b: NetworkBuilder,
  name: string,
  shape: readonly number[],
  values: number[],
): string =>
  b.tensor(name, tensorFromBytes("int32", shape, new Uint8Array(Int32Array.from(values).buffer)));

/** Grouped queries of three heads of queries and one of keys and values, or as many columns as given. */
function grouped(
  {
    last = TOKENS - 1,
    columns = 8,
    caches = false,
  }: {
    readonly last?: number | null;
    readonly columns?: number;
    readonly caches?: boolean;
  },
  attributes: Op["attributes"] = {},
): Graph {
  return around(
    "GroupQueryAttention",
    (b, x) => {
      const part = (role: string, heads: number): string =>
        b.node("MatMul", [x, b.weight(`${role}.weight`, [WIDTH, heads * columns])]);
      const past = ["past_keys", "past_values"].map((name) =>
        caches ? zeros(b, name, [1, 1, 2, columns]) : "",
      );
      const lengths =
        last === null ? b.input("lengths", ["batch"], "int32") : int32(b, "last", [1], [last]);
      const parts = [part("q", 3), part("k", 1), part("v", 1)];
      return [...parts, ...past, lengths, int32(b, "total", [], [TOKENS])];
    },
    {
      attributes: { num_heads: 3, kv_num_heads: 1, ...attributes },
      outputs: ["y", "keys", "values"],
    },
  );
}

/** Attention of the standard domain on one value as queries, keys and values. */
function standard(
  more: (b: NetworkBuilder) => readonly string[],
  attributes: Op["attributes"] = {},
  rest: Op = {},
): Graph {
  return around("Attention", (b, x) => [x, x, x, ...more(b)], {
    domain: "",
    attributes: { q_num_heads: 3, kv_num_heads: 3, ...attributes },
    ...rest,
  });
}

/** Rotary embeddings with angles for so many pairs and positions. */
function rotary(
  pairs: number,
  rows: number,
  attributes: Readonly<Record<string, AttributeLiteral>>,
): Graph {
  return around(
    "RotaryEmbedding",
    (b, x) => [
      x,
      b.ints("first", [0]),
      zeros(b, "cos", [rows, pairs]),
      zeros(b, "sin", [rows, pairs]),
    ],
    { attributes },
  );
}

const KEPT: readonly (readonly [string, Graph, RegExp])[] = [
  [
    "heads that don't divide the width (onnxruntime)",
    around("Attention", (b, x) => [x, qkv(b)], { attributes: { num_heads: 5 } }),
    /Attention '.*' stays one op: 5 heads don't divide a width of 12\./,
  ],
  [
    "heads that don't divide the width (opset 23)",
    standard(() => [], { q_num_heads: 5, kv_num_heads: 5 }),
    /5 heads don't divide a width of 12/,
  ],
  [
    "heads that don't divide the width (rotary embeddings)",
    rotary(2, TOKENS, { num_heads: 5 }),
    /5 heads don't divide a width of 12/,
  ],
  [
    "heads of queries that can't share keys and values evenly",
    standard(() => [], { q_num_heads: 3, kv_num_heads: 2 }),
    /3 heads of queries can't share 2 of keys and values evenly/,
  ],
  [
    "a mask of another length (onnxruntime)",
    around("Attention", (b, x) => [x, qkv(b), "", b.input("mask", ["batch", 7], "int32")], {
      attributes: { num_heads: 3 },
    }),
    /its mask is for 7 keys, and there are 5/,
  ],
  [
    "a mask of another length (opset 23)",
    standard((b) => [zeros(b, "mask", [TOKENS, 7])]),
    /'mask' is as long as other keys/,
  ],
  [
    "fewer angles than tokens",
    rotary(2, 3, { num_heads: 3 }),
    /its table has 3 rows for tokens 0 to 4/,
  ],
  [
    "angles for other columns",
    rotary(3, TOKENS, { num_heads: 3 }),
    /its table has 3 angles for 4 columns of 4/,
  ],
  [
    "caches of keys and values (opset 23)",
    standard((b) => ["", ...["k", "v"].map((name) => zeros(b, name, [1, 3, 2, 4]))]),
    /it reads keys of earlier calls/,
  ],
  [
    "caches of keys and values (grouped queries)",
    grouped({ caches: true }),
    /GroupQueryAttention '.*' stays one op: it reads keys and values of earlier calls/,
  ],
  [
    "sequences whose length is an input",
    grouped({ last: null }),
    /the lengths of its sequences are known only when it runs/,
  ],
  [
    "sequences shorter than the axis",
    grouped({ last: 2 }),
    /the lengths of its sequences are not its 5 tokens/,
  ],
  [
    "a window of keys",
    grouped({}, { local_window_size: 2 }),
    /each token reads a part of the others only/,
  ],
  [
    "a head size that the kernel refuses",
    grouped({ columns: 12 }),
    /its heads have 12 columns, and onnxruntime runs it at multiples of 8 only/,
  ],
  [
    "packed quantised weights",
    around("QAttention", (_, x) => [x], { attributes: { num_heads: 3 } }),
    /QAttention '.*' stays one op: its weights are quantised and packed/,
  ],
  [
    "packed sequences",
    around("PackedAttention", (b, x) => [x, qkv(b)], { attributes: { num_heads: 3 } }),
    /it packs sequences of several lengths, which onnxruntime runs on CUDA alone/,
  ],
];

describe.each(KEPT)("%s", (_name, graph, reason) => {
  test("leaves the op whole, with the reason, and nothing of attention can be pruned", () => {
    const { notes, dims } = findStructure(graph);
    expect(notes.join("\n")).toMatch(reason);
    const prunable = dims.filter(({ pinned }) => pinned === null).map(({ role }) => role);
    for (const role of ["heads", "groups", "qk", "v"]) expect(prunable).not.toContain(role);
  });
});

test("an open length that is bound is known", () => {
  const graph = standard(() => [], { is_causal: 1 }, { tokens: "length" });
  const structure = findStructure(graph, { bind: { length: TOKENS } });
  expect(structure.notes.join()).toMatch(/1 Attention/);
  expect(structure.dims.filter(({ pinned }) => pinned === null).length).toBeGreaterThan(0);
});

test("an open length that nobody binds is refused with the name of the axis", () => {
  const graph = standard(() => [], {}, { tokens: "length" });
  expect(() => findStructure(graph)).toThrow(
    expect.objectContaining({ code: "structure/open-shape" }),
  );
});

test("heads that a Reshape can't make of the width are refused with both shapes", () => {
  const b = networkBuilder(1);
  const x = b.node("MatMul", [b.input("x", ["batch", 5, 4]), b.weight("a.weight", [4, WIDTH])]);
  b.output(b.node("Reshape", [x, b.ints("heads", [0, 0, 5, 2])]));
  expect(() => findStructure(b.graph())).toThrow(/Reshape/);
});
