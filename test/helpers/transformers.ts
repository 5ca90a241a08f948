/**
 * Small transformers, one per way in which exporters write attention and what is around it. Tokens come in as [batch, TOKENS,
 * CHANNELS]; every one has its heads, columns, embedding and MLP to be found.
 */
import type { Graph } from "../../src/graph/graph.ts";
import {
  biasGeluMlp,
  onnxruntimeAttention,
  onnxruntimeGroupQuery,
  onnxruntimeMultiHead,
  onnxruntimeRotary,
  standardAttention,
  standardRotary,
} from "./attention-ops.ts";
import {
  attend,
  CHANNELS,
  COLUMNS,
  HEADS,
  heads,
  intScalar,
  linear,
  type Part,
  reshape,
  scalar,
  TOKENS,
  turn,
  WIDTH,
} from "./attention-parts.ts";
import { type NetworkBuilder, networkBuilder } from "./networks.ts";

const separate: Part = (b, name, input) => {
  const part = (role: string): string =>
    heads(b, `${name}.${role}`, linear(b, `${name}.${role}_proj`, input, WIDTH, WIDTH));
  const mixed = attend(b, name, [part("q"), part("k"), part("v")]);
  return linear(b, `${name}.out_proj`, mixed, WIDTH, WIDTH);
};

/** timm: one matrix, [batch, tokens, 3, heads, columns], turned to the front and picked by index. */
const fused: Part = (b, name, input) => {
  const all = linear(b, `${name}.qkv`, input, WIDTH, 3 * WIDTH);
  const split = reshape(b, `${name}.split`, all, [0, 0, 3, HEADS, COLUMNS]);
  const front = turn(b, split, [2, 0, 3, 1, 4]);
  const pick = (index: number): string => {
    const at = b.tensor(`${name}.${index}`, intScalar(index));
    return b.node("Gather", [front, at], { attributes: { axis: 0 } });
  };
  return linear(b, `${name}.proj`, attend(b, name, [pick(0), pick(1), pick(2)]), WIDTH, WIDTH);
};

/** Megatron, BLOOM: queries, keys and values of a head follow each other, [batch, tokens, heads, 3, columns]. */
const alternating: Part = (b, name, input) => {
  const all = linear(b, `${name}.query_key_value`, input, WIDTH, 3 * WIDTH);
  const split = reshape(b, `${name}.split`, all, [0, 0, HEADS, 3, COLUMNS]);
  const pick = (index: number): string => {
    const at = b.tensor(`${name}.${index}`, intScalar(index));
    return turn(b, b.node("Gather", [split, at], { attributes: { axis: 3 } }), [0, 2, 1, 3]);
  };
  return linear(b, `${name}.dense`, attend(b, name, [pick(0), pick(1), pick(2)]), WIDTH, WIDTH);
};

/** GPT-NeoX: the same order, split behind the heads, [batch, heads, tokens, 3 * columns]. */
const alternatingSplit: Part = (b, name, input) => {
  const all = linear(b, `${name}.query_key_value`, input, WIDTH, 3 * WIDTH);
  const apart = turn(b, reshape(b, `${name}.heads`, all, [0, 0, HEADS, 3 * COLUMNS]), [0, 2, 1, 3]);
  const names = ["q", "k", "v"].map((role) => `${name}.${role}`);
  b.node("Split", [apart, b.ints(`${name}.sizes`, [COLUMNS, COLUMNS, COLUMNS])], {
    attributes: { axis: -1 },
    outputs: names,
  });
  const [q = "", k = "", v = ""] = names;
  return linear(b, `${name}.dense`, attend(b, name, [q, k, v]), WIDTH, WIDTH);
};

