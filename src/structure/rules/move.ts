import type { Node } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { sliceRange } from "../../graph/shapes/layout.ts";
import { producerOf } from "../../graph/traversal.ts";
import type { Axis } from "../elements.ts";
import {
  asElements,
  axesOf,
  axisIndex,
  describe,
  inputAxes,
  type Propagation,
  pinAxes,
  type Rule,
  setAxes,
  shapeOf,
  uniteAxes,
} from "../propagation.ts";

type Kind<K extends Op["kind"]> = Extract<Op, { kind: K }>;

/** Operands one after the other along one axis; along the others they go together. */
export const concat: Rule<Kind<"concat">> = (node, op, flow) => {
  const output = node.outputs[0] ?? "";
  const shape = shapeOf(flow, output);
  const along = axisIndex(op.axis, shape.length);
  const reason = `${describe(node)} puts it beside an axis that always stays`;
  const axes = shape.map((_, index): Axis => {
    const parts = node.inputs.map((name) => axesOf(flow, name)[index] ?? null);
    if (parts.every((part) => part === null || (index === along && isSingle(flow, part))))
      return null;
    if (index !== along) return parts.reduce((a, b) => uniteAxes(flow, a, b, reason));
    return joined(
      parts.map((part, at) =>
        asElements(flow, part, shapeOf(flow, node.inputs[at])[index] ?? 0, "is an input"),
      ),
    );
  });
  setAxes(flow, output, axes);
};

/** One element that no layer produces always stays: a class token beside patches that do. */
function isSingle({ elements }: Propagation, axis: Int32Array): boolean {
  const [element] = axis;
  return axis.length === 1 && element !== undefined && !elements.produced(elements.find(element));
}

