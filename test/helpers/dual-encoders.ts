/** Small networks of pictures and texts with random weights, as people export them: towers alone, two in one file or in two, and a decoder behind both. */
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor, intTensor } from "../../src/graph/tensor.ts";
import { type NetworkBuilder, networkBuilder } from "./networks.ts";

const WIDTH = 16;
const HEADS = 4;
const WORDS = 11;
const PATCHES = 4;
const LENGTH = 5;

/** How a vector is brought to length one. */
export type UnitForm = "none" | "l2" | "clip-expand" | "pow" | "lp";

export interface DualOptions {
  readonly seed?: number;
  /** Of both embeddings, or of each. */
  readonly embedding?: number | readonly [number, number];
  readonly unit?: UnitForm;
  readonly opset?: number;
  readonly batch?: number | string;
}

function linear(b: NetworkBuilder, name: string, x: string, from: number, to: number): string {
  const product = b.node("MatMul", [x, b.weight(`${name}.weight`, [from, to])], { name });
  return b.node("Add", [product, b.weight(`${name}.bias`, [to])]);
}

function layerNorm(b: NetworkBuilder, name: string, x: string): string {
  const ones = b.tensor(`${name}.weight`, floatTensor([WIDTH], new Float32Array(WIDTH).fill(1)));
  return b.node("LayerNormalization", [x, ones, b.weight(`${name}.bias`, [WIDTH])], {
    attributes: { axis: -1 },
  });
}

/** One pre-norm transformer layer; `mask` is added to the scores. */
function layer(
  b: NetworkBuilder,
  name: string,
  x: string,
  tokens: number,
  isCausal: boolean,
): string {
  const normed = layerNorm(b, `${name}.norm1`, x);
  const columns = WIDTH / HEADS;
  const part = (role: string): string => {
    const made = linear(b, `${name}.${role}`, normed, WIDTH, WIDTH);
    const apart = b.node("Reshape", [
      made,
      b.ints(`${name}.${role}.split`, [0, tokens, HEADS, columns]),
    ]);
    return b.node("Transpose", [apart], { attributes: { perm: [0, 2, 1, 3] } });
  };
  const keys = b.node("Transpose", [part("k")], { attributes: { perm: [0, 1, 3, 2] } });
  const scores = b.node("MatMul", [part("q"), keys]);
  const scaled = b.node("Mul", [
    scores,
    b.tensor(`${name}.scale`, floatTensor([], [columns ** -0.5])),
  ]);
  const mask = Float32Array.from({ length: tokens ** 2 }, (_, at) =>
    at % tokens > Math.floor(at / tokens) ? -1e4 : 0,
  );
  const masked = isCausal
    ? b.node("Add", [scaled, b.tensor(`${name}.mask`, floatTensor([1, 1, tokens, tokens], mask))])
    : scaled;
  const mixed = b.node("MatMul", [
    b.node("Softmax", [masked], { attributes: { axis: -1 } }),
    part("v"),
  ]);
  const turned = b.node("Transpose", [mixed], { attributes: { perm: [0, 2, 1, 3] } });
  const joined = b.node("Reshape", [turned, b.ints(`${name}.join`, [0, tokens, WIDTH])]);
  const first = b.node("Add", [x, linear(b, `${name}.out`, joined, WIDTH, WIDTH)]);
  const inner = b.relu(linear(b, `${name}.fc1`, layerNorm(b, `${name}.norm2`, first), WIDTH, 24));
  return b.node("Add", [first, linear(b, `${name}.fc2`, inner, 24, WIDTH)]);
}

function imageTokens(b: NetworkBuilder, batch: number | string): string {
  const picture = b.input("pixel_values", [batch, 3, 8, 8]);
  const weight = b.weight("patch.weight", [WIDTH, 3, 4, 4]);
  const patches = b.node("Conv", [picture, weight, b.weight("patch.bias", [WIDTH])], {
    attributes: { kernel_shape: [4, 4], strides: [4, 4] },
  });
  const flat = b.node("Reshape", [patches, b.ints("patch.flat", [0, WIDTH, PATCHES])]);
  const tokens = b.node("Transpose", [flat], { attributes: { perm: [0, 2, 1] } });
  return b.node("Add", [tokens, b.weight("image.positions", [1, PATCHES, WIDTH])]);
}

function textTokens(b: NetworkBuilder, batch: number | string): string {
  const ids = b.input("input_ids", [batch, LENGTH], "int64");
  const words = b.node("Gather", [b.weight("words.weight", [WORDS, WIDTH]), ids]);
  return b.node("Add", [words, b.weight("text.positions", [1, LENGTH, WIDTH])]);
}

function mean(b: NetworkBuilder, name: string, x: string, opset: number): string {
  return opset < 18
    ? b.node("ReduceMean", [x], { attributes: { axes: [1], keepdims: 0 } })
    : b.node("ReduceMean", [x, b.ints(`${name}.mean`, [1])], { attributes: { keepdims: 0 } });
}

