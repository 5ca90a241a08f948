/**
 * A second opinion on what a network computes: plain loops over float64, written from the ONNX specification for the dozen ops that
 * drawn networks have. It shares nothing with the project's shape rules and nothing with onnxruntime.
 */
import type { Attribute, Graph, Node } from "../../src/graph/graph.ts";
import { floatsOf, integersOf } from "../../src/graph/tensor.ts";

/** Numbers, row-major. */
export interface Numbers {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export interface Evaluated {
  readonly outputs: readonly Numbers[];
  /** Every value by name. */
  readonly values: ReadonlyMap<string, Numbers>;
  /** Multiplications of a weight or an activation with another one, by node. */
  readonly products: ReadonlyMap<Node, number>;
}

/** What a node reads, changed before it is used: to leave out what is pruned. */
export type Change = (node: Node, input: number, value: Numbers) => Numbers;

const asTheyAre: Change = (_node, _input, value) => value;

export function evaluate(
  graph: Graph,
  fed: ReadonlyMap<string, Numbers>,
  change: Change = asTheyAre,
): Evaluated {
  const values = new Map(fed);
  for (const [name, tensor] of graph.initializers) {
    const numbers = tensor.type === "int64" ? integersOf(tensor) : floatsOf(tensor);
    values.set(name, { shape: tensor.shape, data: Float64Array.from(numbers ?? []) });
  }
  const products = new Map<Node, number>();
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name, at) => {
      const value = values.get(name);
      if (value === undefined)
        throw new Error(`${node.opType} reads '${name}', which nothing wrote`);
      return change(node, at, value);
    });
    const { value, multiplied = 0 } = run(node, inputs);
    values.set(node.outputs[0] ?? "", value);
    products.set(node, multiplied);
  }
  const outputs = graph.outputs.map(
    ({ name }) => values.get(name) ?? { shape: [], data: new Float64Array() },
  );
  return { outputs, values, products };
}

interface Result {
  readonly value: Numbers;
  readonly multiplied?: number;
}

const NOTHING: Numbers = { shape: [0], data: new Float64Array() };

function run(node: Node, inputs: readonly Numbers[]): Result {
  const [a = NOTHING, b = NOTHING, c] = inputs;
  switch (node.opType) {
    case "Conv":
      return convolution(node, a, b, c);
    case "Gemm":
      return product(a, transposedIf(node, b), c);
    case "MatMul":
      return product(a, b);
    case "BatchNormalization":
      return { value: normalised(node, inputs) };
    case "Relu":
      return { value: each(a, (x) => Math.max(0, x)) };
    case "Sigmoid":
      return { value: each(a, (x) => 1 / (1 + Math.exp(-x))) };
    case "Add":
      return { value: both(a, b, (x, y) => x + y) };
    case "Mul":
      return { value: both(a, b, (x, y) => x * y) };
    case "Concat":
      return { value: concatenated(inputs, int(node, "axis", 1)) };
    case "MaxPool":
    case "AveragePool":
      return { value: pooled(node, a) };
    case "GlobalAveragePool":
      return { value: overall(a) };
    case "Flatten":
      return {
        value: { shape: [a.shape[0] ?? 1, a.data.length / (a.shape[0] ?? 1)], data: a.data },
      };
    case "Softmax":
      return { value: softmax(a) };
    case "Transpose":
      return { value: transposed(a, ints(node, "perm")) };
    default:
      throw new Error(`no rule for ${node.opType}`);
  }
}

const attribute = (node: Node, name: string): Attribute | undefined => node.attributes.get(name);

function int(node: Node, name: string, otherwise: number): number {
  const found = attribute(node, name);
  return found?.kind === "int" ? found.value : otherwise;
}

function ints(node: Node, name: string, otherwise: readonly number[] = []): readonly number[] {
  const found = attribute(node, name);
  return found?.kind === "ints" ? found.value : otherwise;
}

function each({ shape, data }: Numbers, f: (x: number) => number): Numbers {
  return { shape, data: data.map(f) };
}

