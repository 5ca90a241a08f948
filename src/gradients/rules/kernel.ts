/**
 * The gradient of a convolution's kernel: for each tap, the product of the output's gradient and the input elements that
 * the tap touched, summed over images and positions. Written as matrix products; what differs is how the touched elements
 * ("columns") are laid out.
 */
import { elementCount } from "../../graph/tensor.ts";
import type { Emitter } from "../emitter.ts";
import {
  concat,
  matMul,
  matrixTranspose,
  padSpatial,
  reduce,
  reshape,
  slice,
  transpose,
} from "../ops.ts";
import { type StaticWindow, tapsOf, windowAttributes } from "../window.ts";
import { shiftedProduct } from "./kernel-shifts.ts";
import { summedProduct } from "./summed-product.ts";

/** Images with fewer positions are strung together before they are multiplied: so short products cost more than the copy. */
const FEW_POSITIONS = 64;

export interface KernelSpec {
  readonly window: StaticWindow;
  readonly group: number;
  /** Shape of the kernel: outputs x inputs per group x spatial extents. */
  readonly shape: readonly number[];
}

/**
 * @param x input of the convolution, batch x channels x space
 * @param gradient gradient of its output, batch x outputs x positions
 */
export function kernelGradient(e: Emitter, x: string, gradient: string, spec: KernelSpec): string {
  const { window, group, shape } = spec;
  const [outputs = 1, perGroup = 1] = shape;
  if (perGroup === 1 && outputs === group) {
    const width = (e.shapeOf(x)[3] ?? 1) + (window.begins[1] ?? 0) + (window.ends[1] ?? 0);
    const banded = window.kernel.length === 2 && width <= WIDEST_BAND;
    return (banded ? bandedDepthwise : groupedDepthwise)(e, x, gradient, spec);
  }
  const taps = tapsOf(window.kernel);
  const plain = window.strides.every((stride) => stride === 1);
  if (taps.length > 1 && !plain) {
    const columns = tiles(e, x, gradient, window) ?? oneHotColumns(e, x, gradient, window);
    return reshape(e, product(e, columns, gradient, group), shape);
  }
  if (taps.length > 1 && shape.length === 4) return shiftedProduct(e, x, gradient, spec);
  const padded = padSpatial(e, x, window.begins, window.ends);
  const parts = taps.map((tap) =>
    product(e, shifted(e, padded, gradient, window, tap), gradient, group),
  );
  const columns = parts.map((part) => reshape(e, part, [outputs, perGroup, 1]));
  return reshape(e, concat(e, columns, 2), shape);
}

/** gradient x columns^T for each group, summed over images and positions: [group, outputs per group, columns per group]. */
function product(e: Emitter, columns: string, gradient: string, group: number): string {
  const [batch = 1, , ...space] = e.shapeOf(gradient);
  const positions = elementCount(space);
  const strung = batch > 1 && positions < FEW_POSITIONS;
  const matrices = (value: string): string => {
    const channels = e.shapeOf(value)[1] ?? 1;
    const each = reshape(e, value, [batch, channels, positions]);
    if (!strung) return each;
    return reshape(e, transpose(e, each, [1, 0, 2]), [channels, batch * positions]);
  };
  return summedProduct(e, matrices(gradient), matrices(columns), { group, strung });
}

/** The padded elements that one tap touches, one per position. */
function shifted(
  e: Emitter,
  padded: string,
  gradient: string,
  window: StaticWindow,
  tap: readonly number[],
): string {
  const counts = e.shapeOf(gradient).slice(2);
  const starts = tap.map((at, axis) => at * (window.dilations[axis] ?? 1));
  const spec = {
    axes: tap.map((_, axis) => axis + 2),
    starts,
    ends: starts.map(
      (start, axis) => start + ((counts[axis] ?? 1) - 1) * (window.strides[axis] ?? 1) + 1,
    ),
    steps: tap.map((_, axis) => window.strides[axis] ?? 1),
  };
  return slice(e, padded, spec, counts);
}

/** Where windows lie side by side (a transformer's patches), columns are the input in another order; null elsewhere. */
function tiles(e: Emitter, x: string, gradient: string, window: StaticWindow): string | null {
  const [batch = 1, channels = 1, ...space] = e.shapeOf(x);
  const counts = e.shapeOf(gradient).slice(2);
  const { kernel, strides, begins, ends } = window;
  const fits = kernel.every(
    (extent, axis) =>
      extent === strides[axis] &&
      (window.dilations[axis] ?? 1) === 1 &&
      begins[axis] === 0 &&
      ends[axis] === 0 &&
      space[axis] === extent * (counts[axis] ?? 0),
  );
  if (!fits) return null;
  const split = counts.flatMap((count, axis) => [count, kernel[axis] ?? 1]);
  const parts = reshape(e, x, [batch, channels, ...split]);
  const inside = kernel.map((_, axis) => 3 + 2 * axis);
  const outside = kernel.map((_, axis) => 2 + 2 * axis);
  const ordered = transpose(e, parts, [0, 1, ...inside, ...outside]);
  return reshape(e, ordered, [batch, channels * elementCount(kernel), ...counts]);
}