function unitOf(b: NetworkBuilder, name: string, x: string, form: UnitForm, opset: number): string {
  const over = (op: string, of: string): string =>
    opset < 18 && op !== "ReduceSum"
      ? b.node(op, [of], { attributes: { axes: [1], keepdims: 1 } })
      : b.node(op, [of, b.ints(`${name}.${op}.axes`, [1])], { attributes: { keepdims: 1 } });
  switch (form) {
    case "none":
      return x;
    case "l2":
      return b.node("Div", [x, over("ReduceL2", x)]);
    case "clip-expand": {
      const floor = b.node("Clip", [
        over("ReduceL2", x),
        b.tensor(`${name}.eps`, floatTensor([], [1e-12])),
      ]);
      return b.node("Div", [x, b.node("Expand", [floor, b.node("Shape", [x])])]);
    }
    case "pow": {
      const squares = b.node("Pow", [x, b.tensor(`${name}.two`, floatTensor([], [2]))]);
      const half = b.tensor(`${name}.half`, floatTensor([], [0.5]));
      return b.node("Div", [x, b.node("Pow", [over("ReduceSum", squares), half])]);
    }
    case "lp":
      return b.node("LpNormalization", [x], { attributes: { axis: -1, p: 2 } });
    default:
      return form satisfies never;
  }
}

interface Tower {
  readonly options: DualOptions;
  readonly width: number;
}

function widthsOf({ embedding = 12 }: DualOptions): readonly [number, number] {
  return typeof embedding === "number" ? [embedding, embedding] : embedding;
}

function embedded(
  b: NetworkBuilder,
  side: "image" | "text",
  x: string,
  { options, width }: Tower,
): string {
  const { unit = "none", opset = 17 } = options;
  const seen = layerNorm(
    b,
    `${side}.norm`,
    layer(b, `${side}.0`, x, side === "image" ? PATCHES : LENGTH, side === "text"),
  );
  const pooled = mean(b, side, seen, opset);
  const made = b.node("MatMul", [pooled, b.weight(`${side}.projection.weight`, [WIDTH, width])], {
    name: `${side}.projection`,
  });
  return unitOf(b, side, made, unit, opset);
}

function answer(
  b: NetworkBuilder,
  value: string,
  name: string,
  shape: readonly (number | string)[],
): void {
  b.output(b.node("Identity", [value], { outputs: [name] }), shape);
}

export function imageTower(options: DualOptions = {}): Graph {
  const { seed = 21, opset = 17, batch = "batch" } = options;
  const b = networkBuilder(seed, opset);
  const width = widthsOf(options)[0];
  answer(b, embedded(b, "image", imageTokens(b, batch), { options, width }), "image_embeds", [
    batch,
    width,
  ]);
  return b.graph();
}

export function textTower(options: DualOptions = {}): Graph {
  const { seed = 22, opset = 17, batch = "batch_size" } = options;
  const b = networkBuilder(seed, opset);
  const width = widthsOf(options)[1];
  answer(b, embedded(b, "text", textTokens(b, batch), { options, width }), "text_embeds", [
    batch,
    width,
  ]);
  return b.graph();
}

/** Both in one file: the embeddings, and their scaled similarities. */
export function dualEncoder(options: DualOptions = {}): Graph {
  const { seed = 23, opset = 17 } = options;
  const b = networkBuilder(seed, opset);
  const [width] = widthsOf(options);
  const tower = { options: { ...options, unit: options.unit ?? "l2" }, width } as const;
  const image = embedded(b, "image", imageTokens(b, "batch"), tower);
  const text = embedded(b, "text", textTokens(b, "batch"), tower);
  const turned = b.node("Transpose", [text], { attributes: { perm: [1, 0] } });
  const logits = b.node("Mul", [
    b.node("MatMul", [image, turned]),
    b.tensor("logit_scale", floatTensor([], [10])),
  ]);
  answer(b, logits, "logits_per_image", ["batch", "batch"]);
  answer(b, image, "image_embeds", ["batch", width]);
  answer(b, text, "text_embeds", ["batch", width]);
  return b.graph();
}

/** The picture's tokens before the text's, read by a causal decoder that tells the next word. */
export function decoderFusion(seed = 24): Graph {
  const b = networkBuilder(seed);
  const image = layer(b, "image.0", imageTokens(b, "batch"), PATCHES, false);
  const seen = linear(b, "image.projection", image, WIDTH, WIDTH);
  const both = b.node("Concat", [seen, textTokens(b, "batch")], { attributes: { axis: 1 } });
  const read = layer(b, "decoder.0", both, PATCHES + LENGTH, true);
  const end = layerNorm(b, "decoder.norm", layer(b, "decoder.1", read, PATCHES + LENGTH, true));
  const last = b.node("Gather", [end, b.tensor("last", intTensor([], [PATCHES + LENGTH - 1]))], {
    attributes: { axis: 1 },
  });
  answer(b, linear(b, "vocabulary", last, WIDTH, WORDS), "next_word", ["batch", WORDS]);
  return b.graph();
}
