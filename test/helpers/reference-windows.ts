/** Reference operators that slide a window, pad or resize. */
import { stringAttribute } from "../../src/graph/graph.ts";
import type { Op } from "../../src/graph/op.ts";
import { type Array64, at, type Call, stridesOf, tabulate } from "./reference-arrays.ts";

/** Padding before and after each spatial axis, as the operators define SAME_UPPER and SAME_LOWER. */
function padsOf(
  op: Extract<Op, { kind: "conv" | "pool" }>,
  large: readonly number[],
  small: readonly number[],
  kernel: readonly number[],
): { readonly begins: readonly number[]; readonly ends: readonly number[] } {
  const pairs = kernel.map((extent, axis) => {
    if (op.autoPad === "NOTSET") return [op.pads[axis] ?? 0, op.pads[axis + kernel.length] ?? 0];
    if (op.autoPad === "VALID") return [0, 0];
    const span = ((small[axis] ?? 1) - 1) * (op.strides[axis] ?? 1);
    const reach = (extent - 1) * (op.dilations[axis] ?? 1) + 1;
    const total = Math.max(span + reach - (large[axis] ?? 1), 0);
    const [less, more] = [Math.floor(total / 2), Math.ceil(total / 2)];
    return op.autoPad === "SAME_UPPER" ? [less, more] : [more, less];
  });
  return { begins: pairs.map(([begin = 0]) => begin), ends: pairs.map(([, end = 0]) => end) };
}

function tapsOf(kernel: readonly number[]): number[][] {
  const taps: number[][] = [];
  tabulate(kernel, (tap) => {
    taps.push([...tap]);
    return 0;
  });
  return taps;
}

export function convolved(
  { inputs, shapes }: Call,
  op: Extract<Op, { kind: "conv" }>,
): Float64Array {
  const [x, w, bias] = inputs as [Array64, Array64, Array64 | undefined];
  const [shape = []] = shapes;
  const kernel = w.shape.slice(2);
  const { begins } = padsOf(op, x.shape.slice(2), shape.slice(2), kernel);
  const perGroup = w.shape[1] ?? 1;
  const outputsPerGroup = (w.shape[0] ?? 1) / op.group;
  const taps = tapsOf(kernel);
  return tabulate(shape, ([n = 0, m = 0, ...to]) => {
    const first = Math.floor(m / outputsPerGroup) * perGroup;
    let sum = bias?.data[m] ?? 0;
    for (let c = 0; c < perGroup; c += 1) {
      for (const tap of taps) {
        const from = to.map(
          (position, axis) =>
            position * (op.strides[axis] ?? 1) +
            (tap[axis] ?? 0) * (op.dilations[axis] ?? 1) -
            (begins[axis] ?? 0),
        );
        sum += at(x, [n, first + c, ...from]) * at(w, [m, c, ...tap]);
      }
    }
    return sum;
  });
}

export function transposed(
  { inputs, shapes }: Call,
  op: Extract<Op, { kind: "convTranspose" }>,
): Float64Array {
  const [x, w, bias] = inputs as [Array64, Array64, Array64 | undefined];
  const [shape = []] = shapes;
  const perGroup = w.shape[1] ?? 1;
  const inputsPerGroup = (x.shape[1] ?? 1) / op.group;
  const strides = stridesOf(shape);
  const result = tabulate(shape, ([, m = 0]) => bias?.data[m] ?? 0);
  tabulate(x.shape, ([n = 0, c = 0, ...from], flat) => {
    for (let m = 0; m < perGroup; m += 1) {
      for (const tap of tapsOf(w.shape.slice(2))) {
        const to = from.map(
          (position, axis) =>
            position * (op.strides[axis] ?? 1) +
            (tap[axis] ?? 0) * (op.dilations[axis] ?? 1) -
            (op.pads[axis] ?? 0),
        );
        if (to.some((i, axis) => i < 0 || i >= (shape[axis + 2] ?? 0))) continue;
        const channel = Math.floor(c / inputsPerGroup) * perGroup + m;
        const index = [n, channel, ...to].reduce(
          (sum, i, axis) => sum + i * (strides[axis] ?? 1),
          0,
        );
        result[index] = (result[index] ?? 0) + (x.data[flat] ?? 0) * at(w, [c, m, ...tap]);
      }
    }
    return 0;
  });
  return result;
}

