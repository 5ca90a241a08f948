import type { Node, NodeId } from "../graph/graph.ts";
import { nodeId } from "../graph/graph.ts";
import type { Axis } from "./elements.ts";
import { layerLabel, uniqueNames } from "./label.ts";
import type { Propagation } from "./propagation.ts";
import { weightOutput } from "./rules/forget.ts";
import type { AxisCount, AxisUnits, Dim } from "./structure.ts";
import { weightOf } from "./weight-of.ts";

/** Dims before it is known which blocks they belong to, and where they are. */
export interface FoundDims {
  readonly dims: readonly Omit<Dim, "block" | "component">[];
  readonly axis: (value: string, axis: number) => AxisUnits | null;
  readonly count: (value: string, axis: number) => AxisCount;
}

/** Dim and unit of each class, by its root; -1 where the class is no unit. */
interface UnitTable {
  readonly dims: Int32Array;
  readonly units: Int32Array;
}

interface Member {
  readonly name: string;
  /** The layer that it first appears at. */
  readonly first: NodeId;
  readonly pinned: string | null;
  readonly producers: Set<NodeId>;
  /** Channels of its first unit on the output axis of its first producer. */
  readonly unitChannels: number;
  size: number;
}

/**
 * Turns classes of elements into units, and units with the same signature into dims. The signature of a unit is the
 * multiset of axes it appears on; only classes that a layer produces are units, all others always stay.
 */
export function findDims(flow: Propagation): FoundDims {
  const arrays = distinctArrays(flow);
  const roots = arrays.map((array) => array.map((element) => flow.elements.find(element)));
  const signatures = unitSignatures(flow, roots);
  const { members, table } = collectMembers(flow, signatures);
  const names = uniqueNames(members.map((member) => member.name));
  const dims = members.map((member, index) => ({
    index,
    name: names[index] ?? "",
    size: member.size,
    unitChannels: member.unitChannels,
    pinned: member.pinned ?? (member.size === 1 ? "has a single unit" : null),
    producers: [...member.producers],
  }));
  const units = new Map(
    arrays.map((array, index) => [array, axisUnits(roots[index] ?? array, table)]),
  );
  return { dims, ...lookups(flow, units) };
}

/** Walks the layers in graph order: dims and units are numbered as their first output channel appears. */
function collectMembers(
  flow: Propagation,
  signatures: Int32Array,
): { readonly members: readonly Member[]; readonly table: UnitTable } {
  const members: Member[] = [];
  const dimBySignature = new Map<number, number>();
  const none = (): Int32Array => new Int32Array(flow.elements.size()).fill(-1);
  const table = { dims: none(), units: none() };
  const dimOf = (root: number, node: Node, channels: Int32Array): number => {
    const signature = signatures[root] ?? 0;
    const known = dimBySignature.get(signature);
    if (known !== undefined) return known;
    members.push(newMember(flow, root, node, channels, members));
    dimBySignature.set(signature, members.length - 1);
    return members.length - 1;
  };
  for (const node of flow.graph.nodes) {
    const output = layerOutput(flow, node) ?? new Int32Array(0);
    const channels = output.map((element) => flow.elements.find(element));
    for (const root of channels) {
      const dim = dimOf(root, node, channels);
      const member = members[dim];
      if (member === undefined) continue;
      member.producers.add(nodeId(node));
      if (table.dims[root] !== -1) continue;
      table.dims[root] = dim;
      table.units[root] = member.size;
      member.size += 1;
    }
  }
  return { members, table };
}

/** A dim whose first unit is the class of `root`, one of the output channels of `node`. */
function newMember(
  flow: Propagation,
  root: number,
  node: Node,
  channels: Int32Array,
  before: readonly Member[],
): Member {
  const siblings = before.filter((member) => member.first === nodeId(node)).length;
  const label = layerLabel(flow.graph, node);
  return {
    name: siblings === 0 ? label : `${label}#${siblings + 1}`,
    first: nodeId(node),
    pinned: flow.elements.pinned(root),
    producers: new Set(),
    unitChannels: channels.filter((other) => other === root).length,
    size: 0,
  };
}

/** Elements of a layer's output channels; null where the node is no layer. */
function layerOutput(flow: Propagation, node: Node): Axis {
  if (weightOf(flow.graph, node) === null) return null;
  const axes = flow.axes.get(node.outputs[0] ?? "") ?? [];
  const own = (node.opType === "MatMul" ? axes.at(-1) : axes[1]) ?? null;
  return own ?? weightOutput(flow, node);
}

// Many values share one array (a Relu passes its input's on): each is looked at once.
function distinctArrays(flow: Propagation): readonly Int32Array[] {
  const arrays = new Set<Int32Array>();
  for (const axes of flow.axes.values()) {
    for (const axis of axes) if (axis !== null) arrays.add(axis);
  }
  return [...arrays];
}

/** A number per class; equal for classes that appear equally often on the same axes and are both pinned or both not. */
function unitSignatures(flow: Propagation, rootsOfArrays: readonly Int32Array[]): Int32Array {
  const signatures = new Int32Array(flow.elements.size());
  for (let root = 0; root < signatures.length; root += 1) {
    signatures[root] = flow.elements.pinned(root) === null ? 0 : 1;
  }
  const numbers = new Map<string, number>();
  rootsOfArrays.forEach((roots, array) => {
    const counts = new Map<number, number>();
    for (const root of roots) {
      if (flow.elements.produced(root)) counts.set(root, (counts.get(root) ?? 0) + 1);
    }
    for (const [root, count] of counts) {
      const key = `${signatures[root]} ${array} ${count}`;
      const known = numbers.get(key);
      const number = known ?? numbers.size + 2;
      if (known === undefined) numbers.set(key, number);
      signatures[root] = number;
    }
  });
  return signatures;
}

function axisUnits(roots: Int32Array, table: UnitTable): AxisUnits | null {
  const dims = roots.map((root) => table.dims[root] ?? -1);
  if (dims.every((dim) => dim === -1)) return null;
  return { dims, units: roots.map((root) => table.units[root] ?? -1) };
}

function lookups(
  flow: Propagation,
  unitsByArray: ReadonlyMap<Int32Array, AxisUnits | null>,
): Pick<FoundDims, "axis" | "count"> {
  const counts = new Map<AxisUnits, AxisCount>();
  const axis = (value: string, index: number): AxisUnits | null => {
    const array = flow.axes.get(value)?.[index] ?? null;
    return array === null ? null : (unitsByArray.get(array) ?? null);
  };
  const count = (value: string, index: number): AxisCount => {
    const units = axis(value, index);
    if (units === null) {
      const shape = flow.shapes.of(value) ?? flow.graph.initializers.get(value)?.shape;
      return { fixed: shape?.[index] ?? 0, parts: [] };
    }
    const known = counts.get(units);
    if (known !== undefined) return known;
    const form = linearForm(units);
    counts.set(units, form);
    return form;
  };
  return { axis, count };
}

// All units of a dim appear equally often on an axis (they have one signature), so one of them is counted.
function linearForm(units: AxisUnits): AxisCount {
  const perUnit = new Map<number, number>();
  const counted = new Map<number, number>();
  let fixed = 0;
  units.dims.forEach((dim, index) => {
    const unit = units.units[index] ?? -1;
    if (dim === -1) {
      fixed += 1;
      return;
    }
    if (!counted.has(dim)) counted.set(dim, unit);
    if (counted.get(dim) === unit) perUnit.set(dim, (perUnit.get(dim) ?? 0) + 1);
  });
  return { fixed, parts: [...perUnit].map(([dim, count]) => ({ dim, perUnit: count })) };
}
