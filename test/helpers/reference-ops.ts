/**
 * Forward evaluation of small graphs in float64, straight from the definitions of the operators: slow, obvious, and
 * sharing nothing with onnxruntime or with the gradient rules. Attributes and shapes come from src/graph.
 */
import { floatAttribute, type Graph, type Node, stringAttribute } from "../../src/graph/graph.ts";
import type { Op } from "../../src/graph/op.ts";
import { opOf } from "../../src/graph/read-op.ts";
import { inferShapes } from "../../src/graph/shapes/infer.ts";
import { elementCount, floatsOf, integersOf } from "../../src/graph/tensor.ts";
import { type Array64, at, type Call, stretched, tabulate } from "./reference-arrays.ts";
import { convolved, padded, pooled, resized, transposed } from "./reference-windows.ts";

export type { Array64 } from "./reference-arrays.ts";

type Values = ReadonlyMap<string, Array64>;

/** Values of everything in a graph whose shapes are all known, from those of its inputs. `given` replaces initializers too. */
export function evaluate(graph: Graph, given: Values): Map<string, Array64> {
  const shapes = inferShapes(graph);
  const values = new Map<string, Array64>();
  for (const [name, tensor] of graph.initializers) {
    const numbers = tensor.type.startsWith("float") ? floatsOf(tensor) : integersOf(tensor);
    values.set(name, { shape: tensor.shape, data: Float64Array.from(numbers) });
  }
  for (const [name, value] of given) values.set(name, value);
  for (const node of graph.nodes) {
    const none = { shape: [0], data: new Float64Array(0) };
    const inputs = node.inputs.map((name) => values.get(name) ?? none);
    const wanted = node.outputs.map((name) => shapes.resolved(name) ?? []);
    const op = opOf(node, graph, shapes.constant);
    const results = compute({ node, op, inputs, shapes: wanted });
    node.outputs.forEach((name, index) => {
      const data = results[index];
      if (name !== "" && data !== undefined) values.set(name, { shape: wanted[index] ?? [], data });
    });
  }
  return values;
}

