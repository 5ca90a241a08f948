/**
 * A vision transformer in plain TypeScript and float64, with slicing of its own: it shares nothing with the product but the
 * names and the layout of weights, so that it can judge surgery and masks. Pre-norm, separate q, k and v, ReLU.
 */
export interface VitShape {
  readonly tokens: number;
  readonly channels: number;
  readonly width: number;
  /** Per block. */
  readonly blocks: readonly {
    readonly heads: number;
    readonly qk: number;
    readonly v: number;
    readonly mlp: number;
    /** Factor of the scores; stays what it was when columns go. */
    readonly scale: number;
  }[];
  readonly classes: number;
}

/** Row-major matrices and vectors by name. */
export type Weights = ReadonlyMap<string, Float64Array>;

/** What stays: indices of the embedding, and per block of heads, of columns and of the MLP's width. */
export interface KeptVit {
  readonly width: readonly number[];
  readonly blocks: readonly {
    readonly heads: readonly number[];
    readonly qk: readonly number[];
    readonly v: readonly number[];
    readonly mlp: readonly number[];
  }[];
}

/** Names and [rows, columns] of all weights; vectors have one row. */
export function weightShapes(shape: VitShape): ReadonlyMap<string, readonly [number, number]> {
  const { width, tokens, channels, classes } = shape;
  const list: [string, readonly [number, number]][] = [
    ["embed.weight", [channels, width]],
    ["embed.bias", [1, width]],
    ["positions", [tokens, width]],
  ];
  shape.blocks.forEach(({ heads, qk, v, mlp }, block) => {
    const name = (part: string): string => `blocks.${block}.${part}`;
    for (const norm of ["norm1", "norm2"]) {
      list.push([name(`${norm}.weight`), [1, width]], [name(`${norm}.bias`), [1, width]]);
    }
    for (const [part, columns] of [
      ["q", qk],
      ["k", qk],
      ["v", v],
    ] as const) {
      list.push([name(`${part}.weight`), [width, heads * columns]]);
      list.push([name(`${part}.bias`), [1, heads * columns]]);
    }
    list.push([name("proj.weight"), [heads * v, width]], [name("proj.bias"), [1, width]]);
    list.push([name("fc1.weight"), [width, mlp]], [name("fc1.bias"), [1, mlp]]);
    list.push([name("fc2.weight"), [mlp, width]], [name("fc2.bias"), [1, width]]);
  });
  list.push(["norm.weight", [1, width]], ["norm.bias", [1, width]]);
  list.push(["head.weight", [width, classes]], ["head.bias", [1, classes]]);
  return new Map(list);
}

/** Takes rows and columns of every weight by what each of them stands for. */
export function sliceWeights(shape: VitShape, weights: Weights, kept: KeptVit): Weights {
  const all = (length: number): number[] => Array.from({ length }, (_, index) => index);
  const result = new Map<string, Float64Array>();
  for (const [name, [, columns]] of weightShapes(shape)) {
    const own = weights.get(name) ?? new Float64Array(0);
    const [rowsKept, columnsKept] = keptOf(name);
    const rows = rowsKept ?? all(own.length / columns);
    const taken = columnsKept ?? all(columns);
    result.set(
      name,
      Float64Array.from(
        rows.flatMap((row) => taken.map((column) => own[row * columns + column] ?? 0)),
      ),
    );
  }
  return result;

  function keptOf(name: string): readonly [readonly number[] | null, readonly number[] | null] {
    const [, index, part = "", kind = ""] = /^blocks\.(\d+)\.(\w+)\.(\w+)$/.exec(name) ?? [];
    const isVector = kind === "bias" || name.includes("norm");
    if (index === undefined) {
      if (name === "head.weight") return [kept.width, null];
      return name === "head.bias" ? [null, null] : [null, kept.width];
    }
    const block = kept.blocks[Number(index)];
    const dense = shape.blocks[Number(index)];
    if (block === undefined || dense === undefined) throw new Error(name);
    const joint = (columns: readonly number[], width: number): number[] =>
      block.heads.flatMap((head) => columns.map((column) => head * width + column));
    const out: Record<string, readonly number[]> = {
      q: joint(block.qk, dense.qk),
      k: joint(block.qk, dense.qk),
      v: joint(block.v, dense.v),
      fc1: block.mlp,
    };
    const into: Record<string, readonly number[]> = {
      proj: joint(block.v, dense.v),
      fc2: block.mlp,
    };
    return [isVector ? null : (into[part] ?? kept.width), out[part] ?? kept.width];
  }
}

