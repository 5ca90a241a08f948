import { at as entryAt } from "../core/at.ts";
import type { Node, NodeId } from "../graph/graph.ts";
import { nodeId } from "../graph/graph.ts";
import { countOf, isGrid } from "./axis-count.ts";
import type { Axis } from "./elements.ts";
import { layerLabel, uniqueNames } from "./label.ts";
import type { Propagation } from "./propagation.ts";
import { weightOutput } from "./rules/forget.ts";
import type { AxisCount, AxisUnits, Dim, UnitLevel } from "./structure.ts";
import { weightOf } from "./weight-of.ts";

/** Dims before it is known which blocks they belong to, and where they are. */
export interface FoundDims {
  readonly dims: readonly FoundDim[];
  readonly axis: (value: string, axis: number) => AxisUnits | null;
  readonly count: (value: string, axis: number) => AxisCount;
}

/** `isFactor`: multiplied with other dims on the axis of its first producer. */
export type FoundDim = Omit<Dim, "block" | "role" | "component" | "isUnread"> & {
  readonly isFactor: boolean;
};

/** Dim and unit of each atom, by its root; -1 where the atom is no unit. */
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
  /** Channels of its first unit on the output axis of its first producer, all else kept. */
  readonly unitChannels: number;
  readonly isFactor: boolean;
  size: number;
}

/** Per element the atoms that have to stay; one level of atoms, then those that further levels have, -1 where there are none. */
type AtomLevels = readonly Int32Array[];

/**
 * Turns atoms into units, and units with the same signature into dims. The signature of a unit is the multiset of axes it
 * appears on; only atoms that a layer produces are units, all others always stay.
 */
export function findDims(flow: Propagation): FoundDims {
  const arrays = distinctArrays(flow);
  // What turns out to have a single unit, or to be no full product, is pinned; then products go without it.
  for (;;) {
    const found = dimsOf(flow, arrays);
    if (found.pinned) continue;
    return { dims: found.dims, ...lookups(flow, found.units) };
  }
}

function dimsOf(
  flow: Propagation,
  arrays: readonly Int32Array[],
): {
  readonly pinned: boolean;
  readonly dims: FoundDims["dims"];
  readonly units: ReadonlyMap<Int32Array, AxisUnits | null>;
} {
  const levels = arrays.map((array) => atomLevels(flow, array));
  const signatures = unitSignatures(flow, levels);
  const { members, table } = collectMembers(flow, signatures);
  const units = new Map(
    arrays.map((array, index) => [array, axisUnits(levels[index] ?? [], table)]),
  );
  const sizes = members.map(({ size }) => size);
  let pinned = pinSingles(flow, levels, table, sizes);
  arrays.forEach((array, index) => {
    const own = units.get(array) ?? null;
    if (own === null || own.levels.length === 1 || isGrid(own, sizes)) return;
    for (const level of levels[index] ?? []) {
      const known = level.filter((atom) => atom >= 0 && (table.dims[atom] ?? -1) >= 0);
      if (known.every((atom) => flow.elements.pinned(atom) !== null)) continue;
      flow.elements.pin(known, "is multiplied with another axis in part only");
      pinned = true;
    }
  });
  const names = uniqueNames(members.map((member) => member.name));
  const dims = members.map((member, index) => ({
    index,
    name: names[index] ?? "",
    size: member.size,
    unitChannels: member.unitChannels,
    isFactor: member.isFactor,
    pinned: member.pinned ?? (member.size === 1 ? SINGLE : null),
    producers: [...member.producers],
  }));
  return { pinned, dims, units };
}

const SINGLE = "has a single unit";

/** Pins the only unit of a dim where it is multiplied with others. Whether there was one that was not pinned yet. */
function pinSingles(
  flow: Propagation,
  levels: readonly AtomLevels[],
  table: UnitTable,
  sizes: readonly number[],
): boolean {
  let found = false;
  for (const atoms of levels) {
    if (atoms.length < 2) continue;
    for (const level of atoms) {
      for (const atom of level) {
        const dim = atom < 0 ? -1 : (table.dims[atom] ?? -1);
        if (dim < 0 || sizes[dim] !== 1 || flow.elements.pinned(atom) !== null) continue;
        flow.elements.pin(Int32Array.of(atom), SINGLE);
        found = true;
      }
    }
  }
  return found;
}

/**
 * Atoms per element, level by level. An atom that can't go is left out where another one of the same element can: the element
 * then goes with that one, and counts the same.
 */
