import type { Node } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { consumersOf } from "../../graph/traversal.ts";
import type { Axis } from "../elements.ts";
import { inputAxes, type Propagation, type Rule, setAxes, shapeOf } from "../propagation.ts";

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
    for (const { axis, elements } of carryGroup(flow, node, group)) result[axis] = elements;
  }
  setAxes(flow, output, result);
};

/**
 * Carries the elements of one group of axes over:
 * 1. unchanged, where they vary along one target axis only;
 * 2. merged into one axis, they are products of the axes they come from;
 * 3. split, they become products of the target axes, unless the split is undone behind a Transpose (a channel shuffle).
 */
function carryGroup(flow: Propagation, node: Node, group: Group): readonly Landing[] {
  const from = shapeOf(flow, node.inputs[0]);
  const to = shapeOf(flow, node.outputs[0]);
  // An extent of 1 has nothing to lose.
  const axes = inputAxes(flow, node, 0).map((axis, index) => (from[index] === 1 ? null : axis));
  const carried = group.from.filter((index) => axes[index] !== null);
  if (carried.length === 0) return [];
  const joint = jointProducts(flow, axes, from, group.from);
  const landed = land(joint, to, group);
  if (landed !== null) return [landed];
  const isPlain = carried.every((index) =>
    axes[index]?.every((element) => flow.elements.atoms(element).length === 1),
  );
  // What is a product already is split as such: channels of a grouped convolution, say.
  if (isPlain && foundShuffle(flow, node, group)) return [];
  const wide = group.to.filter((axis) => (to[axis] ?? 1) > 1);
  const [only] = wide;
  if (wide.length === 1 && only !== undefined) return [{ axis: only, elements: joint }];
  return splitInto(
    flow,
    joint,
    wide.map((axis) => ({ axis, extent: to[axis] ?? 1 })),
  );
}

/** Makes each element the product of its coordinates on the target axes; an axis along which nothing changes stays fixed. */
function splitInto(
  flow: Propagation,
  joint: Int32Array,
  targets: readonly { readonly axis: number; readonly extent: number }[],
): readonly Landing[] {
  const placed = targets.map(({ axis, extent }, at) => {
    const inner = targets.slice(at + 1).reduce((product, target) => product * target.extent, 1);
    const varies = joint.some((element, index) => {
      const coordinate = Math.floor(index / inner) % extent;
      return element !== joint[index - coordinate * inner];
    });
    return { axis, extent, inner, elements: varies ? flow.elements.fresh(extent) : null };
  });
  joint.forEach((element, index) => {
    const parts = placed.flatMap(({ extent, inner, elements }) =>
      elements === null ? [] : [elements[Math.floor(index / inner) % extent] ?? 0],
    );
    flow.elements.unite(element, flow.elements.product(parts));
  });
  return placed.flatMap(({ axis, elements }) => (elements === null ? [] : [{ axis, elements }]));
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
 * Where the elements of a group of axes come out unchanged: on an axis along which they vary and along no other.
 * `[C, H, W] -> [C * H * W]` repeats each channel H * W times; `[C * H * W] -> [C, H, W]` undoes that.
 */
function land(joint: Int32Array, to: readonly number[], group: Group): Landing | null {
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

/** Row-major over the axes of a group: what has to stay for each of their combinations to stay. */
function jointProducts(
  flow: Propagation,
  axes: readonly Axis[],
  from: readonly number[],
  group: readonly number[],
): Int32Array {
  let joint: Int32Array | null = null;
  let length = 1;
  for (const index of group) {
    const axis = axes[index] ?? null;
    const extent = from[index] ?? 1;
    const before: Int32Array | null = joint;
    length *= extent;
    if (before === null && axis === null) continue;
    const pairs = new Map<number, number>();
    const pair = (left: number, right: number): number => {
      const key = left * 2 ** 26 + right;
      const known = pairs.get(key) ?? flow.elements.product([left, right]);
      pairs.set(key, known);
      return known;
    };
    joint = Int32Array.from({ length }, (_, at) => {
      const left: number | undefined = before?.[Math.floor(at / extent)];
      const right: number | undefined = axis?.[at % extent];
      if (left === undefined || right === undefined) return left ?? right ?? 0;
      return pair(left, right);
    });
  }
  return joint ?? new Int32Array(length);
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
