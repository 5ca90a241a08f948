import type { Graph } from "../graph/graph.ts";
import { convolutionUnit, dense, layerNorm, linear, residualBlock } from "./layers.ts";
import { transformerLayer } from "./transformer.ts";
import { type NetworkWriter, networkWriter } from "./writer.ts";

/** Sizes of the vision-language network. */
export interface CaptionsShape {
  readonly words: number;
  /** Tokens of a text. */
  readonly length: number;
  readonly answers: number;
}

const WIDTH = 64;
const LAYER = { width: WIDTH, heads: 4, hidden: 192 } as const;
/** The 32 x 32 picture becomes 4 x 4 tokens. */
const PATCHES = 16;

/**
 * A small vision-language network: an image tower (stem, three residual blocks of convolutions, two transformer layers), a text tower
 * and a fusion (two layers each; the fusion's also look at the image's tokens). Inputs `image` [batch, 3, 32, 32] and
 * `tokens` [batch, length] of int64; outputs `image_embed` and `text_embed` [batch, 64] of length one, `fused` [batch, 64] and `answer`
 * [batch, answers].
 */
export function captionsNetwork(shape: CaptionsShape, seed: number): Graph {
  const w = networkWriter("captions", seed);
  const image = imageTower(w, w.input("image", ["batch", 3, 32, 32]));
  const text = textTower(w, w.input("tokens", ["batch", shape.length], "int64"), shape);
  w.output("image_embed", embedding(w, "image", image), ["batch", WIDTH]);
  w.output("text_embed", embedding(w, "text", text), ["batch", WIDTH]);
  const fused = fusion(w, text, image, shape);
  w.output("fused", fused, ["batch", WIDTH]);
  w.output("answer", answer(w, fused, shape), ["batch", shape.answers]);
  return w.graph();
}

/**
 * The same network for training: it reads a caption and a question about the same picture, and runs the image tower once. Weights
 * have the same names and, for the same seed, the same values.
 */
export function captionsTrainingNetwork(shape: CaptionsShape, seed: number): Graph {
  const w = networkWriter("captions", seed);
  const image = imageTower(w, w.input("image", ["batch", 3, 32, 32]));
  const caption = w.input("caption", ["batch", shape.length], "int64");
  const question = w.input("question", ["batch", shape.length], "int64");
  const both = w.node("tokens", "Concat", [caption, question], { axis: 0 });
  const texts = textTower(w, both, shape);
  const parted = w.node("halves", "Reshape", [
    texts,
    w.integers("halves.shape", [2, -1, shape.length, WIDTH]),
  ]);
  const half = (index: number): string =>
    w.node(`half${index}`, "Squeeze", [
      w.node(`half${index}`, "Slice", [
        parted,
        w.integers(`half${index}.start`, [index]),
        w.integers(`half${index}.end`, [index + 1]),
        w.integers("half.axis", [0]),
      ]),
      w.integers("half.axis", [0]),
    ]);
  w.output("image_embed", embedding(w, "image", image), ["batch", WIDTH]);
  w.output("text_embed", embedding(w, "text", half(0)), ["batch", WIDTH]);
  const fused = fusion(w, half(1), image, shape);
  w.output("fused", fused, ["batch", WIDTH]);
  w.output("answer", answer(w, fused, shape), ["batch", shape.answers]);
  return w.graph();
}

/** Tokens [batch, 16, 64] of pictures. */
function imageTower(w: NetworkWriter, image: string): string {
  const stem = convolutionUnit(w, "image.stem", image, { from: 3, to: 16, stride: 2 });
  const first = residualBlock(w, "image.block1", stem, { from: 16, to: 16 });
  const second = residualBlock(w, "image.block2", first, { from: 16, to: 32, stride: 2 });
  const third = residualBlock(w, "image.block3", second, { from: 32, to: WIDTH, stride: 2 });
  const shape = w.integers("image.patches.shape", [0, WIDTH, PATCHES]);
  const flat = w.node("image.patches", "Reshape", [third, shape]);
  const patches = w.node("image.patches", "Transpose", [flat], { perm: [0, 2, 1] });
  const places = w.weights("image.places", [1, PATCHES, WIDTH], 0.04);
  const start = w.node("image.places", "Add", [patches, places]);
  return tower(w, "image", start, PATCHES);
}

/** Tokens [batch, length, 64] of texts. */
function textTower(w: NetworkWriter, tokens: string, { words, length }: CaptionsShape): string {
  const table = w.weights("text.words", [words, WIDTH], 0.5);
  const embedded = w.node("text.words", "Gather", [table, tokens]);
  const places = w.weights("text.places", [1, length, WIDTH], 0.2);
  return tower(w, "text", w.node("text.places", "Add", [embedded, places]), length);
}

function tower(w: NetworkWriter, path: string, start: string, tokens: number): string {
  const first = transformerLayer(w, `${path}.layer1`, start, { ...LAYER, tokens });
  const second = transformerLayer(w, `${path}.layer2`, first, { ...LAYER, tokens });
  return layerNorm(w, `${path}.norm`, second, WIDTH);
}

/** The mean of the tokens, projected and brought to length one. */
function embedding(w: NetworkWriter, path: string, tokens: string): string {
  const pooled = w.node(`${path}.pool`, "ReduceMean", [tokens], { axes: [1], keepdims: 0 });
  const projected = linear(w, `${path}.project`, pooled, [WIDTH, WIDTH], { bias: false });
  const length = w.node(`${path}.length`, "ReduceL2", [projected], { axes: [1], keepdims: 1 });
  return w.node(`${path}.unit`, "Div", [projected, length]);
}

function fusion(w: NetworkWriter, text: string, image: string, { length }: CaptionsShape): string {
  const context = { value: image, tokens: PATCHES };
  const shape = { ...LAYER, tokens: length };
  const first = transformerLayer(w, "fusion.layer1", text, shape, context);
  const second = transformerLayer(w, "fusion.layer2", first, shape, context);
  const normed = layerNorm(w, "fusion.norm", second, WIDTH);
  return w.node("fusion.pool", "ReduceMean", [normed], { axes: [1], keepdims: 0 });
}

function answer(w: NetworkWriter, fused: string, { answers }: CaptionsShape): string {
  return dense(w, "fusion.answer", fused, [WIDTH, answers], 1);
}