/** As `fused`, taken apart by Slice and Squeeze. */
const fusedSlices: Part = (b, name, input) => {
  const all = linear(b, `${name}.qkv`, input, WIDTH, 3 * WIDTH);
  const split = reshape(b, `${name}.split`, all, [0, 0, 3, HEADS, COLUMNS]);
  const front = turn(b, split, [2, 0, 3, 1, 4]);
  const pick = (index: number): string => {
    const bounds = [[index], [index + 1], [0]].map((list, at) =>
      b.ints(`${name}.${index}.${at}`, list),
    );
    const one = b.node("Slice", [front, ...bounds]);
    return b.node("Squeeze", [one, b.ints(`${name}.${index}.axes`, [0])]);
  };
  return linear(b, `${name}.proj`, attend(b, name, [pick(0), pick(1), pick(2)]), WIDTH, WIDTH);
};

/** As `fused`, with sizes computed from lengths and taken apart by one Split (unbind). */
const fusedUnbound: Part = (b, name, input) => {
  const all = linear(b, `${name}.qkv`, input, WIDTH, 3 * WIDTH);
  const shape = b.node("Shape", [input], { attributes: { start: 0, end: 2 } });
  const sizes = [shape, b.ints(`${name}.sizes`, [3, HEADS, COLUMNS])];
  const target = b.node("Concat", sizes, { attributes: { axis: 0 } });
  const front = turn(b, b.node("Reshape", [all, target]), [2, 0, 3, 1, 4]);
  const names = ["q", "k", "v"].map((role) => `${name}.${role}`);
  b.node("Split", [front, b.ints(`${name}.ones`, [1, 1, 1])], {
    attributes: { axis: 0 },
    outputs: names,
  });
  const part = (own: string): string => b.node("Squeeze", [own, b.ints(`${own}.axes`, [0])]);
  const [q = "", k = "", v = ""] = names.map(part);
  return linear(b, `${name}.proj`, attend(b, name, [q, k, v]), WIDTH, WIDTH);
};

/** torch 2's MultiheadAttention: tokens first, [tokens, batch, 3, width] turned to the front, then heads merged with the batch. */
const packedFirst: Part = (b, name, input) => {
  const all = linear(b, `${name}.in_proj`, turn(b, input, [1, 0, 2]), WIDTH, 3 * WIDTH);
  const split = reshape(b, `${name}.split`, all, [0, 0, 3, WIDTH]);
  const ahead = b.node("Unsqueeze", [split, b.ints(`${name}.ahead`, [0])]);
  const turned = turn(b, ahead, [3, 1, 2, 0, 4]);
  const front = b.node("Squeeze", [turned, b.ints(`${name}.behind`, [3])]);
  const part = (index: number): string => {
    const own = b.node("Gather", [front, b.tensor(`${name}.${index}`, intScalar(index))], {
      attributes: { axis: 0 },
    });
    return turn(b, reshape(b, `${name}.${index}.heads`, own, [TOKENS, -1, COLUMNS]), [1, 0, 2]);
  };
  const scores = b.node("MatMul", [part(0), turn(b, part(1), [0, 2, 1])]);
  const scaled = b.node("Mul", [scores, scalar(b, `${name}.scale`, COLUMNS ** -0.5)]);
  const weights = b.node("Softmax", [scaled], { attributes: { axis: -1 } });
  const mixed = turn(b, b.node("MatMul", [weights, part(2)]), [1, 0, 2]);
  const joined = reshape(b, `${name}.join`, mixed, [-1, WIDTH]);
  const out = b.node("Gemm", [joined, b.weight(`${name}.out.weight`, [WIDTH, WIDTH])]);
  return turn(b, reshape(b, `${name}.out`, out, [TOKENS, -1, WIDTH]), [1, 0, 2]);
};