export function pooled({ inputs, shapes }: Call, op: Extract<Op, { kind: "pool" }>): Float64Array {
  const [x] = inputs as [Array64];
  const [shape = []] = shapes;
  const kernel = op.kernelShape ?? [];
  const large = x.shape.slice(2);
  const { begins, ends } = padsOf(op, large, shape.slice(2), kernel);
  const taps = tapsOf(kernel);
  return tabulate(shape, ([n = 0, c = 0, ...to]) => {
    let [sum, count, largest] = [0, 0, Number.NEGATIVE_INFINITY];
    for (const tap of taps) {
      const from = to.map(
        (position, axis) =>
          position * (op.strides[axis] ?? 1) +
          (tap[axis] ?? 0) * (op.dilations[axis] ?? 1) -
          (begins[axis] ?? 0),
      );
      const inside = from.every((i, axis) => i >= 0 && i < (large[axis] ?? 0));
      const padding = from.every((i, axis) => i < (large[axis] ?? 0) + (ends[axis] ?? 0));
      if (inside) {
        sum += at(x, [n, c, ...from]);
        largest = Math.max(largest, at(x, [n, c, ...from]));
      }
      if (inside || (op.countIncludePad && padding)) count += 1;
    }
    return op.mode === "max" ? largest : sum / count;
  });
}

export function padded(
  { shapes, inputs }: Call,
  op: Extract<Op, { kind: "pad" }>,
  x: Array64,
): Float64Array {
  const [shape = []] = shapes;
  const axes = (op.axes ?? x.shape.map((_, axis) => axis)).map((axis) =>
    axis < 0 ? axis + x.shape.length : axis,
  );
  const filler = inputs[2]?.data[0] ?? 0;
  return tabulate(shape, (index) => {
    const from = index.map((i, axis) => {
      const named = axes.indexOf(axis);
      return i - (named < 0 ? 0 : Number(op.pads?.[named] ?? 0));
    });
    const folds = from.map((i, axis) => {
      const last = (x.shape[axis] ?? 1) - 1;
      if (op.mode === "edge") return Math.min(Math.max(i, 0), last);
      if (op.mode === "reflect") return i < 0 ? -i : i > last ? 2 * last - i : i;
      return i;
    });
    const outside = folds.some((i, axis) => i < 0 || i >= (x.shape[axis] ?? 1));
    return outside ? filler : at(x, folds);
  });
}

export function resized({ node, shapes }: Call, x: Array64): Float64Array {
  const [shape = []] = shapes;
  const mode = stringAttribute(node, "coordinate_transformation_mode", "half_pixel");
  const position = (i: number, axis: number): number => {
    const [from, to] = [x.shape[axis] ?? 1, shape[axis] ?? 1];
    if (mode === "align_corners") return to > 1 ? (i * (from - 1)) / (to - 1) : 0;
    return mode === "asymmetric" ? (i * from) / to : ((i + 0.5) * from) / to - 0.5;
  };
  const clamp = (i: number, axis: number): number =>
    Math.min(Math.max(i, 0), (x.shape[axis] ?? 1) - 1);
  if (stringAttribute(node, "mode", "nearest") === "nearest") {
    const floors = stringAttribute(node, "nearest_mode", "round_prefer_floor") === "floor";
    return tabulate(shape, (index) =>
      at(
        x,
        index.map((i, axis) => {
          const p = position(i, axis);
          return clamp(floors ? Math.floor(p) : Math.ceil(p - 0.5), axis);
        }),
      ),
    );
  }
  return tabulate(shape, (index) => {
    const corners = index.map((i, axis) => {
      const p = clamp(position(i, axis), axis);
      const low = Math.floor(p);
      return [
        [low, 1 - (p - low)],
        [clamp(low + 1, axis), p - low],
      ] as const;
    });
    let sum = 0;
    tabulate(
      corners.map(() => 2),
      (pick) => {
        const chosen = corners.map((corner, axis) => corner[pick[axis] ?? 0] ?? [0, 0]);
        const weight = chosen.reduce((product, [, share = 0]) => product * share, 1);
        sum +=
          weight *
          at(
            x,
            chosen.map(([i = 0]) => i),
          );
        return 0;
      },
    );
    return sum;
  });
}
