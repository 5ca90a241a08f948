import type { Node } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import type { Axes, Axis } from "../elements.ts";
import {
  describe,
  inputAxes,
  type Propagation,
  pinAxes,
  type Rule,
  setAxes,
  shapeOf,
  uniteAxes,
} from "../propagation.ts";
import { weightOf } from "../weight-of.ts";
import { forget } from "./forget.ts";

type Kind<K extends Op["kind"]> = Extract<Op, { kind: K }>;

/**
 * Weight [out, in / groups, ...]. Ungrouped: contracts the input's channels. Grouped: channels are groups times channels of a
 * group, and a group stays or goes as a whole; single channels of all groups go only where another op makes units of them.
 */
export const conv: Rule<Kind<"conv">> = (node, op, flow) => {
  const [batch = null, channels = null, ...spatial] = inputAxes(flow, node, 0);
  const [out = null, contracted = null, ...kernel] = inputAxes(flow, node, 1);
  if (out === null || !hasWeight(node, flow)) {
    forget(flow, node, `${describe(node)} has a weight or input that it can't be pruned through`);
    return;
  }
  const still = slide(flow, node, spatial, kernel);
  if (op.group === 1) {
    uniteAxes(flow, contracted, channels, `${describe(node)} reads an axis that always stays`);
  } else {
    splitGroups(flow, { channels, contracted, out }, op.group, describe(node));
  }
  uniteBias(flow, inputAxes(flow, node, 2), out, describe(node));
  flow.elements.markProduced(out);
  setAxes(flow, node.outputs[0], [batch, out, ...still]);
};

/** Weight [in, out / groups, ...]: a convolution's backward pass. */
export const convTranspose: Rule<Kind<"convTranspose">> = (node, op, flow) => {
  const [batch = null, channels = null, ...spatial] = inputAxes(flow, node, 0);
  const [contracted = null, perGroup = null, ...kernel] = inputAxes(flow, node, 1);
  if (perGroup === null || !hasWeight(node, flow)) {
    forget(flow, node, `${describe(node)} has a weight or input that it can't be pruned through`);
    return;
  }
  const still = slide(flow, node, spatial, kernel);
  uniteAxes(flow, contracted, channels, `${describe(node)} reads an axis that always stays`);
  let out = perGroup;
  if (op.group > 1) {
    flow.elements.pin(perGroup, `${describe(node)} repeats it in every group`);
    out = flow.elements.fresh(perGroup.length * op.group);
    uniteGroups(flow, channels, out, op.group, describe(node));
  }
  uniteBias(flow, inputAxes(flow, node, 2), out, describe(node));
  flow.elements.markProduced(out);
  setAxes(flow, node.outputs[0], [batch, out, ...still]);
};

/** Height and width stay whole, of the image (where channels have become pixels, their factor of a pixel does) and of the kernel. */
function slide(flow: Propagation, node: Node, spatial: Axes, kernel: Axes): Axes {
  for (const axis of [...spatial, ...kernel])
    flow.elements.pin(axis, `${describe(node)} slides over it`);
  return spatial.map(() => null);
}

/** Y = A B + C with A [rows, in], B [in, out] (or transposed), C broadcast to [rows, out]. */
export const gemm: Rule<Kind<"gemm">> = (node, op, flow) => {
  if (!hasWeight(node, flow)) {
    forget(flow, node, `${describe(node)} multiplies two activations`);
    return;
  }
  const [first = null, second = null] = inputAxes(flow, node, 0);
  const [rows, contracted] = op.transA ? [second, first] : [first, second];
  const weight = inputAxes(flow, node, 1);
  const [into = null, out = null] = op.transB ? [weight[1], weight[0]] : weight;
  uniteAxes(flow, into, contracted, `${describe(node)} reads an axis that always stays`);
  if (out !== null) flow.elements.markProduced(out);
  const bias = inputAxes(flow, node, 2);
  const output = node.outputs[0] ?? "";
  const length = shapeOf(flow, output)[1] ?? 1;
  const biasLength = shapeOf(flow, node.inputs[2]).at(-1) ?? 1;
  if (bias.length > 0 && biasLength === length) {
    uniteAxes(
      flow,
      out,
      bias.at(-1) ?? null,
      `${describe(node)} adds to an axis that always stays`,
    );
  }
  if (bias.length === 2)
    flow.elements.pin(bias[0] ?? null, `${describe(node)} adds one row per sample`);
  setAxes(flow, output, [rows ?? null, out]);
};

/**
 * Left [..., rows, inner] times right [..., inner, columns]: what is contracted goes together, batch axes too; rows and columns
 * are passed on. A constant right side is a layer's weight, whose columns are produced.
 */
