/** The elements along an axis that something may remove, one id per index; null: an axis that always stays as it is. */
export type Axis = Int32Array | null;

/** One entry per axis of a value. */
export type Axes = readonly Axis[];

/**
 * Tensor indices and which of them must go together: a union-find over element ids. A class may be pinned, with the first
 * reason given, and is *produced* where one of its elements is an output channel of a layer.
 */
export interface Elements {
  /** New elements, each a class of its own. */
  readonly fresh: (count: number) => Int32Array;
  /** These two go together. */
  readonly unite: (left: number, right: number) => void;
  /** Index by index, these go together. Requires equal lengths. */
  readonly uniteAll: (left: Int32Array, right: Int32Array) => void;
  /** The class of an element: one of its elements, the same for all. */
  readonly find: (element: number) => number;
  /** None of these may go. */
  readonly pin: (axis: Axis, reason: string) => void;
  readonly markProduced: (axis: Int32Array) => void;
  /** Why the class can't go; null where it can. */
  readonly pinned: (root: number) => string | null;
  readonly produced: (root: number) => boolean;
  readonly size: () => number;
}

const PRODUCED = 1;
const PINNED = 2;

export function createElements(): Elements {
  let parents = new Int32Array(1 << 14);
  let flags = new Uint8Array(1 << 14);
  let size = 0;
  const reasons = new Map<number, string>();

  const grow = (needed: number): void => {
    if (needed <= parents.length) return;
    const capacity = Math.max(needed, parents.length * 2);
    const widerParents = new Int32Array(capacity);
    widerParents.set(parents);
    parents = widerParents;
    const widerFlags = new Uint8Array(capacity);
    widerFlags.set(flags);
    flags = widerFlags;
  };
  const find = (element: number): number => {
    let at = element;
    for (let parent = parents[at] ?? at; parent !== at; parent = parents[at] ?? at) {
      // Path halving keeps the trees flat.
      parents[at] = parents[parent] ?? parent;
      at = parent;
    }
    return at;
  };
  const unite = (left: number, right: number): void => {
    const a = find(left);
    const b = find(right);
    if (a === b) return;
    // The older element stays the root, so that classes keep the order in which the network makes them.
    const root = Math.min(a, b);
    const child = Math.max(a, b);
    parents[child] = root;
    flags[root] = (flags[root] ?? 0) | (flags[child] ?? 0);
    const reason = reasons.get(root) ?? reasons.get(child);
    if (reason !== undefined) reasons.set(root, reason);
  };

  return {
    fresh: (count) => {
      grow(size + count);
      const axis = Int32Array.from({ length: count }, (_, index) => size + index);
      for (const element of axis) parents[element] = element;
      size += count;
      return axis;
    },
    unite,
    uniteAll: (left, right) => {
      left.forEach((element, index) => {
        const other = right[index];
        if (other !== undefined) unite(element, other);
      });
    },
    find,
    pin: (axis, reason) => {
      if (axis === null) return;
      for (const element of axis) {
        const root = find(element);
        flags[root] = (flags[root] ?? 0) | PINNED;
        if (!reasons.has(root)) reasons.set(root, reason);
      }
    },
    markProduced: (axis) => {
      for (const element of axis) {
        const root = find(element);
        flags[root] = (flags[root] ?? 0) | PRODUCED;
      }
    },
    pinned: (root) =>
      ((flags[root] ?? 0) & PINNED) === 0 ? null : (reasons.get(root) ?? "pinned"),
    produced: (root) => ((flags[root] ?? 0) & PRODUCED) !== 0,
    size: () => size,
  };
}
