/** ViT-Tiny (Touvron et al., 2012.12877) and SegFormer-B0 (Xie et al., 2105.15203). */
import { type Maker, type Map2d, maker, type Published } from "./maker.ts";

/** Tokens [1, count, width]. */
interface Tokens {
  readonly name: string;
  readonly count: number;
  readonly width: number;
}

/** Pictures as tokens, row by row. */
function tokensOf(m: Maker, x: Map2d): Tokens {
  const count = x.height * x.width;
  const flat = m.node("Reshape", [x.name, m.ints([1, x.channels, count])]);
  return { name: m.node("Transpose", [flat], { perm: [0, 2, 1] }), count, width: x.channels };
}

function pictureOf(m: Maker, x: Tokens, height: number, width: number): Map2d {
  const turned = m.node("Transpose", [x.name], { perm: [0, 2, 1] });
  const name = m.node("Reshape", [turned, m.ints([1, x.width, height, width])]);
  return { name, channels: x.width, height, width };
}

function attention(m: Maker, x: string, tokens: Tokens, context: Tokens, heads: number): string {
  const { width } = tokens;
  const each = width / heads;
  const split = (from: string, count: number, perm: readonly number[]): string => {
    const made = m.linear(from, width, width);
    const apart = m.node("Reshape", [made, m.ints([1, count, heads, each])]);
    return m.node("Transpose", [apart], { perm });
  };
  const query = split(x, tokens.count, [0, 2, 1, 3]);
  const key = split(context.name, context.count, [0, 2, 3, 1]);
  const value = split(context.name, context.count, [0, 2, 1, 3]);
  const scores = m.node("Mul", [m.node("MatMul", [query, key]), m.floats([each ** -0.5])]);
  const mixed = m.node("MatMul", [m.node("Softmax", [scores], { axis: -1 }), value]);
  const together = m.node("Transpose", [mixed], { perm: [0, 2, 1, 3] });
  const joined = m.node("Reshape", [together, m.ints([1, tokens.count, width])]);
  return m.linear(joined, width, width);
}

function gelu(m: Maker, x: string): string {
  return m.act({ name: x, channels: 1, height: 1, width: 1 }, "gelu").name;
}

/** @param share of the inner widths of the perceptrons that are kept, for networks that were pruned */
export function vitTiny(side = 224, classes = 1000, share = 1): Published {
  const m = maker("vit-tiny", side);
  const width = 192;
  const hidden = 8 * Math.round((share * 4 * width) / 8);
  const patches = tokensOf(
    m,
    m.conv(m.input, width, { kernel: 16, stride: 16, padding: 0, norm: false }),
  );
  const count = patches.count + 1;
  const first = m.node("Concat", [m.weight([1, 1, width]), patches.name], { axis: 1 });
  let x: Tokens = { name: m.node("Add", [first, m.weight([1, count, width])]), count, width };
  for (let layer = 0; layer < 12; layer += 1) {
    const own = { ...x, name: m.layerNorm(x.name, width) };
    const seen = m.node("Add", [x.name, attention(m, own.name, own, own, 3)]);
    const inner = gelu(m, m.linear(m.layerNorm(seen, width), width, hidden));
    x = { ...x, name: m.node("Add", [seen, m.linear(inner, hidden, width)]) };
  }
  const token = m.node("Gather", [m.layerNorm(x.name, width), m.ints([0])], { axis: 1 });
  const flat = m.node("Flatten", [token]);
  const scores = m.node("Gemm", [flat, m.weight([classes, width]), m.weight([classes])], {
    transB: 1,
  });
  return m.finish(scores);
}

const STAGES = [
  { width: 32, heads: 1, ratio: 8, kernel: 7, stride: 4 },
  { width: 64, heads: 2, ratio: 4, kernel: 3, stride: 2 },
  { width: 160, heads: 5, ratio: 2, kernel: 3, stride: 2 },
  { width: 256, heads: 8, ratio: 1, kernel: 3, stride: 2 },
] as const;

/** @param share of the inner widths of the perceptrons that are kept, for networks that were pruned */
export function segformerB0(side = 512, classes = 150, share = 1): Published {
  const m = maker("segformer-b0", side);
  let picture = m.input;
  const outputs: Map2d[] = [];
  for (const { width, heads, ratio, kernel, stride } of STAGES) {
    picture = m.conv(picture, width, { kernel, stride, norm: false });
    const { height, width: wide } = picture;
    const start = tokensOf(m, picture);
    let x: Tokens = { ...start, name: m.layerNorm(start.name, width) };
    for (let block = 0; block < 2; block += 1)
      x = stageBlock(m, x, [height, wide], { heads, ratio, share });
    picture = pictureOf(m, { ...x, name: m.layerNorm(x.name, width) }, height, wide);
    outputs.push(picture);
  }
  const [first] = outputs;
  if (first === undefined) return m.finish(picture.name);
  const levels = outputs.map((level) => {
    const tokens = tokensOf(m, level);
    const made: Tokens = {
      ...tokens,
      name: m.linear(tokens.name, level.channels, 256),
      width: 256,
    };
    const back = pictureOf(m, made, level.height, level.width);
    return level === first ? back : m.up(back, first.height, first.width, "linear");
  });
  const fused = m.conv(m.concat(...[...levels].reverse()), 256, { act: "relu" });
  const scores = m.conv(fused, classes, { norm: false });
  return m.finish(m.up(scores, side, side, "linear").name);
}

function stageBlock(
  m: Maker,
  x: Tokens,
  [height, wide]: readonly [number, number],
  {
    heads,
    ratio,
    share,
  }: { readonly heads: number; readonly ratio: number; readonly share: number },
): Tokens {
  const { width } = x;
  const own = { ...x, name: m.layerNorm(x.name, width) };
  let context: Tokens = own;
  if (ratio > 1) {
    const picture = pictureOf(m, own, height, wide);
    const small = tokensOf(
      m,
      m.conv(picture, width, { kernel: ratio, stride: ratio, padding: 0, norm: false }),
    );
    context = { ...small, name: m.layerNorm(small.name, width) };
  }
  const seen = m.node("Add", [x.name, attention(m, own.name, own, context, heads)]);
  const hidden = 8 * Math.round((share * 4 * width) / 8);
  const inner = { ...x, name: m.linear(m.layerNorm(seen, width), width, hidden), width: hidden };
  const picture = pictureOf(m, inner, height, wide);
  const mixed = tokensOf(m, m.conv(picture, hidden, { kernel: 3, groups: hidden, norm: false }));
  const outer = m.linear(gelu(m, mixed.name), hidden, width);
  return { ...x, name: m.node("Add", [seen, outer]) };
}