/** torch 1.13's MultiheadAttention: one matrix, three Slices, tokens first and heads merged with the batch. */
const packed: Part = (b, name, input) => {
  const all = linear(b, `${name}.in_proj`, turn(b, input, [1, 0, 2]), WIDTH, 3 * WIDTH);
  const part = (index: number): string => {
    const bounds = [[index * WIDTH], [(index + 1) * WIDTH], [2]].map((list, at) =>
      b.ints(`${name}.${index}.${at}`, list),
    );
    const own = b.node("Slice", [all, ...bounds]);
    const merged = reshape(b, `${name}.${index}.heads`, own, [TOKENS, -1, COLUMNS]);
    return turn(b, merged, [1, 0, 2]);
  };
  const scores = b.node("MatMul", [part(0), turn(b, part(1), [0, 2, 1])]);
  const scaled = b.node("Div", [scores, scalar(b, `${name}.scale`, Math.sqrt(COLUMNS))]);
  const weights = b.node("Softmax", [scaled], { attributes: { axis: -1 } });
  const mixed = turn(b, b.node("MatMul", [weights, part(2)]), [1, 0, 2]);
  const joined = reshape(b, `${name}.join`, mixed, [TOKENS, -1, WIDTH]);
  return turn(b, linear(b, `${name}.out_proj`, joined, WIDTH, WIDTH), [1, 0, 2]);
};

/** Sizes computed from lengths when the network runs: a head's width as embedding / heads, the scale from that width. */
const computedSizes: Part = (b, name, input) => {
  const at = (value: string, axis: number, role: string): string => {
    const shape = b.node("Shape", [value]);
    const index = b.ints(`${name}.${role}.at`, [axis]);
    return b.node("Gather", [shape, index], { attributes: { axis: 0 } });
  };
  const four = b.ints(`${name}.heads`, [HEADS]);
  const columns = b.node("Div", [at(input, 2, "width"), four]);
  const part = (role: string): string => {
    const own = linear(b, `${name}.${role}`, input, WIDTH, WIDTH);
    const sizes = [at(own, 0, `${role}.b`), at(own, 1, `${role}.t`), four, columns];
    const target = b.node("Concat", sizes, { attributes: { axis: 0 } });
    return turn(b, b.node("Reshape", [own, target]), [0, 2, 1, 3]);
  };
  const single = b.node("Squeeze", [columns, b.ints(`${name}.none`, [0])]);
  const width = b.node("Cast", [single], { attributes: { to: 1 } });
  const q = b.node("Div", [part("q"), b.node("Sqrt", [width])]);
  const scores = b.node("MatMul", [q, turn(b, part("k"), [0, 1, 3, 2])]);
  const weights = b.node("Softmax", [scores], { attributes: { axis: -1 } });
  const mixed = turn(b, b.node("MatMul", [weights, part("v")]), [0, 2, 1, 3]);
  const target = b.node("Concat", [at(mixed, 0, "b"), at(mixed, 1, "t"), at(input, 2, "e")], {
    attributes: { axis: 0 },
  });
  return linear(b, `${name}.proj`, b.node("Reshape", [mixed, target]), WIDTH, WIDTH);
};

/** Two heads of keys and values, each read by two heads of queries; copied by Expand. */
const groupedQuery: Part = (b, name, input) => {
  const kept = 2;
  const copies = HEADS / kept;
  const q = heads(b, `${name}.q`, linear(b, `${name}.q_proj`, input, WIDTH, WIDTH));
  const few = (role: string): string => {
    const own = linear(b, `${name}.${role}_proj`, input, WIDTH, kept * COLUMNS);
    const apart = heads(b, `${name}.${role}`, own, kept);
    const wide = b.node("Unsqueeze", [apart, b.ints(`${name}.${role}.axis`, [2])]);
    const target = b.ints(`${name}.${role}.copies`, [1, kept, copies, TOKENS, COLUMNS]);
    const copied = b.node("Expand", [wide, target]);
    return reshape(b, `${name}.${role}.joined`, copied, [0, HEADS, TOKENS, COLUMNS]);
  };
  const mixed = attend(b, name, [q, few("k"), few("v")]);
  return linear(b, `${name}.out_proj`, mixed, WIDTH, WIDTH);
};

/** One head of keys and values for all heads of queries. */
const multiQuery: Part = (b, name, input) => {
  const q = heads(b, `${name}.q`, linear(b, `${name}.q_proj`, input, WIDTH, WIDTH));
  const one = (role: string): string =>
    b.node("Unsqueeze", [
      linear(b, `${name}.${role}_proj`, input, WIDTH, COLUMNS),
      b.ints(`${name}.${role}.axis`, [1]),
    ]);
  return linear(b, `${name}.out_proj`, attend(b, name, [q, one("k"), one("v")]), WIDTH, WIDTH);
};

