/** Rules of ops that take many numbers together: reductions, and norms by the statistics of what they read. */
import { at } from "../../core/at.ts";
import { stridesOf } from "../shapes/indexing.ts";
import { elementCount } from "../tensor.ts";
import { type FoldRule, first, type Job } from "./fold-rule.ts";
import { strided } from "./strided.ts";

/** What is done with each run of numbers, by the name before "Reduce". */
export const REDUCTIONS: Readonly<Record<string, (values: readonly number[]) => number>> = {
  Mean: (values) => sum(values) / values.length,
  Sum: sum,
  SumSquare: (values) => sum(values.map((value) => value * value)),
  L1: (values) => sum(values.map(Math.abs)),
  L2: (values) => Math.sqrt(sum(values.map((value) => value * value))),
  Max: (values) => values.reduce((most, value) => Math.max(most, value)),
  Min: (values) => values.reduce((least, value) => Math.min(least, value)),
  Prod: (values) => values.reduce((product, value) => product * value, 1),
};

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** One number per run of the reduced axes. */
export const reduce: FoldRule = (job) => {
  const input = first(job);
  const { op } = job;
  if (input === null || op.kind !== "reduce" || op.axes === null) return null;
  const compute = REDUCTIONS[op.reduction];
  if (compute === undefined) return null;
  if (op.axes.length === 0 && op.noopWithEmptyAxes) return input.values.slice();
  const rank = input.shape.length;
  const listed = op.axes.map((axis) => (axis < 0 ? axis + rank : axis));
  const all = input.shape.map((_, axis) => axis);
  const inner = listed.length === 0 ? all : all.filter((axis) => listed.includes(axis));
  const outer = all.filter((axis) => !inner.includes(axis));
  const strides = stridesOf(input.shape);
  const order = [...outer, ...inner];
  const sorted = strided(
    input.values,
    order.map((axis) => at(input.shape, axis)),
    order.map((axis) => at(strides, axis)),
  );
  const run = elementCount(inner.map((axis) => at(input.shape, axis)));
  return Float64Array.from({ length: sorted.length / run }, (_, row) =>
    compute(Array.from(sorted.subarray(row * run, (row + 1) * run))),
  );
};

/** Statistics over everything but `kept` axes: the leading one, two, or axis 1 alone. */
function normalised(job: Job, kept: readonly number[], epsilon: number): Float64Array | null {
  const input = first(job);
  const [, scale = null, shift = null] = job.inputs;
  if (input === null || scale === null || shift === null) return null;
  const groups = new Map<number, number[]>();
  const strides = stridesOf(input.shape);
  const keyOf = (index: number): number =>
    kept.reduce(
      (key, axis) =>
        key * at(input.shape, axis) +
        (Math.floor(index / at(strides, axis)) % at(input.shape, axis)),
      0,
    );
  input.values.forEach((value, index) => {
    const key = keyOf(index);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  });
  const statistics = new Map(
    [...groups].map(([key, values]) => {
      const mean = sum(values) / values.length;
      const variance = sum(values.map((value) => (value - mean) ** 2)) / values.length;
      return [key, { mean, deviation: Math.sqrt(variance + epsilon) }] as const;
    }),
  );
  return input.values.map((value, index) => {
    const { mean, deviation } = statistics.get(keyOf(index)) ?? { mean: 0, deviation: Number.NaN };
    const channel = Math.floor(index / at(strides, 1)) % at(input.shape, 1);
    return ((value - mean) / deviation) * at(scale.values, channel) + at(shift.values, channel);
  });
}

/** timm and others standardise weights by a BatchNormalization in training mode over [1, out, rest]. */
export const batchNorm: FoldRule = (job) =>
  job.op.kind === "batchNorm" && job.op.training ? normalised(job, [1], job.op.epsilon) : null;

/** Of each sample and channel by itself. */
export const instanceNorm: FoldRule = (job) =>
  job.op.kind === "instanceNorm" ? normalised(job, [0, 1], job.op.epsilon) : null;
