import type { Node } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import type { Axis } from "../elements.ts";
import { isLength, isNormStatistic } from "../norm-statistics.ts";
import {
  axesOf,
  axisIndex,
  describe,
  inputAxes,
  type Propagation,
  pinAxes,
  pinValues,
  type Rule,
  setAxes,
  shapeOf,
  uniteAxes,
} from "../propagation.ts";

type Kind<K extends Op["kind"]> = Extract<Op, { kind: K }>;

/** The same shape out, index by index. */
export const unary: Rule<Op> = (node, _op, flow) => {
  const axes = inputAxes(flow, node, 0);
  for (const output of node.outputs) {
    // Dropout's second output is a mask of the same shape.
    if (shapeOf(flow, output).length === axes.length) setAxes(flow, output, axes);
  }
  pinValues(flow, node.inputs.slice(1), `${describe(node)} takes it as a parameter`);
};

/** Operands aligned at the last axis; an extent of 1 is repeated and couples nothing. */
export const elementwise: Rule<Kind<"elementwise">> = (node, _op, flow) => {
  const output = node.outputs[0] ?? "";
  const shape = shapeOf(flow, output);
  const reason = `${describe(node)} combines it with an axis that always stays`;
  const axes = shape.map((extent, index): Axis => {
    const present = operandsAlong(flow, node, shape, index, extent);
    if (present.every((axis) => axis === null)) return null;
    return present.reduce((left, right) => uniteAxes(flow, left, right, reason));
  });
  setAxes(flow, output, axes);
};

function operandsAlong(
  flow: Propagation,
  node: Node,
  shape: readonly number[],
  index: number,
  extent: number,
): readonly Axis[] {
  return node.inputs.flatMap((name) => {
    if (name === "") return [];
    const own = shapeOf(flow, name);
    const at = index - (shape.length - own.length);
    if (at < 0 || (own[at] === 1 && extent !== 1)) return [];
    return [axesOf(flow, name)[at] ?? null];
  });
}

/** Windows slide over the axes after the channel axis; channels don't mix. */
export const pool: Rule<Kind<"pool"> | Kind<"globalPool">> = (node, _op, flow) => {
  const reason = `${describe(node)} pools over this axis`;
  const axes = pinAxes(flow, inputAxes(flow, node, 0), (index) => index > 1, reason);
  for (const output of node.outputs) setAxes(flow, output, axes);
};

export const reduce: Rule<Kind<"reduce">> = (node, op, flow) => {
  const axes = inputAxes(flow, node, 0);
  const rank = axes.length;
  const listed = (op.axes ?? []).map((axis) => axisIndex(axis, rank));
  const all = op.axes === null || (listed.length === 0 && !op.noopWithEmptyAxes);
  const reduced = (index: number): boolean => all || listed.includes(index);
  // A norm's mean over one axis, or a vector's length, is a statistic of what stays; any other is a number that the network learnt to read.
  const isStatistic =
    op.keepDims &&
    listed.length === 1 &&
    (isNormStatistic(flow.graph, node) || isLength(flow.graph, node));
  const kept = isStatistic
    ? axes.map((axis, index) => (reduced(index) ? null : axis))
    : pinAxes(flow, axes, reduced, `${describe(node)} reduces over this axis`);
  const left = op.keepDims ? kept : kept.filter((_, index) => !reduced(index));
  setAxes(flow, node.outputs[0], left);
};

export const softmax: Rule<Kind<"softmax">> = (node, op, flow) => {
  const axes = inputAxes(flow, node, 0);
  const from = axisIndex(op.axis, axes.length);
  const over = (index: number): boolean => (op.flattened ? index >= from : index === from);
  const reason = `${describe(node)} normalises over this axis`;
  setAxes(flow, node.outputs[0], pinAxes(flow, axes, over, reason));
};

/** Statistics over the last axis are taken over what stays of it; scale and shift go with the axis. */
export const layerNorm: Rule<Kind<"layerNorm">> = (node, op, flow) => {
  const axes = inputAxes(flow, node, 0);
  const from = axisIndex(op.axis, axes.length);
  const reason = `${describe(node)} normalises over this axis`;
  const affine = node.inputs.slice(1).filter((name) => name !== "");
  const isLast = from === axes.length - 1;
  if (!isLast) pinValues(flow, affine, reason);
  const before = axes.slice(0, from);
  const last = isLast
    ? affine.reduce(
        (axis: Axis, name) => uniteAxes(flow, axis, axesOf(flow, name)[0] ?? null, reason),
        axes.at(-1) ?? null,
      )
    : null;
  const normalised = isLast
    ? [...before, last]
    : pinAxes(flow, axes, (index) => index >= from, reason);
  const statistics = axes.map((axis, index) => (index < from ? axis : null));
  node.outputs.forEach((output, index) => {
    if (output !== "") setAxes(flow, output, index === 0 ? normalised : statistics);
  });
};