/** Queries and keys are normalised per head (RMSNorm, written out), and turned in pairs by their place (RoPE). */
const rotary: Part = (b, name, input) => {
  const half = COLUMNS / 2;
  const table = (role: string): string => b.weight(`${name}.${role}`, [1, 1, TOKENS, half]);
  const [cos, sin] = [table("cos"), table("sin")];
  const rotated = (role: string): string => {
    const own = heads(b, `${name}.${role}`, linear(b, `${name}.${role}_proj`, input, WIDTH, WIDTH));
    const normed = rmsNorm(b, `${name}.${role}_norm`, own, COLUMNS);
    const slice = (from: number): string =>
      b.node("Slice", [
        normed,
        b.ints(`${name}.${role}.from${from}`, [from]),
        b.ints(`${name}.${role}.to${from}`, [from + half]),
        b.ints(`${name}.${role}.axis${from}`, [3]),
      ]);
    const [first, second] = [slice(0), slice(half)];
    const times = (value: string, factor: string): string => b.node("Mul", [value, factor]);
    const left = b.node("Sub", [times(first, cos), times(second, sin)]);
    const right = b.node("Add", [times(second, cos), times(first, sin)]);
    return b.node("Concat", [left, right], { attributes: { axis: 3 } });
  };
  const v = heads(b, `${name}.v`, linear(b, `${name}.v_proj`, input, WIDTH, WIDTH));
  const mixed = attend(b, name, [rotated("q"), rotated("k"), v]);
  return linear(b, `${name}.out_proj`, mixed, WIDTH, WIDTH);
};

/** A table of biases per head and pair of tokens (Swin, BEiT). */
const relativeBias: Part = (b, name, input) => {
  const part = (role: string): string =>
    heads(b, `${name}.${role}`, linear(b, `${name}.${role}_proj`, input, WIDTH, WIDTH));
  const table = b.weight(`${name}.table`, [2 * TOKENS, HEADS]);
  const places = Array.from(
    { length: TOKENS ** 2 },
    (_, at) => Math.floor(at / TOKENS) - (at % TOKENS) + TOKENS - 1,
  );
  const picked = b.node("Gather", [table, b.ints(`${name}.places`, places)]);
  const square = reshape(b, `${name}.square`, picked, [TOKENS, TOKENS, HEADS]);
  const bias = b.node("Unsqueeze", [turn(b, square, [2, 0, 1]), b.ints(`${name}.front`, [0])]);
  const mixed = attend(b, name, [part("q"), part("k"), part("v")], { bias });
  return linear(b, `${name}.out_proj`, mixed, WIDTH, WIDTH);
};

/** BERT: a second input says which tokens count; the others get a large negative score. */
const masked: Part = (b, name, input) => {
  const part = (role: string): string =>
    heads(b, `${name}.${role}`, linear(b, `${name}.${role}`, input, WIDTH, WIDTH));
  const mixed = attend(b, name, [part("query"), part("key"), part("value")], {
    bias: maskOf.get(b) ?? null,
  });
  return linear(b, `${name}.output`, mixed, WIDTH, WIDTH);
};

/** Per network, what its mask adds to scores. */
const maskOf = new WeakMap<NetworkBuilder, string>();

/** [batch, tokens] of ones and zeros as what is added to scores. */
function withMask(b: NetworkBuilder): void {
  const mask = b.input("mask", ["batch", TOKENS]);
  const wide = b.node("Unsqueeze", [mask, b.ints("mask.axes", [1, 2])]);
  const gone = b.node("Sub", [scalar(b, "mask.one", 1), wide]);
  maskOf.set(b, b.node("Mul", [gone, scalar(b, "mask.low", -1e4)]));
}

const mlp: Part = (b, name, input) => {
  const wide = linear(b, `${name}.fc1`, input, WIDTH, 20);
  return linear(b, `${name}.fc2`, b.node("Relu", [wide]), 20, WIDTH);
};