function compute(call: Call): readonly Float64Array[] {
  const { op, inputs, shapes, node } = call;
  const [x = { shape: [], data: new Float64Array(0) }] = inputs;
  const [shape = []] = shapes;
  switch (op.kind) {
    case "unary":
      return [unary(call, x)];
    case "elementwise":
      return [
        tabulate(shape, (index) =>
          combined(
            op.function,
            inputs.map((input) => stretched(input, index)),
          ),
        ),
      ];
    case "conv":
      return [convolved(call, op)];
    case "convTranspose":
      return [transposed(call, op)];
    case "pool":
      return [pooled(call, op)];
    case "globalPool": {
      const axes = x.shape.map((_, axis) => axis).slice(2);
      return [reduced(x, axes, shape, op.mode === "max" ? "Max" : "Mean")];
    }
    case "gemm": {
      const [, b = x, c] = inputs;
      const inner = x.shape[op.transA ? 0 : 1] ?? 1;
      return [
        tabulate(shape, ([i = 0, j = 0]) => {
          let sum = 0;
          for (let k = 0; k < inner; k += 1) {
            sum += at(x, op.transA ? [k, i] : [i, k]) * at(b, op.transB ? [j, k] : [k, j]);
          }
          return op.alpha * sum + (c === undefined ? 0 : op.beta * stretched(c, [i, j]));
        }),
      ];
    }
    case "matMul":
      return [matrixProduct(x, inputs[1] ?? x, shape)];
    case "batchNorm":
      return batchNorm(call, op);
    case "layerNorm":
      return [layerNorm(call, op)];
    case "softmax":
      return [softmax(x, op.axis < 0 ? op.axis + shape.length : op.axis, op.log)];
    case "reduce": {
      const named = (op.axes ?? []).map((axis) => (axis < 0 ? axis + x.shape.length : axis));
      const axes = named.length === 0 ? x.shape.map((_, axis) => axis) : named;
      return [reduced(x, axes, shape, op.reduction)];
    }
    case "concat": {
      const axis = op.axis < 0 ? op.axis + shape.length : op.axis;
      return [
        tabulate(shape, (index) => {
          let rest = index[axis] ?? 0;
          for (const part of inputs) {
            const extent = part.shape[axis] ?? 0;
            if (rest < extent) return at(part, index.with(axis, rest));
            rest -= extent;
          }
          return Number.NaN;
        }),
      ];
    }
    case "split": {
      const axis = op.axis < 0 ? op.axis + x.shape.length : op.axis;
      let start = 0;
      return shapes.map((part) => {
        const first = start;
        start += part[axis] ?? 0;
        return tabulate(part, (index) => at(x, index.with(axis, first + (index[axis] ?? 0))));
      });
    }
    case "slice": {
      const { starts, steps, axes } = op;
      return [
        tabulate(shape, (index) => {
          const from = [...index];
          axes?.forEach((named, i) => {
            const axis = named < 0 ? named + x.shape.length : named;
            const extent = x.shape[axis] ?? 1;
            const step = steps?.[i] ?? 1;
            const raw = Number(starts?.[i] ?? 0);
            const low = raw < 0 ? raw + extent : raw;
            const first = Math.min(Math.max(low, 0), step < 0 ? extent - 1 : extent);
            from[axis] = first + (index[axis] ?? 0) * step;
          });
          return at(x, from);
        }),
      ];
    }
    case "pad":
      return [padded(call, op, x)];
    case "transpose": {
      const perm = op.perm ?? shape.map((_, axis) => shape.length - 1 - axis);
      return [
        tabulate(shape, (index) =>
          at(
            x,
            x.shape.map((_, axis) => index[perm.indexOf(axis)] ?? 0),
          ),
        ),
      ];
    }
    case "reshape":
    case "flatten":
    case "squeeze":
    case "unsqueeze":
      return [x.data];
    case "cast":
      return [op.to.startsWith("float") ? x.data : x.data.map(Math.trunc)];
    case "expand":
      return [tabulate(shape, (index) => stretched(x, index))];
    case "tile":
      return [
        tabulate(shape, (index) =>
          at(
            x,
            index.map((i, axis) => i % (x.shape[axis] ?? 1)),
          ),
        ),
      ];
    case "gather": {
      const axis = op.axis < 0 ? op.axis + x.shape.length : op.axis;
      const indices = inputs[1] ?? x;
      const rank = indices.shape.length;
      return [
        tabulate(shape, (index) => {
          const raw = at(indices, index.slice(axis, axis + rank));
          const chosen = raw < 0 ? raw + (x.shape[axis] ?? 0) : raw;
          return at(x, [...index.slice(0, axis), chosen, ...index.slice(axis + rank)]);
        }),
      ];
    }
    case "resize":
      return [resized(call, x)];
    case "depthToSpace": {
      const b = op.blockSize;
      const inner = shape[1] ?? 1;
      return [
        tabulate(shape, ([n = 0, c = 0, h = 0, w = 0]) => {
          const block = (h % b) * b + (w % b);
          const channel = op.mode === "CRD" ? c * b * b + block : block * inner + c;
          return at(x, [n, channel, Math.floor(h / b), Math.floor(w / b)]);
        }),
      ];
    }
    case "spaceToDepth": {
      const b = op.blockSize;
      const inner = x.shape[1] ?? 1;
      return [
        tabulate(shape, ([n = 0, c = 0, h = 0, w = 0]) => {
          const block = Math.floor(c / inner);
          return at(x, [n, c % inner, h * b + Math.floor(block / b), w * b + (block % b)]);
        }),
      ];
    }
    default:
      throw new Error(`no reference for ${node.opType}`);
  }
}

