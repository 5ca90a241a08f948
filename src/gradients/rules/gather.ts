/** Gathering by index, and resizing: which element each output element came from. */
import { floatAttribute, type Node, stringAttribute } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { elementCount } from "../../graph/tensor.ts";
import { filled, pad, reduce, reshape, transpose } from "../ops.ts";
import { noRule, type Rule, type Site } from "../rule.ts";
import { type AxisMap, transposedMap } from "./axis-map.ts";

export const gather: Rule<"gather"> = (op, site) => {
  const { emit: e, gradient, input } = site;
  const shape = e.shapeOf(input(0));
  const axis = op.axis < 0 ? op.axis + shape.length : op.axis;
  const extent = shape[axis] ?? 1;
  const known = site.constant(1)?.map((index) => (index < 0 ? index + extent : index)) ?? null;
  const [first = 0] = known ?? [];
  if (known?.every((index, at) => index === first + at)) {
    // Neighbours: the rest of the axis is zero.
    const kept = shape.map((size, at) => (at === axis ? known.length : size));
    const begins = shape.map((_, at) => (at === axis ? first : 0));
    const ends = shape.map((_, at) => (at === axis ? extent - first - known.length : 0));
    return [() => pad(e, reshape(e, gradient, kept), begins, ends), null];
  }
  return [() => scattered(site, axis), null];
};

// With the gathered axis in front, every index adds one row.
function scattered({ emit: e, gradient, input }: Site, axis: number): string {
  const shape = e.shapeOf(input(0));
  const indices = e.shapeOf(input(1));
  const count = elementCount(indices);
  const rest = shape.filter((_, at) => at !== axis);
  const rank = indices.length;
  const axes = e.shapeOf(gradient).map((_, at) => at);
  const gathered = axes.slice(axis, axis + rank);
  const others = axes.filter((at) => at < axis || at >= axis + rank);
  const rows = reshape(e, transpose(e, gradient, [...gathered, ...others]), [count, ...rest]);
  const zeros = filled(e, 0, [shape[axis] ?? 1, ...rest], e.typeOf(gradient));
  const column = reshape(e, input(1), [count, 1]);
  const summed = e.node("ScatterND", [zeros, column, rows], e.shapeOf(zeros), {
    attributes: { reduction: "add" },
  });
  const moved = shape.map((_, at) => (at === axis ? 0 : at < axis ? at + 1 : at));
  return transpose(e, summed, moved);
}

export const resize: Rule<"resize"> = (op, site) => {
  const { emit: e, gradient, input, node } = site;
  const from = e.shapeOf(input(0));
  const to = e.shapeOf(gradient);
  const scales = to.map((extent, axis) => scaleOf(op, axis, extent, from));
  const inputGradient = (): string => {
    const blocks = wholeBlocks(node, op, from, to);
    if (blocks !== null) {
      const apart = from.flatMap((extent, axis) => [extent, blocks[axis] ?? 1]);
      const axes = from.flatMap((_, axis) => ((blocks[axis] ?? 1) > 1 ? [2 * axis + 1] : []));
      return reshape(e, reduce(e, "Sum", reshape(e, gradient, apart), axes), from);
    }
    return to.reduce((value, extent, axis) => {
      const inner = from[axis] ?? 1;
      const factor = scales[axis] ?? 1;
      if (extent === inner && factor === 1) return value;
      return transposedMap(e, value, axis, resizeMap(node, op.mode, inner, extent, factor), inner);
    }, gradient);
  };
  return [inputGradient, ...node.inputs.slice(1).map(() => null)];
};

function scaleOf(
  op: Extract<Op, { kind: "resize" }>,
  axis: number,
  extent: number,
  from: readonly number[],
): number {
  const at =
    op.axes === null ? axis : op.axes.findIndex((a) => (a < 0 ? a + from.length : a) === axis);
  return op.scales?.[at] ?? extent / (from[axis] ?? 1);
}

/** By how much each axis grows, where nearest neighbours repeat every element equally often; null otherwise. */
function wholeBlocks(
  node: Node,
  op: Extract<Op, { kind: "resize" }>,
  from: readonly number[],
  to: readonly number[],
): readonly number[] | null {
  if (op.mode !== "nearest") return null;
  const blocks = to.map((extent, axis) => extent / (from[axis] ?? 1));
  if (!blocks.every(Number.isInteger)) return null;
  const even = blocks.every((block, axis) =>
    resizeMap(node, op.mode, from[axis] ?? 1, to[axis] ?? 1, block).every(
      ([part], index) => part?.from === Math.floor(index / block),
    ),
  );
  return even ? blocks : null;
}

/** Which elements an axis resized from `inner` to `outer` is made of (ONNX operators, Resize). */
function resizeMap(
  node: Node,
  mode: string,
  inner: number,
  outer: number,
  factor: number,
): AxisMap {
  if (floatAttribute(node, "exclude_outside", 0) !== 0 || node.attributes.get("antialias")) {
    throw noRule(node, "antialias and exclude_outside are not supported");
  }
  return Array.from({ length: outer }, (_, index) => {
    const position = sourcePosition(node, index, inner, outer, factor);
    if (mode === "nearest") {
      const nearest = Math.min(Math.max(rounded(node, position), 0), inner - 1);
      return [{ from: nearest, weight: 1 }];
    }
    if (mode !== "linear") throw noRule(node, `mode '${mode}' is not supported`);
    const inside = Math.min(Math.max(position, 0), inner - 1);
    const low = Math.min(Math.floor(inside), Math.max(inner - 2, 0));
    const share = inside - low;
    if (share === 0) return [{ from: low, weight: 1 }];
    return [
      { from: low, weight: 1 - share },
      { from: low + 1, weight: share },
    ];
  });
}

function sourcePosition(
  node: Node,
  index: number,
  inner: number,
  outer: number,
  factor: number,
): number {
  const mode = stringAttribute(node, "coordinate_transformation_mode", "half_pixel");
  switch (mode) {
    case "half_pixel":
      return (index + 0.5) / factor - 0.5;
    case "pytorch_half_pixel":
      return outer > 1 ? (index + 0.5) / factor - 0.5 : 0;
    case "align_corners":
      return outer > 1 ? (index * (inner - 1)) / (outer - 1) : 0;
    case "asymmetric":
      return index / factor;
    default:
      throw noRule(node, `coordinate_transformation_mode '${mode}' is not supported`);
  }
}

function rounded(node: Node, position: number): number {
  switch (stringAttribute(node, "nearest_mode", "round_prefer_floor")) {
    case "floor":
      return Math.floor(position);
    case "ceil":
      return Math.ceil(position);
    case "round_prefer_ceil":
      return Math.floor(position + 0.5);
    default:
      return Math.ceil(position - 0.5);
  }
}