/** SwiGLU: down(silu(gate(x)) * up(x)). */
const gatedMlp: Part = (b, name, input) => {
  const gate = linear(b, `${name}.gate_proj`, input, WIDTH, 20);
  const open = b.node("Mul", [gate, b.node("Sigmoid", [gate])]);
  const up = linear(b, `${name}.up_proj`, input, WIDTH, 20);
  return linear(b, `${name}.down_proj`, b.node("Mul", [open, up]), 20, WIDTH);
};

const layerNorm: Part = (b, name, input) =>
  b.node("LayerNormalization", [
    input,
    b.weight(`${name}.weight`, [WIDTH]),
    b.weight(`${name}.bias`, [WIDTH]),
  ]);

/** LayerNorm before opset 17: mean, difference, variance, root, quotient. */
const layerNormWrittenOut: Part = (b, name, input) => {
  const mean = b.node("ReduceMean", [input], { attributes: { axes: [-1] } });
  const apart = b.node("Sub", [input, mean]);
  const squares = b.node("Pow", [apart, scalar(b, `${name}.two`, 2)]);
  const variance = b.node("ReduceMean", [squares], { attributes: { axes: [-1] } });
  const root = b.node("Sqrt", [b.node("Add", [variance, scalar(b, `${name}.epsilon`, 1e-5)])]);
  const scaled = b.node("Mul", [b.node("Div", [apart, root]), b.weight(`${name}.weight`, [WIDTH])]);
  return b.node("Add", [scaled, b.weight(`${name}.bias`, [WIDTH])]);
};

function rmsNorm(b: NetworkBuilder, name: string, input: string, width: number): string {
  const squares = b.node("Mul", [input, input]);
  const mean = b.node("ReduceMean", [squares], { attributes: { axes: [-1] } });
  const root = b.node("Sqrt", [b.node("Add", [mean, scalar(b, `${name}.epsilon`, 1e-5)])]);
  const inverse = b.node("Reciprocal", [root]);
  const normed = b.node("Mul", [input, inverse]);
  return b.node("Mul", [normed, b.weight(`${name}.weight`, [width])]);
}

const rms: Part = (b, name, input) => rmsNorm(b, name, input, WIDTH);

interface Plan {
  readonly attention: Part;
  readonly mlp?: Part;
  readonly norm?: Part;
  readonly order?: "pre" | "post";
  readonly classToken?: boolean;
  readonly mask?: boolean;
  readonly opset?: number;
}

function transformer(plan: Plan, seed: number): Graph {
  const { attention, mlp: wide = mlp, norm = layerNorm, order = "pre", classToken = true } = plan;
  const b = networkBuilder(seed, plan.opset);
  const tokens = classToken ? TOKENS - 1 : TOKENS;
  let x = linear(b, "embed", b.input("input", ["batch", tokens, CHANNELS]), CHANNELS, WIDTH);
  if (classToken) x = withClassToken(b, x);
  if (plan.mask === true) withMask(b);
  x = b.node("Add", [x, b.weight("positions", [1, TOKENS, WIDTH])]);
  for (const block of [0, 1]) {
    for (const [role, part] of Object.entries({ attn: attention, mlp: wide })) {
      const name = `blocks.${block}.${role}`;
      const read = order === "pre" ? norm(b, `${name}.norm`, x) : x;
      x = b.add(name, part(b, name, read), x);
      if (order === "post") x = norm(b, `${name}.norm`, x);
    }
  }
  const last = norm(b, "norm", x);
  const first = b.node("Gather", [last, b.tensor("first", intScalar(0))], {
    attributes: { axis: 1 },
  });
  b.output(b.gemm("head", first, WIDTH, 5));
  return b.graph();
}

function withClassToken(b: NetworkBuilder, x: string): string {
  const shape = b.node("Shape", [x], { attributes: { start: 0, end: 1 } });
  const target = b.node("Concat", [shape, b.ints("class.rest", [1, WIDTH])], {
    attributes: { axis: 0 },
  });
  const token = b.node("Expand", [b.weight("class", [1, 1, WIDTH]), target]);
  return b.node("Concat", [token, x], { attributes: { axis: 1 } });
}