/** Of equal shapes, or the second with ones where it is repeated. */
function both(a: Numbers, b: Numbers, f: (x: number, y: number) => number): Numbers {
  if (a.data.length < b.data.length) return both(b, a, (x, y) => f(y, x));
  const steps = a.shape.map((_, axis) => {
    const own = b.shape[axis - a.shape.length + b.shape.length] ?? 1;
    return own === 1
      ? 0
      : b.shape.slice(axis - a.shape.length + b.shape.length + 1).reduce((x, y) => x * y, 1);
  });
  const data = new Float64Array(a.data.length);
  for (let at = 0; at < data.length; at += 1) {
    let [rest, other] = [at, 0];
    for (let axis = a.shape.length - 1; axis >= 0; axis -= 1) {
      const extent = a.shape[axis] ?? 1;
      other += (rest % extent) * (steps[axis] ?? 0);
      rest = Math.floor(rest / extent);
    }
    data[at] = f(a.data[at] ?? 0, b.data[other] ?? 0);
  }
  return { shape: a.shape, data };
}

interface Window {
  readonly kernel: readonly [number, number];
  readonly stride: readonly number[];
  readonly pads: readonly number[];
}

function windowOf(node: Node, kernel: readonly number[]): Window {
  const [rows = 1, columns = 1] = kernel;
  return {
    kernel: [rows, columns],
    stride: ints(node, "strides", [1, 1]),
    pads: ints(node, "pads", [0, 0, 0, 0]),
  };
}

/** For every place of the output and the kernel that meets the input: index of the place, of the kernel's element, of the pixel. */
function sweep(
  [height, width]: readonly [number, number],
  { kernel, stride, pads }: Window,
  visit: (place: number, tap: number, pixel: number) => void,
): readonly [number, number] {
  const size = (extent: number, axis: 0 | 1): number =>
    Math.floor(
      (extent + (pads[axis] ?? 0) + (pads[axis + 2] ?? 0) - kernel[axis]) / (stride[axis] ?? 1),
    ) + 1;
  const [rows, columns] = [size(height, 0), size(width, 1)];
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      for (let i = 0; i < kernel[0]; i += 1) {
        for (let j = 0; j < kernel[1]; j += 1) {
          const y = row * (stride[0] ?? 1) - (pads[0] ?? 0) + i;
          const x = column * (stride[1] ?? 1) - (pads[1] ?? 0) + j;
          if (y < 0 || x < 0 || y >= height || x >= width) continue;
          visit(row * columns + column, i * kernel[1] + j, y * width + x);
        }
      }
    }
  }
  return [rows, columns];
}

function convolution(node: Node, x: Numbers, w: Numbers, bias: Numbers | undefined): Result {
  const [batch = 1, , height = 1, width = 1] = x.shape;
  const channels = x.shape[1] ?? 1;
  const [out = 1, per = 1, ...kernel] = w.shape;
  const groups = int(node, "group", 1);
  const taps = (kernel[0] ?? 1) * (kernel[1] ?? 1);
  const visits: number[] = [];
  const [rows, columns] = sweep([height, width], windowOf(node, kernel), (...triple) =>
    visits.push(...triple),
  );
  const data = new Float64Array(batch * out * rows * columns);
  for (let image = 0; image < batch; image += 1) {
    for (let o = 0; o < out; o += 1) {
      const start = (image * out + o) * rows * columns;
      data.fill(bias?.data[o] ?? 0, start, start + rows * columns);
      const first = Math.floor(o / (out / groups)) * per;
      for (let c = 0; c < per; c += 1) {
        const from = (image * channels + first + c) * height * width;
        const weight = (o * per + c) * taps;
        for (let v = 0; v < visits.length; v += 3) {
          const to = start + (visits[v] ?? 0);
          data[to] =
            (data[to] ?? 0) +
            (w.data[weight + (visits[v + 1] ?? 0)] ?? 0) *
              (x.data[from + (visits[v + 2] ?? 0)] ?? 0);
        }
      }
    }
  }
  return {
    value: { shape: [batch, out, rows, columns], data },
    multiplied: data.length * per * taps,
  };
}

/** [..., n, k] times [k, m] or [..., k, m], and a bias per column. */
function product(a: Numbers, b: Numbers, bias?: Numbers): Result {
  const [inner = 1, columns = 1] = [a.shape.at(-1), b.shape.at(-1)];
  const rows = a.shape.at(-2) ?? 1;
  const stacks = a.data.length / (rows * inner);
  const isShared = b.shape.length === 2;
  const data = new Float64Array(stacks * rows * columns);
  for (let stack = 0; stack < stacks; stack += 1) {
    const other = isShared ? 0 : stack * inner * columns;
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        let sum = bias?.data[column] ?? 0;
        for (let k = 0; k < inner; k += 1) {
          sum +=
            (a.data[(stack * rows + row) * inner + k] ?? 0) *
            (b.data[other + k * columns + column] ?? 0);
        }
        data[(stack * rows + row) * columns + column] = sum;
      }
    }
  }
  return {
    value: { shape: [...a.shape.slice(0, -1), columns], data },
    multiplied: data.length * inner,
  };
}

