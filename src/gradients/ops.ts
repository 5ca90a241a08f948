/** What rules are written in: one function per ONNX op they use, with the shape of its output worked out. */
import { InternalError } from "../core/errors.ts";
import { codeOfType } from "../graph/data-type.ts";
import type { DataType } from "../graph/graph.ts";
import { broadcastShapes, isResolved } from "../graph/shapes/extents.ts";
import { elementCount } from "../graph/tensor.ts";
import type { Attributes, Emitter } from "./emitter.ts";

type Shape = readonly number[];

export function sameShape(left: Shape, right: Shape): boolean {
  return left.length === right.length && left.every((extent, axis) => extent === right[axis]);
}

/** The axes of a shape from `first` on. */
export function axesFrom(shape: Shape, first: number): readonly number[] {
  return shape.map((_, axis) => axis).slice(first);
}

/** A tensor of the same shape, element by element. */
export function unary(e: Emitter, opType: string, x: string, attributes: Attributes = {}): string {
  return e.node(opType, [x], e.shapeOf(x), { attributes });
}

function binary(opType: string): (e: Emitter, left: string, right: string) => string {
  return (e, left, right) => e.node(opType, [left, right], broadcast(e, [left, right]));
}

export const add: (e: Emitter, left: string, right: string) => string = binary("Add");
export const subtract: (e: Emitter, left: string, right: string) => string = binary("Sub");
export const multiply: (e: Emitter, left: string, right: string) => string = binary("Mul");
export const divide: (e: Emitter, left: string, right: string) => string = binary("Div");
export const power: (e: Emitter, left: string, right: string) => string = binary("Pow");

/** A comparison ("Greater", "Equal", ...): bool elements. */
export function compare(e: Emitter, opType: string, left: string, right: string): string {
  return e.node(opType, [left, right], broadcast(e, [left, right]), { type: "bool" });
}

/** Elements of `yes` where the condition holds, of `no` elsewhere. */
export function where(e: Emitter, condition: string, yes: string, no: string): string {
  const shape = broadcast(e, [condition, yes, no]);
  return e.node("Where", [condition, yes, no], shape, { type: e.typeOf(yes) });
}

function broadcast(e: Emitter, names: readonly string[]): Shape {
  const shape = broadcastShapes(names.map(e.shapeOf));
  if (shape !== undefined && isResolved(shape)) return shape;
  throw new InternalError({
    code: "gradients/unknown-value",
    message: `The values ${names.join(", ")} don't broadcast to one shape.`,
  });
}

/** A number of the type of a value. */
export function scalar(e: Emitter, value: number, like: string): string {
  return e.scalar(value, e.typeOf(like));
}

export function scale(e: Emitter, x: string, factor: number): string {
  return factor === 1 ? x : multiply(e, x, scalar(e, factor, x));
}

export function cast(e: Emitter, x: string, type: DataType): string {
  if (e.typeOf(x) === type) return x;
  const attributes = { to: codeOfType(type) ?? 1 };
  return e.node("Cast", [x], e.shapeOf(x), { attributes, type });
}

export function reshape(e: Emitter, x: string, shape: Shape): string {
  if (sameShape(e.shapeOf(x), shape)) return x;
  return e.node("Reshape", [x, e.ints(shape)], shape);
}

export function transpose(e: Emitter, x: string, perm: readonly number[]): string {
  if (perm.every((axis, index) => axis === index)) return x;
  const from = e.shapeOf(x);
  const shape = perm.map((axis) => from[axis] ?? 1);
  return e.node("Transpose", [x], shape, { attributes: { perm } });
}

/** The last two axes exchanged. */
export function matrixTranspose(e: Emitter, x: string): string {
  const axes = e.shapeOf(x).map((_, axis) => axis);
  return transpose(e, x, [...axes.slice(0, -2), ...axes.slice(-2).reverse()]);
}

/** The value stretched to a shape that it broadcasts to. */
export function expand(e: Emitter, x: string, shape: Shape): string {
  if (sameShape(e.shapeOf(x), shape)) return x;
  return e.node("Expand", [x, e.ints(shape)], shape);
}

/** ReduceSum, ReduceMean, ReduceMax, ... over axes counted from 0; no axes: the value itself. */
export function reduce(
  e: Emitter,
  reduction: string,
  x: string,
  axes: readonly number[],
  keepDims = false,
): string {
  const from = e.shapeOf(x);
  const reduced = new Set(axes);
  const kept = from.map((extent, axis) => (reduced.has(axis) ? 1 : extent));
  const shape = keepDims ? kept : from.filter((_, axis) => !reduced.has(axis));
  if (axes.length === 0) return x;
  const keepdims = keepDims ? 1 : 0;
  // Axes of ReduceSum became an input with opset 13, those of the others with 18.
  if (e.opset < (reduction === "Sum" ? 13 : 18)) {
    return e.node(`Reduce${reduction}`, [x], shape, { attributes: { axes, keepdims } });
  }
  return e.node(`Reduce${reduction}`, [x, e.ints(axes)], shape, { attributes: { keepdims } });
}

/** The sum over what broadcasting `shape` to the value's shape repeats; the gradient of a broadcast operand. */
export function sumTo(e: Emitter, x: string, shape: Shape): string {
  const from = e.shapeOf(x);
  const skipped = from.length - shape.length;
  const axes = axesFrom(from, 0).filter(
    (axis) => axis < skipped || (shape[axis - skipped] === 1 && from[axis] !== 1),
  );
  return reshape(e, reduce(e, "Sum", x, axes), shape);
}