function joined(parts: readonly Int32Array[]): Int32Array {
  const result = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

/** Consecutive pieces of one axis. */
export const split: Rule<Kind<"split">> = (node, op, flow) => {
  const axes = inputAxes(flow, node, 0);
  const along = axisIndex(op.axis, axes.length);
  let from = 0;
  for (const output of node.outputs) {
    const length = shapeOf(flow, output)[along] ?? 0;
    const start = from;
    setAxes(
      flow,
      output,
      axes.map((axis, index) =>
        index === along ? (axis?.subarray(start, start + length) ?? null) : axis,
      ),
    );
    from += length;
  }
};

export const slice: Rule<Kind<"slice">> = (node, op, flow) => {
  const output = node.outputs[0] ?? "";
  const lengths = shapeOf(flow, output);
  const axes = inputAxes(flow, node, 0);
  const reason = `${describe(node)} cuts it at places that are not constant`;
  setAxes(
    flow,
    output,
    axes.map((axis, index): Axis => {
      if (axis === null) return null;
      const taken = sliceIndices(op, index, axes.length, axis.length);
      if (taken !== null && taken.length === lengths[index]) {
        return Int32Array.from(taken, (at) => axis[at] ?? 0);
      }
      flow.elements.pin(axis, reason);
      return null;
    }),
  );
};

/** Indices along an axis that a Slice takes; null where they are not constant. */
export function sliceIndices(
  op: Kind<"slice">,
  axis: number,
  rank: number,
  length: number,
): readonly number[] | null {
  const axes = op.axes ?? op.starts?.map((_, index) => index);
  const at = axes?.findIndex((candidate) => axisIndex(candidate, rank) === axis);
  if (at === -1) return Array.from({ length }, (_, index) => index);
  // Bounds of the other axes have to be constant too: surgery writes all of them.
  const start = numbersOf(op.starts)?.[at ?? 0];
  const end = numbersOf(op.ends)?.[at ?? 0];
  const step = op.steps?.[at ?? 0] ?? 1;
  if (at === undefined || start === undefined || end === undefined) return null;
  const { first, count } = sliceRange(length, start, end, step);
  return Array.from({ length: count }, (_, index) => first + index * step);
}

/** Padding adds elements of its own; where it widens a shortcut, an Add unites them with the branch's channels. */
export const pad: Rule<Kind<"pad">> = (node, op, flow) => {
  const output = node.outputs[0] ?? "";
  const lengths = shapeOf(flow, output);
  const axes = inputAxes(flow, node, 0);
  const reason = `${describe(node)} pads it in a way that can't be pruned through`;
  setAxes(
    flow,
    output,
    axes.map((axis, index): Axis => {
      if (axis === null || lengths[index] === axis.length) return axis;
      const amounts = padAmounts(op, index, axes.length);
      const plain = amounts?.every((amount) => amount >= 0) ?? false;
      if (!plain || amounts === null || op.mode !== "constant") {
        flow.elements.pin(axis, reason);
        return null;
      }
      const [before = 0, after = 0] = amounts;
      return joined([flow.elements.fresh(before), axis, flow.elements.fresh(after)]);
    }),
  );
};

/** Elements added before and after along an axis; null where that is not constant. */
export function padAmounts(op: Kind<"pad">, axis: number, rank: number): readonly number[] | null {
  if (op.pads === null) return null;
  const axes = op.axes ?? Array.from({ length: rank }, (_, index) => index);
  const at = axes.findIndex((candidate) => axisIndex(candidate, rank) === axis);
  if (at < 0) return [0, 0];
  const before = op.pads[at];
  const after = op.pads[at + axes.length];
  return typeof before === "number" && typeof after === "number" ? [before, after] : null;
}

export const transpose: Rule<Kind<"transpose">> = (node, op, flow) => {
  const axes = inputAxes(flow, node, 0);
  const perm = op.perm ?? axes.map((_, index) => axes.length - 1 - index);
  setAxes(
    flow,
    node.outputs[0],
    perm.map((from) => axes[from] ?? null),
  );
};

/** A constant list of indices picks elements; anything else pins the axis. */
export const gather: Rule<Kind<"gather">> = (node, op, flow) => {
  const data = inputAxes(flow, node, 0);
  const along = axisIndex(op.axis, data.length);
  const picked = data[along] ?? null;
  const indexShape = shapeOf(flow, node.inputs[1]);
  const indices = numbersOf(op.indices);
  let middle: readonly Axis[] = indexShape.map(() => null);
  if (picked !== null && indices !== null && indexShape.length === 1) {
    middle = [Int32Array.from(indices, (index) => picked[axisIndex(index, picked.length)] ?? 0)];
  } else {
    flow.elements.pin(picked, `${describe(node)} picks from it by index`);
  }
  setAxes(flow, node.outputs[0], [...data.slice(0, along), ...middle, ...data.slice(along + 1)]);
};

export function numbersOf(list: readonly unknown[] | null): readonly number[] | null {
  if (list === null) return null;
  const numbers = list.filter((item) => typeof item === "number");
  return numbers.length === list.length ? numbers : null;
}

/** The value whose shape an Expand takes when the network runs: what it repeats has as many elements as stay of that value. */
export function followedBy({ graph }: Propagation, { opType, inputs }: Node): string | null {
  const shape = producerOf(graph).get(inputs[1] ?? "");
  const isWhole = shape?.opType === "Shape" && shape.attributes.size === 0;
  return opType === "Expand" && isWhole ? (shape.inputs[0] ?? null) : null;
}

/**
 * Expand, Tile, Resize: an axis whose length stays is passed on; one that changes is pinned. Copies that Expand and Tile make of
 * one index are elements of their own: heads that share keys and values.
 */
export const stretch: Rule<Kind<"expand"> | Kind<"tile"> | Kind<"resize">> = (node, _op, flow) => {
  const output = node.outputs[0] ?? "";
  const shape = shapeOf(flow, output);
  const axes = inputAxes(flow, node, 0);
  const before = shapeOf(flow, node.inputs[0]);
  const added = shape.length - axes.length;
  const reason = `${describe(node)} changes the length of this axis`;
  const same = (index: number): boolean => before[index] === shape[index + added];
  const kept = pinAxes(flow, axes, (index) => !same(index), reason);
  const isCopied = node.opType === "Expand" || node.opType === "Tile";
  const followed = followedBy(flow, node);
  const copies = kept.map((axis, index): Axis => {
    const extent = shape[index + added] ?? 1;
    if (axis === null && before[index] === 1 && followed !== null) {
      return axesOf(flow, followed)[index + added] ?? null;
    }
    return isCopied && before[index] === 1 && extent > 1 ? flow.elements.fresh(extent) : axis;
  });
  setAxes(flow, output, [...new Array<null>(added).fill(null), ...copies]);
};