function transposedIf(node: Node, b: Numbers): Numbers {
  return int(node, "transB", 0) === 1 ? transposed(b, [1, 0]) : b;
}

function transposed({ shape, data }: Numbers, perm: readonly number[]): Numbers {
  const to = perm.map((axis) => shape[axis] ?? 1);
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((x, y) => x * y, 1));
  const result = new Float64Array(data.length);
  for (let at = 0; at < data.length; at += 1) {
    let [rest, from] = [at, 0];
    for (let axis = to.length - 1; axis >= 0; axis -= 1) {
      from += (rest % (to[axis] ?? 1)) * (strides[perm[axis] ?? 0] ?? 0);
      rest = Math.floor(rest / (to[axis] ?? 1));
    }
    result[at] = data[from] ?? 0;
  }
  return { shape: to, data: result };
}

function normalised(
  node: Node,
  [x = NOTHING, scale, shift, mean, variance]: readonly Numbers[],
): Numbers {
  const found = attribute(node, "epsilon");
  const epsilon = found?.kind === "float" ? found.value : Math.fround(1e-5);
  const plane = x.shape.slice(2).reduce((a, b) => a * b, 1);
  const channels = x.shape[1] ?? 1;
  return {
    shape: x.shape,
    data: x.data.map((value, at) => {
      const c = Math.floor(at / plane) % channels;
      const spread = Math.sqrt((variance?.data[c] ?? 0) + epsilon);
      return (
        ((value - (mean?.data[c] ?? 0)) / spread) * (scale?.data[c] ?? 0) + (shift?.data[c] ?? 0)
      );
    }),
  };
}

function concatenated(parts: readonly Numbers[], axis: number): Numbers {
  const [first = NOTHING] = parts;
  const length = parts.reduce((sum, { shape }) => sum + (shape[axis] ?? 0), 0);
  const shape = first.shape.map((extent, at) => (at === axis ? length : extent));
  const rows = shape.slice(0, axis).reduce((x, y) => x * y, 1);
  const pieces = Array.from({ length: rows }, (_, row) =>
    parts.flatMap(({ data }) => [
      ...data.subarray((row * data.length) / rows, ((row + 1) * data.length) / rows),
    ]),
  );
  return { shape, data: Float64Array.from(pieces.flat()) };
}

/** AveragePool leaves padding out of its mean. */
function pooled(node: Node, x: Numbers): Numbers {
  const isMax = node.opType === "MaxPool";
  const [batch = 1, channels = 1, height = 1, width = 1] = x.shape;
  const planes: number[] = [];
  let extents: readonly [number, number] = [1, 1];
  for (let plane = 0; plane < batch * channels; plane += 1) {
    const best: number[] = [];
    const count: number[] = [];
    extents = sweep(
      [height, width],
      windowOf(node, ints(node, "kernel_shape")),
      (place, _tap, pixel) => {
        const value = x.data[plane * height * width + pixel] ?? 0;
        const before = best[place];
        best[place] =
          before === undefined ? value : isMax ? Math.max(before, value) : before + value;
        count[place] = (count[place] ?? 0) + 1;
      },
    );
    planes.push(...best.map((value, place) => (isMax ? value : value / (count[place] ?? 1))));
  }
  return { shape: [batch, channels, ...extents], data: Float64Array.from(planes) };
}

function overall(x: Numbers): Numbers {
  const [batch = 1, channels = 1, height = 1, width = 1] = x.shape;
  const plane = height * width;
  const data = Float64Array.from(
    { length: batch * channels },
    (_, at) =>
      x.data.subarray(at * plane, (at + 1) * plane).reduce((sum, value) => sum + value, 0) / plane,
  );
  return { shape: [batch, channels, 1, 1], data };
}

function softmax(x: Numbers): Numbers {
  const width = x.shape.at(-1) ?? 1;
  const data = new Float64Array(x.data.length);
  for (let row = 0; row < data.length; row += width) {
    const values = x.data.subarray(row, row + width);
    const most = Math.max(...values);
    const total = values.reduce((sum, value) => sum + Math.exp(value - most), 0);
    for (let at = 0; at < width; at += 1)
      data[row + at] = Math.exp((values[at] ?? 0) - most) / total;
  }
  return { shape: x.shape, data };
}