function atomLevels(flow: Propagation, array: Int32Array): AtomLevels {
  const { elements } = flow;
  const first = array.map((element) => elements.find(element));
  const levels: Int32Array[] = [first];
  array.forEach((element, index) => {
    const atoms = elements.atoms(element);
    if (atoms.length === 1) {
      first[index] = atoms[0] ?? 0;
      return;
    }
    const units = atoms.filter((atom) => elements.produced(atom));
    const free = units.filter((atom) => elements.pinned(atom) === null);
    const kept = free.length > 0 ? free : units.length > 0 ? units : atoms.slice(0, 1);
    kept.forEach((atom, level) => {
      levels[level] ??= new Int32Array(array.length).fill(-1);
      const column = levels[level];
      if (column !== undefined) column[index] = atom;
    });
  });
  return levels;
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
  const dimOf = (root: number, node: Node, levels: AtomLevels): number => {
    const signature = signatures[root] ?? 0;
    const known = dimBySignature.get(signature);
    if (known !== undefined) return known;
    members.push(newMember(flow, root, node, levels, members));
    dimBySignature.set(signature, members.length - 1);
    return members.length - 1;
  };
  for (const node of flow.graph.nodes) {
    const levels = atomLevels(flow, layerOutput(flow, node) ?? new Int32Array(0));
    const [first = new Int32Array(0)] = levels;
    for (const index of first.keys()) {
      for (const level of levels) {
        const root = level[index] ?? -1;
        if (root < 0) continue;
        const dim = dimOf(root, node, levels);
        const member = members[dim];
        if (member === undefined) continue;
        member.producers.add(nodeId(node));
        if (table.dims[root] !== -1) continue;
        table.dims[root] = dim;
        table.units[root] = member.size;
        member.size += 1;
      }
    }
  }
  return { members, table };
}

/** A dim whose first unit is the atom `root`, on one of the output channels of `node`. */
function newMember(
  flow: Propagation,
  root: number,
  node: Node,
  levels: AtomLevels,
  before: readonly Member[],
): Member {
  const siblings = before.filter((member) => member.first === nodeId(node)).length;
  const label = layerLabel(flow.graph, node);
  return {
    name: siblings === 0 ? label : `${label}#${siblings + 1}`,
    first: nodeId(node),
    pinned: flow.elements.pinned(root),
    producers: new Set(),
    ...channelsOf(root, levels),
    size: 0,
  };
}

/** How often the atom is on the axis, and whether it is multiplied with others there. */
function channelsOf(root: number, levels: AtomLevels): Pick<Member, "unitChannels" | "isFactor"> {
  const [, second] = levels;
  let [unitChannels, isFactor] = [0, false];
  for (const level of levels) {
    level.forEach((atom, index) => {
      if (atom !== root) return;
      unitChannels += 1;
      isFactor ||= (second?.[index] ?? -1) >= 0;
    });
  }
  return { unitChannels, isFactor };
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

/** A number per atom; equal for atoms that appear equally often on the same axes and are both pinned or both not. */
function unitSignatures(flow: Propagation, levelsOfArrays: readonly AtomLevels[]): Int32Array {
  const signatures = new Int32Array(flow.elements.size());
  for (let root = 0; root < signatures.length; root += 1) {
    signatures[root] = flow.elements.pinned(root) === null ? 0 : 1;
  }
  const counts = new Int32Array(signatures.length);
  let numbers = 2;
  for (const levels of levelsOfArrays) {
    const roots: number[] = [];
    for (const level of levels) {
      for (const root of level) {
        if (root < 0 || !flow.elements.produced(root)) continue;
        if (counts[root] === 0) roots.push(root);
        counts[root] = entryAt(counts, root) + 1;
      }
    }
    const most = levels.reduce((sum, { length }) => sum + length, 1);
    const known = new Map<number, number>();
    for (const root of roots) {
      const key = entryAt(signatures, root) * most + entryAt(counts, root);
      const number = known.get(key) ?? numbers;
      if (number === numbers) {
        known.set(key, number);
        numbers += 1;
      }
      signatures[root] = number;
      counts[root] = 0;
    }
  }
  return signatures;
}

/** Levels of units; an element's fill the first ones. Null where no element is a unit. */
function axisUnits(atoms: AtomLevels, table: UnitTable): AxisUnits | null {
  const [first] = atoms;
  if (first === undefined) return null;
  const pick = (column: Int32Array, level: Int32Array): Int32Array =>
    level.map((atom) => (atom < 0 ? -1 : (column[atom] ?? -1)));
  const levels = atoms.map(
    (level): UnitLevel => ({ dims: pick(table.dims, level), units: pick(table.units, level) }),
  );
  const used = levels.filter(({ dims }) => dims.some((dim) => dim !== -1));
  return used.length === 0 ? null : { length: first.length, levels: used };
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
    const form = countOf(units);
    counts.set(units, form);
    return form;
  };
  return { axis, count };
}