export const matMul: Rule<Kind<"matMul">> = (node, _op, flow) => {
  const left = inputAxes(flow, node, 0);
  const right = inputAxes(flow, node, 1);
  if (left.length < 1 || right.length < 2) {
    forget(flow, node, `${describe(node)} multiplies by a vector`);
    return;
  }
  const reason = `${describe(node)} reads an axis that always stays`;
  const [inner = null, columns = null] = right.slice(-2);
  uniteAxes(flow, inner, left.at(-1) ?? null, reason);
  if (columns !== null && hasWeight(node, flow)) flow.elements.markProduced(columns);
  const batch = batchAxes(flow, node, left, right);
  // A vector on the left is a row without an axis.
  const rows = left.length < 2 ? [] : [left.at(-2) ?? null];
  setAxes(flow, node.outputs[0], [...batch, ...rows, columns]);
};

/** Axes before the last two. Where one side is repeated (extent 1, or absent), the other side's elements stay. */
function batchAxes(flow: Propagation, node: Node, left: Axes, right: Axes): Axes {
  const shape = shapeOf(flow, node.outputs[0]);
  const reason = `${describe(node)} repeats it along an axis that always stays`;
  const matrix = Math.min(2, left.length);
  return shape.slice(0, -matrix).map((whole, index): Axis => {
    const sides = [left, right].flatMap((axes, side) => {
      const at = index - (shape.length - matrix - (axes.length - 2));
      const extent = shapeOf(flow, node.inputs[side])[at];
      return at < 0 || extent !== whole ? [] : [axes[at] ?? null];
    });
    const [first = null, second] = sides;
    if (second === undefined) return first;
    // Only where both are fixed is there nothing to say.
    return first === null && second === null ? null : uniteAxes(flow, first, second, reason);
  });
}

/** Statistics and affine parameters per channel: all five go together with axis 1. */
export const batchNorm: Rule<Kind<"batchNorm">> = (node, op, flow) => {
  const axes = inputAxes(flow, node, 0);
  const channels = axes[1] ?? null;
  for (const index of [1, 2, 3, 4]) {
    const [parameter = null] = inputAxes(flow, node, index);
    uniteAxes(flow, channels, parameter, `${describe(node)} scales an axis that always stays`);
  }
  if (op.training) flow.elements.pin(channels, `${describe(node)} is in training mode`);
  setAxes(flow, node.outputs[0], axes);
};

export const instanceNorm: Rule<Kind<"instanceNorm">> = (node, _op, flow) => {
  const axes = inputAxes(flow, node, 0);
  const reason = `${describe(node)} normalises over this axis`;
  for (const index of [1, 2]) {
    const [parameter = null] = inputAxes(flow, node, index);
    uniteAxes(flow, axes[1] ?? null, parameter, reason);
  }
  setAxes(
    flow,
    node.outputs[0],
    pinAxes(flow, axes, (index) => index > 1, reason),
  );
};

function uniteBias(flow: Propagation, bias: Axes, out: Axis, name: string): void {
  if (bias.length > 0)
    uniteAxes(flow, out, bias[0] ?? null, `${name} adds a bias that always stays`);
}

function hasWeight(node: Node, flow: Propagation): boolean {
  return weightOf(flow.graph, node) !== null;
}

/** Channels of a grouped convolution as products: groups times contracted channels in, groups times produced ones out. */
function splitGroups(
  flow: Propagation,
  axes: { readonly channels: Axis; readonly contracted: Axis; readonly out: Int32Array },
  groups: number,
  name: string,
): void {
  const { elements } = flow;
  const { channels, contracted, out } = axes;
  const reason = `${name} contracts it within a group`;
  if (channels === null || contracted === null) {
    elements.pin(contracted, reason);
    elements.pin(out, `${name} reads an axis that always stays`);
    return;
  }
  const group = elements.fresh(groups);
  const inner = contracted;
  const produced = elements.fresh(out.length / groups);
  elements.release(group);
  elements.hold(inner, reason);
  elements.hold(produced, reason);
  const unite = (axis: Int32Array, within: Int32Array): void => {
    const single = within.length === 1;
    axis.forEach((element, index) => {
      const own = group[Math.floor(index / within.length)] ?? 0;
      const part = within[index % within.length] ?? 0;
      elements.unite(element, single ? own : elements.product([own, part]));
    });
  };
  unite(channels, inner);
  unite(out, produced);
}

/** A group stays or goes as a whole. */
function uniteGroups(
  flow: Propagation,
  channels: Axis,
  out: Int32Array,
  groups: number,
  name: string,
): void {
  if (channels === null) {
    flow.elements.pin(out, `${name} reads an axis that always stays`);
    return;
  }
  const inWidth = channels.length / groups;
  const outWidth = out.length / groups;
  for (let group = 0; group < groups; group += 1) {
    const members = [
      ...channels.subarray(group * inWidth, (group + 1) * inWidth),
      ...out.subarray(group * outWidth, (group + 1) * outWidth),
    ];
    const [first, ...rest] = members;
    for (const member of rest) if (first !== undefined) flow.elements.unite(first, member);
  }
}
