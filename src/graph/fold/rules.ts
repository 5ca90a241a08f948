/** How constants are computed from constants: one rule per op that exporters and quantisers put between a stored weight and its use. */
import { at } from "../../core/at.ts";
import { floatAttribute, type Node } from "../graph.ts";
import { stridesOf } from "../shapes/indexing.ts";
import { sliceRange } from "../shapes/layout.ts";
import { elementCount } from "../tensor.ts";
import { type FoldRule, first, type Job } from "./fold-rule.ts";
import { type Numbers, numbersOf, quantised } from "./numbers.ts";
import { batchNorm, instanceNorm, REDUCTIONS, reduce } from "./statistics.ts";
import { broadcastStrides, strided } from "./strided.ts";

const same: FoldRule = (job) => first(job)?.values.slice() ?? null;

function each(compute: (value: number) => number): FoldRule {
  return (job) => first(job)?.values.map(compute) ?? null;
}

function pairwise(compute: (left: number, right: number) => number): FoldRule {
  return ({ inputs, shape }) => {
    let result: Float64Array | null = null;
    for (const input of inputs) {
      if (input === null) return null;
      const own = strided(input.values, shape, broadcastStrides(input.shape, shape));
      result = result === null ? own : zipped(result, own, compute);
    }
    return result;
  };
}

function zipped(
  left: Float64Array,
  right: Float64Array,
  compute: (left: number, right: number) => number,
): Float64Array {
  return left.map((value, index) => compute(value, at(right, index)));
}

const where: FoldRule = ({ inputs, shape }) => {
  const [condition, left, right] = inputs.map((input) =>
    input === null ? null : strided(input.values, shape, broadcastStrides(input.shape, shape)),
  );
  if (!condition || !left || !right) return null;
  return left.map((value, index) => (at(condition, index) === 0 ? at(right, index) : value));
};

const transpose: FoldRule = (job) => {
  const input = first(job);
  if (input === null || job.op.kind !== "transpose") return null;
  const perm = job.op.perm ?? input.shape.map((_, axis) => input.shape.length - 1 - axis);
  const strides = stridesOf(input.shape);
  return strided(
    input.values,
    job.shape,
    perm.map((axis) => at(strides, axis)),
  );
};

const expand: FoldRule = (job) => {
  const input = first(job);
  return input === null
    ? null
    : strided(input.values, job.shape, broadcastStrides(input.shape, job.shape));
};

const slice: FoldRule = (job) => {
  const input = first(job);
  const { op } = job;
  if (input === null || op.kind !== "slice") return null;
  const { starts, ends, axes, steps } = op;
  if (starts === null || ends === null || axes === null || steps === null) return null;
  const rank = input.shape.length;
  const strides = [...stridesOf(input.shape)];
  let offset = 0;
  for (const [index, named] of axes.entries()) {
    const axis = named < 0 ? named + rank : named;
    const [start, end, step] = [starts[index], ends[index], at(steps, index)];
    if (typeof start !== "number" || typeof end !== "number") return null;
    const { first: from } = sliceRange(at(input.shape, axis), start, end, step);
    offset += from * at(strides, axis);
    strides[axis] = at(strides, axis) * step;
  }
  return strided(input.values, job.shape, strides, offset);
};

const concat: FoldRule = ({ inputs, op, shape }) => {
  if (op.kind !== "concat") return null;
  const axis = op.axis < 0 ? op.axis + shape.length : op.axis;
  const outer = elementCount(shape.slice(0, axis));
  const result = new Float64Array(elementCount(shape));
  const run = elementCount(shape.slice(axis));
  let from = 0;
  for (const input of inputs) {
    if (input === null) return null;
    const own = elementCount(input.shape.slice(axis));
    for (let row = 0; row < outer; row += 1) {
      result.set(input.values.subarray(row * own, (row + 1) * own), row * run + from);
    }
    from += own;
  }
  return result;
};

const gather: FoldRule = ({ inputs: [data, indices], op }) => {
  if (!data || !indices || op.kind !== "gather") return null;
  const axis = op.axis < 0 ? op.axis + data.shape.length : op.axis;
  const outer = elementCount(data.shape.slice(0, axis));
  const extent = at(data.shape, axis);
  const run = elementCount(data.shape.slice(axis + 1));
  const result = new Float64Array(outer * indices.values.length * run);
  for (let row = 0; row < outer; row += 1) {
    indices.values.forEach((named, index) => {
      const from = (row * extent + (named < 0 ? named + extent : named)) * run;
      result.set(
        data.values.subarray(from, from + run),
        (row * indices.values.length + index) * run,
      );
    });
  }
  return result;
};

/** Scales along one axis, or one for all: [scale, zero point] of each element of `shape`; null for scales in blocks. */
function steps(
  job: Job,
  shape: readonly number[],
  axis: number,
): readonly [Float64Array, Float64Array] | null {
  const [, scale = null, zero = null] = job.inputs;
  if (scale === null) return null;
  const spread = (list: Numbers): Float64Array | null => {
    const strides = shape.map(() => 0);
    if (list.values.length > 1) {
      if (list.shape.length !== 1) return null;
      strides[axis] = 1;
    }
    return strided(list.values, shape, strides);
  };
  const scales = spread(scale);
  const zeros = zero === null ? new Float64Array(elementCount(shape)) : spread(zero);
  return scales === null || zeros === null ? null : [scales, zeros];
}

