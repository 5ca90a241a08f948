import type { Node } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { consumersOf } from "../../graph/traversal.ts";
import type { Axis } from "../elements.ts";
import {
  describe,
  inputAxes,
  type Propagation,
  type Rule,
  setAxes,
  shapeOf,
} from "../propagation.ts";

/** Axes of both shapes that hold the same elements: the product of `from` extents equals that of `to`. */
interface Group {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/** Reshape, Flatten, Squeeze and Unsqueeze: rows stay in order, so axes match up in groups of equal products. */
export const reshape: Rule<Op> = (node, _op, flow) => {
  const output = node.outputs[0] ?? "";
  const shuffle = flow.shuffles.get(nodeId(node));
  const to = shapeOf(flow, output);
  if (shuffle !== undefined) {
    const source = flow.axes.get(shuffle.input) ?? [];
    const carried = source.map((axis, index) =>
      index === shuffle.axis && axis !== null ? permuted(axis, shuffle.permutation) : axis,
    );
    setAxes(flow, output, carried);
    return;
  }
  const from = shapeOf(flow, node.inputs[0]);
  const result: Axis[] = to.map(() => null);
  for (const group of alignedGroups(from, to)) {
    const landed = carryGroup(flow, node, group);
    if (landed !== null) result[landed.axis] = landed.elements;
  }
  setAxes(flow, output, result);
};

/** Carries the elements of one group of axes over, or pins them where they are split up. */
function carryGroup(flow: Propagation, node: Node, group: Group): Landing | null {
  const from = shapeOf(flow, node.inputs[0]);
  const to = shapeOf(flow, node.outputs[0]);
  const axes = inputAxes(flow, node, 0);
  const carried = group.from.filter((index) => axes[index] !== null);
  if (carried.length === 0) return null;
  const landed = carried.length === 1 ? land(axes, from, to, group) : null;
  if (landed === null && !foundShuffle(flow, node, group)) {
    const reason = `${describe(node)} splits or merges this axis`;
    for (const index of carried) flow.elements.pin(axes[index] ?? null, reason);
  }
  return landed;
}

function permuted(axis: Int32Array, permutation: Int32Array): Int32Array {
  return permutation.map((from) => axis[from] ?? 0);
}

/** Matches the axes of two shapes of equal size, front to back; extents of 1 at the end are a group of their own. */
export function alignedGroups(from: readonly number[], to: readonly number[]): readonly Group[] {
  const groups: Group[] = [];
  let i = 0;
  let j = 0;
  while (i < from.length && j < to.length) {
    const next = nextGroup(from, to, i, j);
    groups.push(next);
    i += next.from.length;
    j += next.to.length;
  }
  const rest = { from: indicesFrom(i, from.length), to: indicesFrom(j, to.length) };
  return rest.from.length + rest.to.length > 0 ? [...groups, rest] : groups;
}

/** The shortest runs of axes from `i` and `j` on whose products agree. */
function nextGroup(from: readonly number[], to: readonly number[], i: number, j: number): Group {
  let left = from[i] ?? 1;
  let right = to[j] ?? 1;
  let fromEnd = i + 1;
  let toEnd = j + 1;
  while (left !== right && (left < right ? fromEnd < from.length : toEnd < to.length)) {
    if (left < right) {
      left *= from[fromEnd] ?? 1;
      fromEnd += 1;
    } else {
      right *= to[toEnd] ?? 1;
      toEnd += 1;
    }
  }
  return { from: indicesFrom(i, fromEnd), to: indicesFrom(j, toEnd) };
}

function indicesFrom(start: number, end: number): readonly number[] {
  return Array.from({ length: end - start }, (_, index) => start + index);
}

/** Where elements come out of a Reshape. */
interface Landing {
  readonly axis: number;
  readonly elements: Int32Array;
}

/**
 * Where the elements of the one carried axis of a group come out: on an axis along which they vary and along no other.
 * `[C, H, W] -> [C * H * W]` repeats each channel H * W times; `[C * H * W] -> [C, H, W]` undoes that.
 */
function land(
  axes: readonly Axis[],
  from: readonly number[],
  to: readonly number[],
  group: Group,
): Landing | null {
  const joint = jointElements(axes, from, group.from);
  let inner = joint.length;
  for (const axis of group.to) {
    const extent = to[axis] ?? 1;
    inner /= extent;
    if (extent === 1 && joint.length > 1) continue;
    const elements = Int32Array.from({ length: extent }, (_, index) => joint[index * inner] ?? 0);
    const only = joint.every(
      (element, at) => element === elements[Math.floor(at / inner) % extent],
    );
    if (only) return { axis, elements };
  }
  return null;
}

function jointElements(
  axes: readonly Axis[],
  from: readonly number[],
  group: readonly number[],
): Int32Array {
  let joint: Int32Array = new Int32Array(1);
  for (const index of group) {
    const axis = axes[index] ?? null;
    const extent = from[index] ?? 1;
    const next = new Int32Array(joint.length * extent);
    joint.forEach((element, at) => {
      for (let k = 0; k < extent; k += 1) next[at * extent + k] = axis?.[k] ?? element;
    });
    joint = next;
  }
  return joint;
}

/**
 * Reshape, Transpose, Reshape that together only permute one axis (a channel shuffle). Notes the permutation for the last
 * of the three; the values in between carry no elements, as surgery replaces all three.
 */
function foundShuffle(flow: Propagation, node: Node, group: Group): boolean {
  const [axis] = group.from;
  const turn = onlyReader(flow, node);
  const back = turn?.opType === "Transpose" ? onlyReader(flow, turn) : null;
  if (axis === undefined || group.from.length !== 1 || back?.opType !== "Reshape") return false;
  const before = shapeOf(flow, node.inputs[0]);
  const after = shapeOf(flow, back.outputs[0]);
  const middle = shapeOf(flow, node.outputs[0]);
  const attribute = turn?.attributes.get("perm");
  const perm =
    attribute?.kind === "ints" ? attribute.value : middle.map((_, i) => middle.length - 1 - i);
  const within = perm.every(
    (from, to) => from === to || (group.to.includes(from) && group.to.includes(to)),
  );
  if (
    !within ||
    before.length !== after.length ||
    before.some((extent, i) => extent !== after[i])
  ) {
    return false;
  }
  const extents = group.to.map((index) => middle[index] ?? 1);
  const order = group.to.map((index) => group.to.indexOf(perm[index] ?? index));
  flow.shuffles.set(nodeId(back), {
    input: node.inputs[0] ?? "",
    axis,
    permutation: transposedIndices(extents, order),
  });
  return true;
}

function onlyReader(flow: Propagation, node: Node): Node | null {
  const name = node.outputs[0] ?? "";
  const readers = consumersOf(flow.graph).get(name) ?? [];
  const [reader] = readers;
  const leaves = flow.graph.outputs.some((value) => value.name === name);
  return readers.length === 1 && reader?.inputs[0] === name && !leaves ? reader : null;
}

/** Source index of each element, row-major, of a transposed array of these extents. */
function transposedIndices(extents: readonly number[], order: readonly number[]): Int32Array {
  const strides = extents.map((_, index) => extents.slice(index + 1).reduce((a, b) => a * b, 1));
  let indices = [0];
  for (const axis of order) {
    const stride = strides[axis] ?? 1;
    const steps = Array.from({ length: extents[axis] ?? 1 }, (_, step) => step * stride);
    indices = indices.flatMap((base) => steps.map((step) => base + step));
  }
  return Int32Array.from(indices);
}