/** Logits of one image: `input` is tokens x channels; the mean of the tokens is classified. */
export function runVit(shape: VitShape, weights: Weights, input: Float64Array): Float64Array {
  const { tokens, width } = shape;
  const of = (name: string): Float64Array => weights.get(name) ?? new Float64Array(0);
  const linear = (name: string, x: Float64Array, into: number): Float64Array =>
    times(x, of(`${name}.weight`), tokens, into, of(`${name}.bias`));
  let x = linear("embed", input, shape.channels);
  x = x.map((value, at) => value + (of("positions")[at] ?? 0));
  shape.blocks.forEach(({ heads, qk, v, mlp, scale }, block) => {
    const name = (part: string): string => `blocks.${block}.${part}`;
    const normed = norm(x, of(name("norm1.weight")), of(name("norm1.bias")), width);
    const [q, k, values] = ["q", "k", "v"].map((part) => linear(name(part), normed, width));
    const mixed = new Float64Array(tokens * heads * v);
    for (let head = 0; head < heads; head += 1) {
      for (let row = 0; row < tokens; row += 1) {
        const scores = Float64Array.from({ length: tokens }, (_, column) => {
          let sum = 0;
          for (let at = 0; at < qk; at += 1) {
            sum +=
              (q?.[(row * heads + head) * qk + at] ?? 0) *
              (k?.[(column * heads + head) * qk + at] ?? 0);
          }
          return sum * scale;
        });
        const most = Math.max(...scores);
        const powers = scores.map((score) => Math.exp(score - most));
        const total = powers.reduce((sum, power) => sum + power, 0);
        for (let at = 0; at < v; at += 1) {
          let sum = 0;
          powers.forEach((power, column) => {
            sum += (power / total) * (values?.[(column * heads + head) * v + at] ?? 0);
          });
          mixed[(row * heads + head) * v + at] = sum;
        }
      }
    }
    const attended = linear(name("proj"), mixed, heads * v);
    x = x.map((value, at) => value + (attended[at] ?? 0));
    const second = norm(x, of(name("norm2.weight")), of(name("norm2.bias")), width);
    const wide = linear(name("fc1"), second, width).map((value) => Math.max(0, value));
    const out = linear(name("fc2"), wide, mlp);
    x = x.map((value, at) => value + (out[at] ?? 0));
  });
  x = norm(x, of("norm.weight"), of("norm.bias"), width);
  const mean = Float64Array.from({ length: width }, (_, column) => {
    let sum = 0;
    for (let row = 0; row < tokens; row += 1) sum += x[row * width + column] ?? 0;
    return sum / tokens;
  });
  return times(mean, of("head.weight"), 1, width, of("head.bias"));
}

function norm(
  x: Float64Array,
  scale: Float64Array,
  shift: Float64Array,
  width: number,
): Float64Array {
  const result = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    const row = x.subarray(start, start + width);
    const mean = row.reduce((sum, value) => sum + value, 0) / width;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
    row.forEach((value, at) => {
      const normal = (value - mean) / Math.sqrt(variance + 1e-5);
      result[start + at] = normal * (scale[at] ?? 0) + (shift[at] ?? 0);
    });
  }
  return result;
}

function times(
  left: Float64Array,
  right: Float64Array,
  rows: number,
  inner: number,
  bias: Float64Array,
): Float64Array {
  const columns = right.length / inner;
  const result = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      let sum = bias[column] ?? 0;
      for (let at = 0; at < inner; at += 1) {
        sum += (left[row * inner + at] ?? 0) * (right[at * columns + column] ?? 0);
      }
      result[row * columns + column] = sum;
    }
  }
  return result;
}