/** Columns by a convolution whose kernels each pick one tap of one channel. */
function oneHotColumns(e: Emitter, x: string, gradient: string, window: StaticWindow): string {
  const [batch = 1, channels = 1] = e.shapeOf(x);
  const taps = elementCount(window.kernel);
  const picks = new Float64Array(channels * taps * taps);
  for (let row = 0; row < channels * taps; row += 1) picks[row * taps + (row % taps)] = 1;
  const kernel = e.floats([channels * taps, 1, ...window.kernel], picks, e.typeOf(x));
  const shape = [batch, channels * taps, ...e.shapeOf(gradient).slice(2)];
  const attributes = { ...windowAttributes(window), group: channels };
  return e.node("Conv", [x, kernel], shape, { attributes });
}

/** Padded rows up to this length are multiplied whole in a depthwise gradient: beyond it, too much of the product is unused. */
const WIDEST_BAND = 32;

/**
 * For each channel and kernel row, one product of all of the gradient's rows (rows x columns) with the input rows that they
 * touched: [columns, padded columns]. Its diagonals, summed, are the kernel row. Most of the product is not needed, and it
 * is still faster than going over the elements once per tap.
 */
function bandedDepthwise(e: Emitter, x: string, gradient: string, spec: KernelSpec): string {
  const { window, shape } = spec;
  const [batch = 1, channels = 1, rows = 1, columns = 1] = e.shapeOf(gradient);
  const [height = 1, width = 1] = window.kernel;
  const byChannel = (value: string): string => transpose(e, value, [1, 0, 2, 3]);
  const padded = byChannel(padSpatial(e, x, window.begins, window.ends));
  const across = e.shapeOf(padded)[3] ?? 1;
  const down = matrixTranspose(
    e,
    reshape(e, byChannel(gradient), [channels, batch * rows, columns]),
  );
  const picks = new Float64Array(columns * across * width);
  for (let column = 0; column < columns; column += 1) {
    for (let tap = 0; tap < width; tap += 1) {
      const at = column * (window.strides[1] ?? 1) + tap * (window.dilations[1] ?? 1);
      picks[(column * across + at) * width + tap] = 1;
    }
  }
  const diagonals = e.floats([columns * across, width], picks, e.typeOf(x));
  const kernelRows = Array.from({ length: height }, (_, row) => {
    const start = row * (window.dilations[0] ?? 1);
    const step = window.strides[0] ?? 1;
    const bounds = {
      axes: [2],
      starts: [start],
      ends: [start + (rows - 1) * step + 1],
      steps: [step],
    };
    const touched = reshape(e, slice(e, padded, bounds, [rows]), [channels, batch * rows, across]);
    const product = reshape(e, matMul(e, down, touched), [channels, columns * across]);
    return reshape(e, matMul(e, product, diagonals), [channels, 1, width]);
  });
  return reshape(e, concat(e, kernelRows, 1), shape);
}

/**
 * Every channel of every image is a group of its own, whose kernel is that channel's gradient: strides and dilations
 * change places, and positions past the kernel's end are cut off. Nothing is copied but inside the convolution.
 */
function groupedDepthwise(e: Emitter, x: string, gradient: string, spec: KernelSpec): string {
  const { window, shape } = spec;
  const [batch = 1, channels = 1, ...space] = e.shapeOf(x);
  const counts = e.shapeOf(gradient).slice(2);
  const groups = batch * channels;
  const swapped = {
    ...window,
    kernel: counts,
    strides: window.dilations,
    dilations: window.strides,
  };
  const reached = space.map((extent, axis) => {
    const covered = ((counts[axis] ?? 1) - 1) * (window.strides[axis] ?? 1) + 1;
    const room = extent + (window.begins[axis] ?? 0) + (window.ends[axis] ?? 0) - covered;
    return Math.floor(room / (window.dilations[axis] ?? 1)) + 1;
  });
  const each = e.node(
    "Conv",
    [reshape(e, x, [1, groups, ...space]), reshape(e, gradient, [groups, 1, ...counts])],
    [1, groups, ...reached],
    { attributes: { ...windowAttributes(swapped), group: groups } },
  );
  const kernel = window.kernel;
  const axes = kernel.map((_, axis) => axis + 2);
  const bounds = { axes, starts: kernel.map(() => 0), ends: kernel };
  const cut = slice(e, each, bounds, kernel);
  return reshape(e, reduce(e, "Sum", reshape(e, cut, [batch, channels, ...kernel]), [0]), shape);
}
