/** Attention as runtimes and newer opsets write it: one op for all of it, or for a part. */
import { floatTensor, intTensor, tensorFromBytes } from "../../src/graph/tensor.ts";
import {
  attend,
  COLUMNS,
  HEADS,
  heads,
  linear,
  type Part,
  TOKENS,
  WIDTH,
} from "./attention-parts.ts";
import type { NetworkBuilder } from "./networks.ts";

/** onnxruntime's op for one matrix of queries, keys and values. */
export const onnxruntimeAttention: Part = (b, name, input) => {
  const weights = [b.weight(`${name}.qkv.weight`, [WIDTH, 3 * WIDTH])];
  const mixed = b.node(
    "Attention",
    [input, ...weights, b.weight(`${name}.qkv.bias`, [3 * WIDTH])],
    {
      domain: "com.microsoft",
      attributes: { num_heads: HEADS },
    },
  );
  return linear(b, `${name}.proj`, mixed, WIDTH, WIDTH);
};

/** onnxruntime's op for queries, keys and values of their own layers, with one list of biases, keeping queries from later keys. */
export const onnxruntimeMultiHead: Part = (b, name, input) => {
  const part = (role: string): string =>
    b.node("MatMul", [input, b.weight(`${name}.${role}_proj.weight`, [WIDTH, WIDTH])]);
  const parts = [part("q"), part("k"), part("v")];
  const mixed = b.node("MultiHeadAttention", [...parts, b.weight(`${name}.biases`, [3 * WIDTH])], {
    domain: "com.microsoft",
    attributes: { num_heads: HEADS, unidirectional: 1 },
  });
  return linear(b, `${name}.out_proj`, mixed, WIDTH, WIDTH);
};

/** Opset 23: keys and values of two heads for four of queries. */
export const standardAttention: Part = (b, name, input) => {
  const part = (role: string, count: number): string =>
    linear(b, `${name}.${role}_proj`, input, WIDTH, count * COLUMNS);
  const mixed = b.node("Attention", [part("q", HEADS), part("k", 2), part("v", 2)], {
    attributes: { q_num_heads: HEADS, kv_num_heads: 2, is_causal: 1 },
  });
  return linear(b, `${name}.out_proj`, mixed, WIDTH, WIDTH);
};

/** Gelu with its bias, as onnxruntime fuses them. */
export const biasGeluMlp: Part = (b, name, input) => {
  const wide = b.node("MatMul", [input, b.weight(`${name}.fc1.weight`, [WIDTH, 20])]);
  const bent = b.node("BiasGelu", [wide, b.weight(`${name}.fc1.bias`, [20])], {
    domain: "com.microsoft",
  });
  return linear(b, `${name}.fc2`, bent, 20, WIDTH);
};

function batchOf(b: NetworkBuilder, value: string): string {
  return b.node("Shape", [value], { attributes: { start: 0, end: 1 } });
}

/** Angles that turn the pairs of a head's columns, a row per position. */
function angles(b: NetworkBuilder, name: string, rows: number, half: number): [string, string] {
  const table = (of: (angle: number) => number): Float32Array =>
    Float32Array.from({ length: rows * half }, (_, at) =>
      of(Math.floor(at / half) / 10 ** ((at % half) / half)),
    );
  return [
    b.tensor(`${name}.cos`, floatTensor([rows, half], table(Math.cos))),
    b.tensor(`${name}.sin`, floatTensor([rows, half], table(Math.sin))),
  ];
}

/** onnxruntime's op turns queries and keys, counted from a first position; pairs follow each other. */
export const onnxruntimeRotary: Part = (b, name, input) => {
  const [cos, sin] = angles(b, name, 2 * TOKENS, COLUMNS / 2);
  const first = b.ints(`${name}.first`, [1]);
  const part = (role: string): string => linear(b, `${name}.${role}_proj`, input, WIDTH, WIDTH);
  const turned = (role: string): string =>
    b.node("RotaryEmbedding", [part(role), first, cos, sin], {
      domain: "com.microsoft",
      attributes: { interleaved: 1, num_heads: HEADS },
    });
  const apart = (role: string, value: string): string => heads(b, `${name}.${role}`, value);
  const [q, k] = [apart("q", turned("q")), apart("k", turned("k"))];
  const mixed = attend(b, name, [q, k, apart("v", part("v"))]);
  return linear(b, `${name}.out_proj`, mixed, WIDTH, WIDTH);
};

/** Opset 23: a part of each head's columns is turned, with a row of angles per token; four axes. */
export const standardRotary: Part = (b, name, input) => {
  const turnedColumns = COLUMNS - 2;
  const [cos, sin] = angles(b, name, TOKENS, turnedColumns / 2);
  const counted = Array.from({ length: TOKENS }, (_, at) => at);
  const once = b.tensor(`${name}.places`, intTensor([1, TOKENS], counted));
  const batch = [batchOf(b, input), b.ints(`${name}.one`, [1])];
  const sizes = b.node("Concat", batch, { attributes: { axis: 0 } });
  const places = b.node("Expand", [once, sizes]);
  const part = (role: string): string =>
    heads(b, `${name}.${role}`, linear(b, `${name}.${role}_proj`, input, WIDTH, WIDTH));
  const turned = (role: string): string =>
    b.node("RotaryEmbedding", [part(role), cos, sin, places], {
      attributes: { rotary_embedding_dim: turnedColumns },
    });
  const mixed = attend(b, name, [turned("q"), turned("k"), part("v")]);
  return linear(b, `${name}.out_proj`, mixed, WIDTH, WIDTH);
};

/** Columns of a head: onnxruntime's op wants multiples of 16. */
const SIXTEEN = 16;

/** onnxruntime's op for grouped queries, packed into one input; it turns queries and keys itself. */
export const onnxruntimeGroupQuery: Part = (b, name, input) => {
  const kept = 2;
  const [cos, sin] = angles(b, name, TOKENS, SIXTEEN / 2);
  const packed = linear(b, `${name}.qkv_proj`, input, WIDTH, (HEADS + 2 * kept) * SIXTEEN);
  const int32 = (role: string, shape: readonly number[], value: number): string =>
    b.tensor(
      `${name}.${role}`,
      tensorFromBytes("int32", shape, new Uint8Array(Int32Array.of(value).buffer)),
    );
  const last = b.node("Expand", [int32("last", [1], TOKENS - 1), batchOf(b, input)]);
  const lengths = [last, int32("total", [], TOKENS)];
  const mixed = b.node("GroupQueryAttention", [packed, "", "", "", "", ...lengths, cos, sin], {
    domain: "com.microsoft",
    attributes: { num_heads: HEADS, kv_num_heads: kept, do_rotary: 1 },
    outputs: [`${name}.mixed`, `${name}.keys`, `${name}.values`],
  });
  return linear(b, `${name}.o_proj`, mixed, HEADS * SIXTEEN, WIDTH);
};