// Abramowitz and Stegun's series 7.1.6, to the precision of float64 for the arguments of tests.
function erf(x: number): number {
  if (Math.abs(x) > 5) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 200 && Math.abs(term) > 1e-18; n += 1) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

const FUNCTIONS: Readonly<Record<string, (x: number, node: Node) => number>> = {
  Abs: Math.abs,
  Cos: Math.cos,
  Dropout: (x) => x,
  Elu: (x, node) => (x > 0 ? x : floatAttribute(node, "alpha", 1) * Math.expm1(x)),
  Erf: erf,
  Exp: Math.exp,
  Floor: Math.floor,
  Gelu: (x, node) =>
    stringAttribute(node, "approximate", "none") === "tanh"
      ? (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
      : (x / 2) * (1 + erf(x / Math.SQRT2)),
  HardSigmoid: (x, node) =>
    Math.min(
      Math.max(floatAttribute(node, "alpha", 0.2) * x + floatAttribute(node, "beta", 0.5), 0),
      1,
    ),
  HardSwish: (x) => x * Math.min(Math.max(x / 6 + 0.5, 0), 1),
  Identity: (x) => x,
  LeakyRelu: (x, node) => (x > 0 ? x : floatAttribute(node, "alpha", 0.01) * x),
  Log: Math.log,
  Neg: (x) => -x,
  Reciprocal: (x) => 1 / x,
  Relu: (x) => Math.max(x, 0),
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Sin: Math.sin,
  Softplus: (x) => Math.log1p(Math.exp(x)),
  Sqrt: Math.sqrt,
  Tanh: Math.tanh,
};

function unary({ node, inputs }: Call, x: Array64): Float64Array {
  if (node.opType === "Clip") {
    const low = inputs[1]?.data[0] ?? Number.NEGATIVE_INFINITY;
    const high = inputs[2]?.data[0] ?? Number.POSITIVE_INFINITY;
    return x.data.map((value) => Math.min(Math.max(value, low), high));
  }
  const compute1 = FUNCTIONS[node.opType];
  if (compute1 === undefined) throw new Error(`no reference for ${node.opType}`);
  return x.data.map((value) => compute1(value, node));
}

function combined(name: string, operands: readonly number[]): number {
  const [a = 0, b = 0, c = 0] = operands;
  const sum = operands.reduce((total, operand) => total + operand, 0);
  switch (name) {
    case "Add":
    case "Sum":
      return sum;
    case "Mean":
      return sum / operands.length;
    case "Sub":
      return a - b;
    case "Mul":
      return a * b;
    case "Div":
      return a / b;
    case "Pow":
      return a ** b;
    case "Max":
      return Math.max(...operands);
    case "Min":
      return Math.min(...operands);
    case "Where":
      return a === 0 ? c : b;
    case "PRelu":
      return a > 0 ? a : a * b;
    case "Equal":
      return a === b ? 1 : 0;
    case "Greater":
      return a > b ? 1 : 0;
    default:
      throw new Error(`no reference for ${name}`);
  }
}

function matrixProduct(a: Array64, b: Array64, shape: readonly number[]): Float64Array {
  const left = a.shape.length === 1 ? { ...a, shape: [1, ...a.shape] } : a;
  const right = b.shape.length === 1 ? { ...b, shape: [...b.shape, 1] } : b;
  const inner = left.shape.at(-1) ?? 1;
  return tabulate(shape, (index) => {
    const full = [...index];
    if (a.shape.length === 1)
      full.splice(b.shape.length === 1 ? full.length : full.length - 1, 0, 0);
    if (b.shape.length === 1) full.push(0);
    const column = full.at(-1) ?? 0;
    const row = full.at(-2) ?? 0;
    const leading = full.slice(0, -2);
    let sum = 0;
    for (let k = 0; k < inner; k += 1) {
      sum += stretched(left, [...leading, row, k]) * stretched(right, [...leading, k, column]);
    }
    return sum;
  });
}

function moments(values: readonly number[]): { readonly mean: number; readonly variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, variance };
}

