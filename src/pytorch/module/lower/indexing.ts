/** Ops that take some of the elements: slices and indices. */
import type { Extent, Node } from "../../../graph/graph.ts";
import type { Op } from "../../../graph/op.ts";
import { sliceRange } from "../../../graph/shapes/layout.ts";
import { hole, joined, type Piece, type Text, text } from "../pieces.ts";
import {
  bareParameter,
  constantAt,
  emit,
  type Lowering,
  operand,
  resolved,
  shapeAt,
  unsupported,
} from "./context.ts";

import { positive } from "./layout.ts";

/** A slice as Python writes it; reversed axes are flipped first. */
export function slice(lowering: Lowering, node: Node, op: Extract<Op, { kind: "slice" }>): void {
  const value = operand(lowering, node, 0);
  const shape = shapeAt(lowering, node, node.inputs[0] ?? "");
  const { starts, ends, axes, steps } = op;
  if (starts === null || ends === null || axes === null || steps === null)
    throw unsupported(node, "its bounds are computed");
  const ranges: Text[] = shape.map(() => [":"]);
  const flips: number[] = [];
  for (const [index, given] of axes.entries()) {
    const axis = positive(given, shape.length);
    const [start, end, step = 1] = [starts[index], ends[index], steps[index]];
    if (typeof start !== "number" || typeof end !== "number")
      throw unsupported(node, "its bounds are open");
    const extent = shape[axis];
    if (step < 0) flips.push(axis);
    ranges[axis] = range(node, { start, end, step, extent: extent ?? null });
  }
  const used = ranges.slice(0, ranges.findLastIndex((part) => part.join("") !== ":") + 1);
  if (used.length === 0) {
    lowering.aliases.set(node.outputs[0] ?? "", resolved(lowering, node.inputs[0] ?? ""));
    return;
  }
  const flipped = flips.length === 0 ? "" : `.flip(${flips.join(", ")})`;
  emit(lowering, node, {
    text: text`${value.piece}${flipped}[${joined(used, ", ")}]`,
    inputs: value.inputs,
  });
}

interface Range {
  readonly start: number;
  readonly end: number;
  readonly step: number;
  readonly extent: Extent;
}

function range(node: Node, { start, end, step, extent }: Range): Text {
  if (typeof extent !== "number") {
    if (step < 1) throw unsupported(node, "it reverses an axis whose size is open");
    const from = start === 0 ? "" : String(start);
    const to = end > 2 ** 31 ? "" : String(end);
    return [`${from}:${to}${step === 1 ? "" : `:${step}`}`];
  }
  const size = Math.abs(step);
  const { first, count } = sliceRange(extent, start, end, step);
  const from = step < 0 ? extent - 1 - first : first;
  // Where the last one taken is as near to the end as the step allows, the end goes without saying.
  const open = from + count * size >= extent;
  return pythonRange(from, open ? extent : from + (count - 1) * size + 1, size, extent);
}

function pythonRange(start: number, end: number, step: number, extent: number): Text {
  const from: Text = start <= 0 ? [] : [hole(start, "start")];
  const to: Text = end >= extent ? [] : [hole(Math.max(0, end), "end")];
  return [...from, ":", ...to, ...(step === 1 ? [] : [`:${step}`])];
}

/** Takes indices along an axis: one, an even range, or a list that the module keeps. */
export function gather(lowering: Lowering, node: Node, op: Extract<Op, { kind: "gather" }>): void {
  const value = operand(lowering, node, 0);
  const shape = shapeAt(lowering, node, node.inputs[0] ?? "");
  const axis = positive(op.axis, shape.length);
  const before = ":, ".repeat(axis);
  const rank = lowering.shapes.of(node.inputs[1] ?? "")?.shape.length;
  const numbers = op.indices?.every((index) => typeof index === "number") ? op.indices : null;
  const [first = 0, second] = numbers ?? [];
  if (numbers !== null && rank === 0) {
    emit(lowering, node, {
      text: text`${value.piece}[${[before]}${[String(first)]}]`,
      inputs: value.inputs,
    });
    return;
  }
  const step = second === undefined ? 1 : second - first;
  const even = numbers?.every((index, place) => index === first + step * place) ?? false;
  if (numbers !== null && rank === 1 && even && step > 0 && first >= 0) {
    const range = pythonRange(first, first + step * numbers.length, step, Number(shape[axis]));
    emit(lowering, node, { text: text`${value.piece}[${[before]}${range}]`, inputs: value.inputs });
    return;
  }
  const tensor = constantAt(lowering, node, 1);
  if (tensor === null || numbers?.some((index) => index < 0))
    throw unsupported(node, "its indices are computed");
  const kept = bareParameter(lowering, node, node.inputs[1] ?? "", tensor);
  const list: Piece = { kind: "member", path: kept.path.join(".") };
  emit(lowering, node, { text: text`${value.piece}[${[before]}${list}]`, inputs: value.inputs });
}