/** Queries from one stream, keys and values from another: a decoder's cross attention. */
function crossAttention(seed: number): Graph {
  const b = networkBuilder(seed);
  const stream = (name: string): string =>
    linear(b, `${name}.embed`, b.input(name, ["batch", TOKENS, CHANNELS]), CHANNELS, WIDTH);
  const [left, right] = [stream("left"), stream("right")];
  const part = (role: string, input: string): string =>
    heads(b, role, linear(b, `cross.${role}_proj`, input, WIDTH, WIDTH));
  const mixed = attend(b, "cross", [part("q", left), part("k", right), part("v", right)]);
  const out = b.add("cross", linear(b, "cross.out_proj", mixed, WIDTH, WIDTH), left);
  const wide = b.add("mlp", mlp(b, "mlp", layerNorm(b, "mlp.norm", out)), out);
  b.output(linear(b, "head", layerNorm(b, "norm", wide), WIDTH, 5));
  return b.graph();
}

/** MobileViT, EfficientFormer: convolutions, then attention over the places of their picture, then convolutions again. */
function hybrid(seed: number): Graph {
  const b = networkBuilder(seed);
  const picture = b.input("input", ["batch", 3, 6, 4]);
  const stem = b.node("Relu", [b.conv("stem", picture, { from: 3, to: WIDTH, stride: 2 })]);
  let x = turn(b, reshape(b, "unfold", stem, [0, WIDTH, TOKENS]), [0, 2, 1]);
  x = b.add("attn", separate(b, "attn", layerNorm(b, "attn.norm", x)), x);
  x = b.add("mlp", mlp(b, "mlp", layerNorm(b, "mlp.norm", x)), x);
  const folded = reshape(b, "fold", turn(b, x, [0, 2, 1]), [0, WIDTH, 3, 2]);
  const joined = b.node("Concat", [stem, b.conv("local", folded, { from: WIDTH, to: WIDTH })], {
    attributes: { axis: 1 },
  });
  const last = b.node("Relu", [b.conv("fuse", joined, { from: 2 * WIDTH, to: 16 })]);
  b.output(b.gemm("head", b.node("Flatten", [b.node("GlobalAveragePool", [last])]), 16, 5));
  return b.graph();
}

/** BERT as onnxruntime's optimiser writes it: embeddings, attention over the tokens that count, and norms with the Add before them. */
function optimisedBert(seed: number): Graph {
  const b = networkBuilder(seed);
  const domain = "com.microsoft";
  const [ids, segments, mask] = ["ids", "segments", "mask"].map((name) =>
    b.input(name, ["batch", TOKENS], "int32"),
  );
  const tables = { words: 11, positions: 2 * TOKENS, segmentTable: 2 };
  const [words = "", positions = "", types = ""] = Object.entries(tables).map(([name, rows]) =>
    b.weight(`embeddings.${name}`, [rows, WIDTH]),
  );
  const norm = (name: string): readonly string[] =>
    ["weight", "bias"].map((part) => b.weight(`${name}.${part}`, [WIDTH]));
  b.node(
    "EmbedLayerNormalization",
    [ids ?? "", segments ?? "", words, positions, types, ...norm("embeddings.norm"), mask ?? ""],
    { domain, outputs: ["x", "lengths"] },
  );
  let x = "x";
  for (const block of [0, 1]) {
    const name = `layer.${block}`;
    const skip = (role: string, branch: string): string =>
      b.node("SkipLayerNormalization", [branch, x, ...norm(`${name}.${role}.norm`)], { domain });
    const qkv = [
      b.weight(`${name}.qkv.weight`, [WIDTH, 3 * WIDTH]),
      b.weight(`${name}.qkv.bias`, [3 * WIDTH]),
    ];
    const mixed = b.node("Attention", [x, ...qkv, "lengths"], {
      domain,
      attributes: { num_heads: HEADS },
    });
    x = skip("attention", linear(b, `${name}.attention.output`, mixed, WIDTH, WIDTH));
    x = skip("mlp", biasGeluMlp(b, `${name}.mlp`, x));
  }
  const first = b.node("Gather", [x, b.tensor("first", intScalar(0))], { attributes: { axis: 1 } });
  b.output(b.gemm("head", first, WIDTH, 5));
  return b.graph();
}