function batchNorm(
  { inputs, node }: Call,
  op: Extract<Op, { kind: "batchNorm" }>,
): readonly Float64Array[] {
  const [x, scale, bias, mean, variance] = inputs as [Array64, Array64, Array64, Array64, Array64];
  const channel = (flat: number): number =>
    Math.floor(flat / elementCount(x.shape.slice(2))) % (x.shape[1] ?? 1);
  const perChannel = Array.from(scale.data, (_, c) =>
    op.training
      ? moments([...x.data].filter((_value, flat) => channel(flat) === c))
      : { mean: mean.data[c] ?? 0, variance: variance.data[c] ?? 0 },
  );
  const y = x.data.map((value, flat) => {
    const c = channel(flat);
    const { mean: m = 0, variance: v = 1 } = perChannel[c] ?? {};
    return ((value - m) / Math.sqrt(v + op.epsilon)) * (scale.data[c] ?? 1) + (bias.data[c] ?? 0);
  });
  const keep = floatAttribute(node, "momentum", 0.9);
  const running = (old: Array64, batch: readonly number[]): Float64Array =>
    old.data.map((value, c) => value * keep + (batch[c] ?? 0) * (1 - keep));
  return [
    y,
    running(
      mean,
      perChannel.map((m) => m.mean),
    ),
    running(
      variance,
      perChannel.map((m) => m.variance),
    ),
  ];
}

function layerNorm({ inputs, shapes }: Call, op: Extract<Op, { kind: "layerNorm" }>): Float64Array {
  const [x, scale, bias] = inputs as [Array64, Array64, Array64 | undefined];
  const [shape = []] = shapes;
  const axis = op.axis < 0 ? op.axis + shape.length : op.axis;
  const size = elementCount(shape.slice(axis));
  const result = new Float64Array(x.data.length);
  for (let start = 0; start < x.data.length; start += size) {
    const { mean, variance } = moments([...x.data.slice(start, start + size)]);
    for (let i = 0; i < size; i += 1) {
      const xhat = ((x.data[start + i] ?? 0) - mean) / Math.sqrt(variance + op.epsilon);
      const w = scale.data[i % scale.data.length] ?? 1;
      result[start + i] = xhat * w + (bias?.data[i % bias.data.length] ?? 0);
    }
  }
  return result;
}

function softmax(x: Array64, axis: number, log: boolean): Float64Array {
  return tabulate(x.shape, (index) => {
    const row = Array.from({ length: x.shape[axis] ?? 1 }, (_, i) => at(x, index.with(axis, i)));
    const sum = row.reduce((total, value) => total + Math.exp(value), 0);
    const share = Math.exp(at(x, index)) / sum;
    return log ? Math.log(share) : share;
  });
}

function reduced(
  x: Array64,
  axes: readonly number[],
  shape: readonly number[],
  reduction: string,
): Float64Array {
  const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  const groups = tabulate(kept, (index) => {
    const members: number[] = [];
    tabulate(
      x.shape.map((extent, axis) => (axes.includes(axis) ? extent : 1)),
      (offset) => {
        members.push(
          at(
            x,
            index.map((i, axis) => i + (offset[axis] ?? 0)),
          ),
        );
        return 0;
      },
    );
    return folded(members, reduction);
  });
  if (groups.length !== elementCount(shape)) throw new Error("reduced to another shape");
  return groups;
}

function folded(members: readonly number[], reduction: string): number {
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  switch (reduction) {
    case "Sum":
      return sum(members);
    case "Mean":
      return sum(members) / members.length;
    case "SumSquare":
      return sum(members.map((m) => m * m));
    case "L2":
      return Math.sqrt(sum(members.map((m) => m * m)));
    case "LogSumExp":
      return Math.log(sum(members.map(Math.exp)));
    case "Max":
      return Math.max(...members);
    case "Min":
      return Math.min(...members);
    default:
      throw new Error(`no reference for ${reduction}`);
  }
}
