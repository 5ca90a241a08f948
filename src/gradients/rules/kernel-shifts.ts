/**
 * The gradient of a kernel that moves by single steps, from one matrix product: the input is laid out once per column of the
 * kernel and the output's gradient once per row, each moved so far that the product of any two is one tap.
 *
 * Rows of an image lie behind one another at one pitch P, with zeros where a window reaches past an edge. A tap (i, j) then is a
 * constant distance between the two, i P + j, which the two sides share: rows move the gradient, columns the input. That copies
 * rows + columns times instead of rows x columns times, and with Concat, which uses all threads; Slice and Pad use one.
 */
import type { Emitter } from "../emitter.ts";
import { concat, filled, reshape, transpose } from "../ops.ts";
import type { StaticWindow } from "../window.ts";
import { summedProduct } from "./summed-product.ts";

/** Images with at least so many elements per channel make products of their own; smaller ones are strung together. */
const LONG_IMAGE = 768;
/** Rows of the product begin at multiples of so many elements. */
const ALIGNMENT = 16;

export interface ShiftSpec {
  /** With two spatial axes and strides of 1. */
  readonly window: StaticWindow;
  readonly group: number;
  /** Shape of the kernel: outputs x inputs per group x rows x columns. */
  readonly shape: readonly number[];
}

/**
 * @param x input of the convolution, batch x channels x rows x columns
 * @param gradient gradient of its output
 */
export function shiftedProduct(e: Emitter, x: string, gradient: string, spec: ShiftSpec): string {
  const { window, group, shape } = spec;
  const [outputs = 1, perGroup = 1, rows = 1, columns = 1] = shape;
  const layout = layoutOf(e.shapeOf(x), e.shapeOf(gradient), window);
  const { pitch, strung } = layout;
  const [down = 1, across = 1] = window.dilations;
  const reach = (columns - 1) * across;
  const before = (window.begins[0] ?? 0) * pitch + (window.begins[1] ?? 0);
  const start = Math.max(0, reach - before);
  const rowOffsets = Array.from({ length: rows }, (_, row) => start + row * down * pitch);
  const columnOffsets = Array.from({ length: columns }, (_, at) => start + before - at * across);
  const lines = [strungOut(e, gradient, layout), strungOut(e, x, layout)] as const;
  const lengthOf = (line: string): number => e.shapeOf(line).at(-1) ?? 1;
  const needed = Math.max(
    Math.max(...rowOffsets) + lengthOf(lines[0]),
    Math.max(...columnOffsets) + lengthOf(lines[1]),
  );
  const total = Math.ceil(needed / ALIGNMENT) * ALIGNMENT;
  const byRow = copies(e, lines[0], rowOffsets, total);
  const byColumn = copies(e, lines[1], columnOffsets, total);
  const taps = summedProduct(e, byRow, byColumn, { group, strung });
  return transpose(e, reshape(e, taps, [outputs, rows, perGroup, columns]), [0, 2, 1, 3]);
}

interface Layout {
  /** Elements from one row to the next. */
  readonly pitch: number;
  /** Rows from one image to the next, where images are strung together. */
  readonly height: number;
  readonly strung: boolean;
}

// Zeros behind a row also stand before the next one, so that the larger of the two paddings is enough.
function layoutOf(x: readonly number[], y: readonly number[], window: StaticWindow): Layout {
  const extent = (axis: number): number => {
    const padding = Math.max(window.begins[axis] ?? 0, window.ends[axis] ?? 0);
    return Math.max((x[axis + 2] ?? 1) + padding, y[axis + 2] ?? 1);
  };
  const [height, pitch] = [extent(0), extent(1)];
  return { pitch, height, strung: (x[0] ?? 1) > 1 && height * pitch < LONG_IMAGE };
}

/** Rows at one pitch: batch x channels x elements, or channels x elements of all images. */
function strungOut(e: Emitter, value: string, { pitch, height, strung }: Layout): string {
  const [batch = 1, channels = 1, rows = 1] = e.shapeOf(value);
  const wide = extended(e, value, pitch);
  if (!strung) return reshape(e, wide, [batch, channels, rows * pitch]);
  const first = transpose(e, reshape(e, wide, [batch, channels, rows * pitch]), [1, 0, 2]);
  return reshape(e, extended(e, first, height * pitch), [channels, batch * height * pitch]);
}

/** The last axis filled up with zeros. */
function extended(e: Emitter, value: string, extent: number): string {
  const shape = e.shapeOf(value);
  const missing = extent - (shape.at(-1) ?? 1);
  return concat(e, [value, ...zeros(e, value, missing)], shape.length - 1);
}

function zeros(e: Emitter, like: string, count: number): string[] {
  const shape = [...e.shapeOf(like).slice(0, -1), count];
  return count === 0 ? [] : [filled(e, 0, shape, e.typeOf(like))];
}

/** Each line once per offset, with zeros before and after it: ... x (channels times offsets) x total. */
function copies(e: Emitter, line: string, offsets: readonly number[], total: number): string {
  const shape = e.shapeOf(line);
  const length = shape.at(-1) ?? 1;
  const parts = offsets.flatMap((offset, index) => {
    const left = index === 0 ? 0 : total - (offsets[index - 1] ?? 0) - length;
    return [...zeros(e, line, left + offset), line];
  });
  const rest = total - (offsets.at(-1) ?? 0) - length;
  const joined = concat(e, [...parts, ...zeros(e, line, rest)], shape.length - 1);
  const kept = [...shape.slice(0, -2), (shape.at(-2) ?? 1) * offsets.length, total];
  return reshape(e, joined, kept);
}