const GRID = 4;
const WINDOW = 2;

/** Swin: attention inside windows of a grid that is rolled first, with a bias per head and a mask per window; then a merge of patches. */
function shiftedWindows(seed: number): Graph {
  const b = networkBuilder(seed);
  const wide = GRID / WINDOW;
  const tokens = WINDOW ** 2;
  let x = linear(b, "embed", b.input("input", ["batch", GRID, GRID, CHANNELS]), CHANNELS, WIDTH);
  for (const block of [0, 1]) {
    const name = `blocks.${block}`;
    const list = (role: string, sizes: readonly number[]): string =>
      b.ints(`${name}.${role}`, sizes);
    const rolled = (value: string, role: string, by: number): string => {
      const part = (which: string, from: number, to: number): string => {
        const bounds = [[from], [to], [1]].map((each, at) => list(`${role}.${which}.${at}`, each));
        return b.node("Slice", [value, ...bounds]);
      };
      const parts = [part("tail", by, GRID), part("head", 0, by)];
      return b.node("Concat", parts, { attributes: { axis: 1 } });
    };
    const read = layerNorm(b, `${name}.norm1`, x);
    const moved = block === 0 ? read : rolled(read, "roll", 1);
    const apart = reshape(b, `${name}.apart`, moved, [-1, wide, WINDOW, wide, WINDOW, WIDTH]);
    const windows = turn(b, apart, [0, 1, 3, 2, 4, 5]);
    const mixed = windowAttention(
      b,
      `${name}.attn`,
      reshape(b, `${name}.windows`, windows, [-1, tokens, WIDTH]),
      { windows: wide ** 2, tokens, masked: block === 1 },
    );
    const back = reshape(b, `${name}.back`, mixed, [-1, wide, wide, WINDOW, WINDOW, WIDTH]);
    const joined = turn(b, back, [0, 1, 3, 2, 4, 5]);
    const grid = reshape(b, `${name}.grid`, joined, [-1, GRID, GRID, WIDTH]);
    x = b.add(`${name}.attn`, block === 0 ? grid : rolled(grid, "unroll", GRID - 1), x);
    x = b.add(`${name}.mlp`, mlp(b, `${name}.mlp`, layerNorm(b, `${name}.norm2`, x)), x);
  }
  const merged = b.node(
    "Concat",
    [0, 1].flatMap((row) =>
      [0, 1].map((column) => {
        const bounds = [
          [row, column],
          [GRID, GRID],
          [1, 2],
          [2, 2],
        ].map((each, at) => b.ints(`merge.${row}${column}.${at}`, each));
        return b.node("Slice", [x, ...bounds]);
      }),
    ),
    { attributes: { axis: -1 } },
  );
  const reduced = b.node("MatMul", [merged, b.weight("merge.weight", [4 * WIDTH, WIDTH])]);
  const pooled = b.node("ReduceMean", [layerNorm(b, "norm", reduced)], {
    attributes: { axes: [1, 2], keepdims: 0 },
  });
  b.output(b.gemm("head", pooled, WIDTH, 5));
  return b.graph();
}

