/** Pooling. */
import type { Op } from "../../graph/op.ts";
import { elementCount } from "../../graph/tensor.ts";
import type { Emitter } from "../emitter.ts";
import {
  axesFrom,
  cast,
  compare,
  divide,
  expand,
  filled,
  multiply,
  pad,
  reduce,
  reshape,
  scale,
} from "../ops.ts";
import { noRule, type Rule, type Site } from "../rule.ts";
import { reachOf, type StaticWindow, staticWindow, windowAttributes } from "../window.ts";

type Pool = Extract<Op, { kind: "pool" }>;

export const pool: Rule<"pool"> = (op, site) => {
  if (op.mode === "lp") throw noRule(site.node);
  return [() => (op.mode === "max" ? maxPool(site) : averagePool(op, site))];
};

// Each window's gradient goes to the element that was its largest.
function maxPool({ node, emit: e, gradient, input }: Site): string {
  const shape = e.shapeOf(input(0));
  const pooled = e.shapeOf(gradient);
  const indices = e.openOutput(node, 1, { type: "int64", shape: pooled });
  const zeros = filled(e, 0, [elementCount(shape)], e.typeOf(gradient));
  const flat = [elementCount(pooled)];
  const added = e.node(
    "ScatterElements",
    [zeros, reshape(e, indices, flat), reshape(e, gradient, flat)],
    [elementCount(shape)],
    { attributes: { axis: 0, reduction: "add" } },
  );
  return reshape(e, added, shape);
}

// The transpose of a convolution with a kernel of ones, on one channel at a time.
function averagePool(op: Pool, { node, emit: e, gradient, input }: Site): string {
  const [batch = 1, channels = 1, ...large] = e.shapeOf(input(0));
  const small = e.shapeOf(gradient).slice(2);
  if (op.kernelShape === null) throw noRule(node, "its kernel is not known");
  const window = staticWindow(op, op.kernelShape, large, small);
  const counted = share(e, gradient, window, large, op.countIncludePad);
  if (isTiling(window, large, small)) return repeated(e, counted, window, e.shapeOf(input(0)));
  const single = reshape(e, counted, [batch * channels, 1, ...small]);
  const ones = new Float64Array(elementCount(window.kernel)).fill(1);
  const kernel = e.floats([1, 1, ...window.kernel], ones, e.typeOf(gradient));
  // Everything that windows cover, padding included, then cut to the input.
  const covered = small.map(
    (count, axis) => (count - 1) * (window.strides[axis] ?? 1) + reachOf(window, axis),
  );
  const zeros = covered.map(() => 0);
  const attributes = windowAttributes({ ...window, begins: zeros, ends: zeros });
  const spread = e.node("ConvTranspose", [single, kernel], [batch * channels, 1, ...covered], {
    attributes,
  });
  const begins = window.begins.map((begin) => -begin);
  const ends = large.map((extent, axis) => extent - (covered[axis] ?? 0) - (begins[axis] ?? 0));
  const cut = pad(e, spread, [0, 0, ...begins], [0, 0, ...ends]);
  return reshape(e, cut, [batch, channels, ...large]);
}

/** The gradient over the number of elements that each window averages. */
function share(
  e: Emitter,
  gradient: string,
  window: StaticWindow,
  large: readonly number[],
  withPadding: boolean,
): string {
  const small = e.shapeOf(gradient).slice(2);
  const perAxis = small.map((count, axis) =>
    Array.from({ length: count }, (_, at) => coveredBy(window, axis, at, large, withPadding)),
  );
  const constant = perAxis.every((counts) => new Set(counts).size <= 1);
  if (constant) {
    return scale(e, gradient, 1 / perAxis.reduce((product, [count = 1]) => product * count, 1));
  }
  const counts = perAxis.reduce<number[]>(
    (products, axis) => products.flatMap((product) => axis.map((count) => product * count)),
    [1],
  );
  return divide(e, gradient, e.floats(small, Float64Array.from(counts), e.typeOf(gradient)));
}

/** How many elements of an axis a window counts; with padding: those of the padded axis. */
function coveredBy(
  window: StaticWindow,
  axis: number,
  at: number,
  large: readonly number[],
  withPadding: boolean,
): number {
  const begin = window.begins[axis] ?? 0;
  const start = at * (window.strides[axis] ?? 1) - begin;
  const [low, high] = withPadding
    ? [-begin, (large[axis] ?? 1) + (window.ends[axis] ?? 0)]
    : [0, large[axis] ?? 1];
  const positions = Array.from(
    { length: window.kernel[axis] ?? 1 },
    (_, tap) => start + tap * (window.dilations[axis] ?? 1),
  );
  return positions.filter((position) => position >= low && position < high).length;
}

function isTiling(
  { kernel, strides, dilations, begins, ends }: StaticWindow,
  large: readonly number[],
  small: readonly number[],
): boolean {
  return kernel.every(
    (extent, axis) =>
      (extent === strides[axis] || small[axis] === 1) &&
      (dilations[axis] === 1 || extent === 1) &&
      begins[axis] === 0 &&
      ends[axis] === 0 &&
      large[axis] === extent * (small[axis] ?? 0),
  );
}

/** Every element written to the whole of its window, where windows lie side by side. */
function repeated(
  e: Emitter,
  x: string,
  { kernel }: StaticWindow,
  shape: readonly number[],
): string {
  const [batch = 1, channels = 1, ...small] = e.shapeOf(x);
  const apart = small.flatMap((count) => [count, 1]);
  const stretched = small.flatMap((count, axis) => [count, kernel[axis] ?? 1]);
  const single = reshape(e, x, [batch, channels, ...apart]);
  return reshape(e, expand(e, single, [batch, channels, ...stretched]), shape);
}

export const globalPool: Rule<"globalPool"> = (op, site) => {
  const { emit: e, gradient } = site;
  const x = site.input(0);
  const shape = e.shapeOf(x);
  const axes = axesFrom(shape, 2);
  switch (op.mode) {
    case "average":
      return [() => expand(e, scale(e, gradient, 1 / elementCount(shape.slice(2))), shape)];
    case "max":
      // Elements that share the largest value share its gradient.
      return [
        () => {
          const largest = cast(e, compare(e, "Equal", x, site.output), e.typeOf(gradient));
          return multiply(e, largest, divide(e, gradient, reduce(e, "Sum", largest, axes, true)));
        },
      ];
    case "lp":
      throw noRule(site.node);
    default:
      throw op.mode satisfies never;
  }
};
