/** Writes networks by their published configurations, as shapes: every weight is zero, and all share one block of memory. */
import { type AttributeLiteral, type GraphBuilder, graphBuilder } from "../../graph/build.ts";
import type { Graph } from "../../graph/graph.ts";
import { floatTensor, intTensor } from "../../graph/tensor.ts";

/** A picture of features: the value's name and its extents without the batch. */
export interface Map2d {
  readonly name: string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

export type Activation = "none" | "relu" | "leaky" | "silu" | "hardswish" | "hardsigmoid" | "gelu";

export interface ConvOptions {
  readonly kernel?: number;
  readonly stride?: number;
  readonly groups?: number;
  readonly act?: Activation;
  /** Half the kernel unless given. */
  readonly padding?: number;
  /** Scale and shift of a normalisation that is folded into the weights; what else there is counts as a bias. */
  readonly norm?: boolean;
}

export interface Maker {
  readonly input: Map2d;
  readonly conv: (x: Map2d, to: number, options?: ConvOptions) => Map2d;
  readonly act: (x: Map2d, act: Activation) => Map2d;
  readonly pool: (x: Map2d, kernel: number, stride: number, options?: PoolOptions) => Map2d;
  readonly globalPool: (x: Map2d) => Map2d;
  readonly up: (x: Map2d, height: number, width: number, mode?: "nearest" | "linear") => Map2d;
  readonly concat: (...parts: readonly Map2d[]) => Map2d;
  readonly split: (x: Map2d, widths: readonly number[]) => readonly Map2d[];
  readonly binary: (op: "Add" | "Mul" | "Sub", a: Map2d, b: Map2d) => Map2d;
  /** A node whose result is known to have that shape. */
  readonly map: (
    op: string,
    inputs: readonly string[],
    shape: Omit<Map2d, "name">,
    attributes?: Readonly<Record<string, AttributeLiteral>>,
  ) => Map2d;
  readonly node: (
    op: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeLiteral>>,
    outputs?: number,
  ) => string;
  readonly weight: (shape: readonly number[], trained?: boolean) => string;
  readonly ints: (values: readonly number[]) => string;
  readonly floats: (values: readonly number[]) => string;
  readonly linear: (x: string, from: number, to: number) => string;
  readonly layerNorm: (x: string, width: number) => string;
  readonly finish: (...outputs: readonly string[]) => Published;
}

export interface PoolOptions {
  readonly padding?: number;
  readonly average?: boolean;
  readonly ceil?: boolean;
}

/** A network by its shapes, with the number of trained numbers in it as its authors count them. */
export interface Published {
  readonly graph: Graph;
  readonly parameters: number;
}

let zeros = new Float32Array(1 << 16);
/** Zeros of that count; all of them are views of the same memory. */
function zeroView(count: number): Float32Array {
  if (zeros.length < count) zeros = new Float32Array(count);
  return zeros.subarray(0, count);
}

/** A maker for one picture [1, 3, side, side] at opset 17. */
export function maker(name: string, side: number): Maker {
  const b: GraphBuilder = graphBuilder({ opset: 17, name });
  let count = 0;
  let parameters = 0;
  const next = (kind: string): string => {
    count += 1;
    return `${kind}_${count}`;
  };
  const weight = (shape: readonly number[], trained = true): string => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    if (trained) parameters += size;
    return b.tensor(next("w"), floatTensor(shape, zeroView(size)));
  };
  const node: Maker["node"] = (op, inputs, attributes = {}, outputs = 1) =>
    b.node(op, inputs, { name: next(op), attributes, outputs });
  const ints = (values: readonly number[]): string =>
    b.tensor(next("i"), intTensor([values.length], values));
  const floats = (values: readonly number[]): string =>
    b.tensor(next("f"), floatTensor([values.length], values));
  const map: Maker["map"] = (op, inputs, shape, attributes) => ({
    name: node(op, inputs, attributes),
    ...shape,
  });
  const act = (x: Map2d, kind: Activation): Map2d => {
    const of = (op: string, attributes = {}): Map2d => map(op, [x.name], x, attributes);
    switch (kind) {
      case "none":
        return x;
      case "relu":
        return of("Relu");
      case "leaky":
        return of("LeakyRelu", { alpha: 0.1 });
      case "hardsigmoid":
        return of("HardSigmoid", { alpha: 1 / 6, beta: 0.5 });
      case "hardswish":
        return of("HardSwish");
      case "silu":
        return map("Mul", [x.name, node("Sigmoid", [x.name])], x);
      case "gelu":
        return { ...x, name: gelu(node, floats, x.name) };
      default:
        return kind satisfies never;
    }
  };
  const conv: Maker["conv"] = (x, to, options = {}) => {
    const { kernel = 1, stride = 1, groups = 1, act: kind = "none", norm = true } = options;
    const pad = options.padding ?? kernel >> 1;
    const inputs = [x.name, weight([to, x.channels / groups, kernel, kernel]), weight([to])];
    // A normalisation has a scale besides.
    if (norm) parameters += to;
    const after = (extent: number): number => Math.floor((extent + 2 * pad - kernel) / stride) + 1;
    const shape = { channels: to, height: after(x.height), width: after(x.width) };
    return act(
      map("Conv", inputs, shape, {
        ...{ group: groups, kernel_shape: [kernel, kernel] },
        ...{ pads: [pad, pad, pad, pad], strides: [stride, stride] },
      }),
      kind,
    );
  };
  const pool: Maker["pool"] = (x, kernel, stride, options = {}) => {
    const { padding = 0, average = false, ceil = false } = options;
    const round = ceil ? Math.ceil : Math.floor;
    const after = (extent: number): number => round((extent + 2 * padding - kernel) / stride) + 1;
    const shape = { channels: x.channels, height: after(x.height), width: after(x.width) };
    return map(average ? "AveragePool" : "MaxPool", [x.name], shape, {
      ...{ kernel_shape: [kernel, kernel], strides: [stride, stride] },
      ...{ pads: [padding, padding, padding, padding], ceil_mode: ceil ? 1 : 0 },
    });
  };
  const up: Maker["up"] = (x, height, width, mode = "nearest") =>
    map(
      "Resize",
      [x.name, "", floats([1, 1, height / x.height, width / x.width])],
      { channels: x.channels, height, width },
      mode === "nearest"
        ? { mode, coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" }
        : { mode, coordinate_transformation_mode: "half_pixel" },
    );
  const split: Maker["split"] = (x, widths) => {
    const first = b.node("Split", [x.name, ints(widths)], {
      ...{ name: next("Split"), attributes: { axis: 1 }, outputs: widths.length },
    });
    return widths.map((channels, at) => ({
      ...{ name: at === 0 ? first : `${first}${at}`, channels },
      ...{ height: x.height, width: x.width },
    }));
  };
  const linear = (x: string, from: number, to: number): string =>
    node("Add", [node("MatMul", [x, weight([from, to])]), weight([to])]);
  return {
    input: { name: b.input("images", [1, 3, side, side]), channels: 3, height: side, width: side },
    ...{ conv, act, pool, up, split, map, node, weight, ints, floats, linear },
    globalPool: (x) =>
      map("GlobalAveragePool", [x.name], { channels: x.channels, height: 1, width: 1 }),
    concat: (...parts) => {
      const channels = parts.reduce((sum, part) => sum + part.channels, 0);
      const [{ height, width } = { height: 1, width: 1 }] = parts;
      const names = parts.map((part) => part.name);
      return map("Concat", names, { channels, height, width }, { axis: 1 });
    },
    binary: (op, x, y) => {
      const larger = x.height * x.channels >= y.height * y.channels ? x : y;
      return map(op, [x.name, y.name], { ...larger, channels: Math.max(x.channels, y.channels) });
    },
    layerNorm: (x, width) =>
      node("LayerNormalization", [x, weight([width]), weight([width])], { axis: -1 }),
    finish: (...outputs) => {
      for (const output of outputs) b.output(output);
      return { graph: b.graph(), parameters };
    },
  };
}

/** As exporters write it for opset 17: x/2 (1 + erf(x / sqrt 2)). */
function gelu(node: Maker["node"], floats: Maker["floats"], x: string): string {
  const error = node("Erf", [node("Div", [x, floats([Math.SQRT2])])]);
  return node("Mul", [node("Mul", [x, node("Add", [error, floats([1])])]), floats([0.5])]);
}