const dequantize: FoldRule = (job) => {
  const input = first(job);
  if (input === null || job.op.kind !== "dequantize") return null;
  const [scales, zeros] = steps(job, input.shape, axisOf(job.op.axis, input.shape)) ?? [];
  if (scales === undefined || zeros === undefined) return null;
  return input.values.map((value, index) => (value - at(zeros, index)) * at(scales, index));
};

const quantize: FoldRule = (job) => {
  const input = first(job);
  if (input === null || job.op.kind !== "quantize") return null;
  const [scales, zeros] = steps(job, input.shape, axisOf(job.op.axis, input.shape)) ?? [];
  if (scales === undefined || zeros === undefined) return null;
  return input.values.map((value, index) =>
    quantised(
      quantised(Math.fround(value / at(scales, index)), "int32") + at(zeros, index),
      job.type,
    ),
  );
};

function axisOf(axis: number, shape: readonly number[]): number {
  return axis < 0 ? axis + shape.length : axis;
}

const matMul: FoldRule = ({ inputs: [left, right], shape }) => {
  if (!left || !right || left.shape.length !== 2 || right.shape.length !== 2) return null;
  const [rows, columns] = [at(shape, 0), at(shape, 1)];
  const depth = at(left.shape, 1);
  const result = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let inner = 0; inner < depth; inner += 1) {
      const factor = at(left.values, row * depth + inner);
      for (let column = 0; column < columns; column += 1) {
        const to = row * columns + column;
        result[to] = at(result, to) + factor * at(right.values, inner * columns + column);
      }
    }
  }
  return result;
};

const clip: FoldRule = (job) => {
  const bound = (index: number, name: string, otherwise: number): number =>
    job.inputs[index]?.values[0] ?? floatAttribute(job.node, name, otherwise);
  const low = bound(1, "min", Number.NEGATIVE_INFINITY);
  const high = bound(2, "max", Number.POSITIVE_INFINITY);
  return first(job)?.values.map((value) => Math.min(Math.max(value, low), high)) ?? null;
};

const constantOfShape: FoldRule = ({ op, shape }) => {
  if (op.kind !== "constantOfShape") return null;
  const value = op.value === null ? 0 : numbersOf(op.value)?.values[0];
  return value === undefined ? null : new Float64Array(elementCount(shape)).fill(value);
};

const truth = (value: boolean): number => (value ? 1 : 0);

/** By op type; an op that is absent is never folded. */
const FOLD_RULES: ReadonlyMap<string, FoldRule> = new Map<string, FoldRule>([
  ["Identity", same],
  ["Cast", same],
  ["Reshape", same],
  ["Flatten", same],
  ["Squeeze", same],
  ["Unsqueeze", same],
  ["Abs", each(Math.abs)],
  ["Exp", each(Math.exp)],
  ["Log", each(Math.log)],
  ["Neg", each((value) => -value)],
  ["Reciprocal", each((value) => 1 / value)],
  ["Relu", each((value) => Math.max(value, 0))],
  ["Sigmoid", each((value) => 1 / (1 + Math.exp(-value)))],
  ["Sign", each(Math.sign)],
  ["Softplus", each((value) => Math.log1p(Math.exp(value)))],
  ["Sqrt", each(Math.sqrt)],
  ["Tanh", each(Math.tanh)],
  ["Clip", clip],
  ["Add", pairwise((left, right) => left + right)],
  ["Sub", pairwise((left, right) => left - right)],
  ["Mul", pairwise((left, right) => left * right)],
  ["Div", pairwise((left, right) => left / right)],
  ["Pow", pairwise((left, right) => left ** right)],
  ["Max", pairwise(Math.max)],
  ["Min", pairwise(Math.min)],
  ["Equal", pairwise((left, right) => truth(left === right))],
  ["Greater", pairwise((left, right) => truth(left > right))],
  ["Less", pairwise((left, right) => truth(left < right))],
  ["Where", where],
  ["Transpose", transpose],
  ["Expand", expand],
  ["Slice", slice],
  ["Concat", concat],
  ["Gather", gather],
  ["DequantizeLinear", dequantize],
  ["QuantizeLinear", quantize],
  ["MatMul", matMul],
  ["BatchNormalization", batchNorm],
  ["InstanceNormalization", instanceNorm],
  ["ConstantOfShape", constantOfShape],
  ...Object.keys(REDUCTIONS).map((name) => [`Reduce${name}`, reduce] as const),
]);

/** The rule for a node; null where it can't be computed before the network runs. */
export function foldRuleOf(node: Node): FoldRule | null {
  return node.domain === "" ? (FOLD_RULES.get(node.opType) ?? null) : null;
}