export interface SliceSpec {
  readonly axes: readonly number[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  /** 1 unless given. */
  readonly steps?: readonly number[];
}

/** A part of a tensor; `counts` says how many elements are left in each of the axes. */
export function slice(e: Emitter, x: string, spec: SliceSpec, counts: readonly number[]): string {
  const shape = e.shapeOf(x).map((extent, axis) => {
    const index = spec.axes.indexOf(axis);
    return index < 0 ? extent : (counts[index] ?? extent);
  });
  const whole = sameShape(shape, e.shapeOf(x)) && (spec.steps ?? []).every((step) => step === 1);
  if (whole) return x;
  const bounds = [spec.starts, spec.ends, spec.axes, spec.steps ?? spec.axes.map(() => 1)];
  return e.node("Slice", [x, ...bounds.map(e.ints)], shape);
}

/** `count` elements of one axis from `start` on. */
export function range(e: Emitter, x: string, axis: number, start: number, count: number): string {
  return slice(e, x, { axes: [axis], starts: [start], ends: [start + count] }, [count]);
}

/** The order of elements in some axes reversed. */
export function flip(e: Emitter, x: string, axes: readonly number[]): string {
  const shape = e.shapeOf(x);
  const turned = axes.filter((axis) => shape[axis] !== 1);
  if (turned.length === 0) return x;
  const spec = {
    axes: turned,
    starts: turned.map(() => -1),
    ends: turned.map(() => -(2 ** 31)),
    steps: turned.map(() => -1),
  };
  return slice(
    e,
    x,
    spec,
    turned.map((axis) => shape[axis] ?? 1),
  );
}

/** Zeros added before and after each axis; a negative number cuts off. */
export function pad(
  e: Emitter,
  x: string,
  begins: readonly number[],
  ends: readonly number[],
): string {
  const pads = [...begins, ...ends];
  if (pads.every((count) => count === 0)) return x;
  const shape = e
    .shapeOf(x)
    .map((extent, axis) => extent + (begins[axis] ?? 0) + (ends[axis] ?? 0));
  return e.node("Pad", [x, e.ints(pads)], shape);
}

/** Padding of the axes from the third on, as convolutions and pools have it. */
export function padSpatial(
  e: Emitter,
  x: string,
  begins: readonly number[],
  ends: readonly number[],
): string {
  return pad(e, x, [0, 0, ...begins], [0, 0, ...ends]);
}

/** Every element of an axis followed by zeros, so that `steps` lie between one and the next, also after the last. */
export function spread(e: Emitter, x: string, steps: readonly number[]): string {
  if (steps.every((step) => step === 1)) return x;
  const shape = e.shapeOf(x);
  const wide = shape.map((extent, axis) => extent * (steps[axis] ?? 1));
  const image = shape.length === 4 && steps[0] === 1 && steps[1] === 1;
  if (image && e.typeOf(x) === "float32") return masked(e, x, steps, wide);
  const apart = shape.flatMap((extent) => [extent, 1]);
  const gaps = steps.flatMap((step) => [0, step - 1]);
  const none = gaps.map(() => 0);
  return reshape(e, pad(e, reshape(e, x, apart), none, gaps), wide);
}

// On images, repeating every element and clearing the copies is four times as fast as padding with single zeros.
function masked(e: Emitter, x: string, steps: readonly number[], wide: Shape): string {
  const [, , rows = 1, columns = 1] = wide;
  const [, , down = 1, across = 1] = steps;
  const mask = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row += down) {
    for (let column = 0; column < columns; column += across) mask[row * columns + column] = 1;
  }
  const scales = e.floats([4], Float64Array.from(steps), "float32");
  const attributes = {
    mode: "nearest",
    coordinate_transformation_mode: "asymmetric",
    nearest_mode: "floor",
  };
  const repeated = e.node("Resize", [x, "", scales], wide, { attributes });
  return multiply(e, repeated, e.floats([rows, columns], mask, e.typeOf(x)));
}

export function concat(e: Emitter, parts: readonly string[], axis: number): string {
  const [first = ""] = parts;
  if (parts.length === 1) return first;
  const total = parts.reduce((sum, part) => sum + (e.shapeOf(part)[axis] ?? 0), 0);
  const shape = e.shapeOf(first).map((extent, index) => (index === axis ? total : extent));
  return e.node("Concat", parts, shape, { attributes: { axis } });
}

/** A matrix product of operands with two or more axes; leading axes broadcast. */
export function matMul(e: Emitter, left: string, right: string): string {
  const [a, b] = [e.shapeOf(left), e.shapeOf(right)];
  const leading = broadcastShapes([a.slice(0, -2), b.slice(0, -2)]) ?? [];
  const shape = [...leading.map(Number), a.at(-2) ?? 1, b.at(-1) ?? 1];
  return e.node("MatMul", [left, right], shape);
}

/** A product of two matrices, each of them transposed first where asked. */
export function gemm(
  e: Emitter,
  left: string,
  right: string,
  options: { readonly transA?: boolean; readonly transB?: boolean; readonly alpha?: number } = {},
): string {
  const { transA = false, transB = false, alpha = 1 } = options;
  const rows = e.shapeOf(left)[transA ? 1 : 0] ?? 1;
  const columns = e.shapeOf(right)[transB ? 0 : 1] ?? 1;
  const attributes = {
    transA: transA ? 1 : 0,
    transB: transB ? 1 : 0,
    alpha: { float: alpha },
  };
  return e.node("Gemm", [left, right], [rows, columns], { attributes });
}

/** A tensor of one number. */
export function filled(e: Emitter, value: number, shape: Shape, type: DataType): string {
  return expand(e, e.scalar(value, type), shape);
}

/** The leading axes taken together, so that the value is a matrix of its last axis. */
export function asMatrix(e: Emitter, x: string): string {
  const shape = e.shapeOf(x);
  return reshape(e, x, [elementCount(shape.slice(0, -1)), shape.at(-1) ?? 1]);
}