/** Reads and gives [batch * windows, tokens, width]. */
function windowAttention(
  b: NetworkBuilder,
  name: string,
  input: string,
  {
    windows,
    tokens,
    masked: isMasked,
  }: { readonly windows: number; readonly tokens: number; readonly masked: boolean },
): string {
  const all = linear(b, `${name}.qkv`, input, WIDTH, 3 * WIDTH);
  const split = reshape(b, `${name}.split`, all, [-1, tokens, 3, HEADS, COLUMNS]);
  const front = turn(b, split, [2, 0, 3, 1, 4]);
  const pick = (index: number): string => {
    const at = b.tensor(`${name}.${index}`, intScalar(index));
    return b.node("Gather", [front, at], { attributes: { axis: 0 } });
  };
  const q = b.node("Mul", [pick(0), scalar(b, `${name}.scale`, COLUMNS ** -0.5)]);
  const scores = b.node("MatMul", [q, turn(b, pick(1), [0, 1, 3, 2])]);
  const table = b.weight(`${name}.table`, [(2 * WINDOW - 1) ** 2, HEADS]);
  const places = Array.from({ length: tokens ** 2 }, (_, at) => at % (2 * WINDOW - 1) ** 2);
  const picked = b.node("Gather", [table, b.ints(`${name}.places`, places)]);
  const square = turn(b, reshape(b, `${name}.square`, picked, [tokens, tokens, HEADS]), [2, 0, 1]);
  const bias = b.node("Unsqueeze", [square, b.ints(`${name}.front`, [0])]);
  let biased = b.node("Add", [scores, bias]);
  if (isMasked) {
    const apart = reshape(b, `${name}.perWindow`, biased, [-1, windows, HEADS, tokens, tokens]);
    const mask = b.weight(`${name}.mask`, [1, windows, 1, tokens, tokens]);
    const sizes = [-1, HEADS, tokens, tokens];
    biased = reshape(b, `${name}.joined`, b.node("Add", [apart, mask]), sizes);
  }
  const weights = b.node("Softmax", [biased], { attributes: { axis: -1 } });
  const mixed = turn(b, b.node("MatMul", [weights, pick(2)]), [0, 2, 1, 3]);
  const joined = reshape(b, `${name}.join`, mixed, [-1, tokens, WIDTH]);
  return linear(b, `${name}.proj`, joined, WIDTH, WIDTH);
}

export const TRANSFORMERS = {
  separate: () => transformer({ attention: separate }, 31),
  postNorm: () => transformer({ attention: separate, order: "post" }, 32),
  fused: () => transformer({ attention: fused }, 33),
  fusedSlices: () => transformer({ attention: fusedSlices }, 34),
  fusedUnbound: () => transformer({ attention: fusedUnbound }, 45),
  packedFirst: () => transformer({ attention: packedFirst, order: "post" }, 46),
  onnxruntimeAttention: () =>
    transformer({ attention: onnxruntimeAttention, mlp: biasGeluMlp, order: "post" }, 47),
  onnxruntimeMultiHead: () => transformer({ attention: onnxruntimeMultiHead }, 48),
  standardAttention: () => transformer({ attention: standardAttention, opset: 23 }, 49),
  onnxruntimeRotary: () => transformer({ attention: onnxruntimeRotary, mlp: gatedMlp }, 51),
  onnxruntimeGroupQuery: () => transformer({ attention: onnxruntimeGroupQuery, norm: rms }, 52),
  standardRotary: () => transformer({ attention: standardRotary, opset: 23 }, 53),
  alternating: () => transformer({ attention: alternating }, 54),
  alternatingSplit: () => transformer({ attention: alternatingSplit }, 55),
  shiftedWindows: () => shiftedWindows(56),
  optimisedBert: () => optimisedBert(57),
  packed: () => transformer({ attention: packed, order: "post" }, 35),
  computedSizes: () => transformer({ attention: computedSizes, norm: layerNormWrittenOut }, 36),
  groupedQuery: () =>
    transformer({ attention: groupedQuery, mlp: gatedMlp, norm: rms, classToken: false }, 37),
  multiQuery: () => transformer({ attention: multiQuery, norm: layerNormWrittenOut }, 38),
  rotary: () => transformer({ attention: rotary, mlp: gatedMlp, norm: rms }, 39),
  relativeBias: () => transformer({ attention: relativeBias }, 40),
  crossAttention: () => crossAttention(41),
  masked: () =>
    transformer({ attention: masked, order: "post", classToken: false, mask: true }, 43),
  hybrid: () => hybrid(44),
} as const;
