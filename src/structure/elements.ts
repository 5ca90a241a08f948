/** The elements along an axis that something may remove, one id per index; null: an axis that always stays as it is. */
export type Axis = Int32Array | null;

/** One entry per axis of a value. */
export type Axes = readonly Axis[];

/**
 * Tensor indices and which of them must go together: a union-find over element ids. A class of elements is *atomic*, or a
 * *product* of atoms: what a Reshape splits into heads and columns stays where its head and its column stay. Only atoms can be
 * chosen. An atom may be pinned, with the first reason given, and is *produced* where one of its elements, alone or in a
 * product, is an output channel of a layer.
 *
 * Rules of union, each of them sound (whatever atoms are removed, what was united stays or goes together):
 * 1. atom and atom become one;
 * 2. atom and product: the atom is that product from now on, what was said of it is said of the product's atoms; where it is
 *    one of them, the others are pinned;
 * 3. product and product: atoms in both are left aside, the others go together one by one in their order; where one side has
 *    more of them, all of them are pinned.
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
  /** An element that stays where all of `parts` stay; the same one for the same atoms. */
  readonly product: (parts: readonly number[]) => number;
  /** Classes that all have to stay for the element to stay: its own, or those of its product, in the order of its parts. */
  readonly atoms: (element: number) => readonly number[];
  /** None of these may go. */
  readonly pin: (axis: Axis, reason: string) => void;
  /** None of these may go alone, unless another rule says that they are units (`release`). */
  readonly hold: (axis: Axis, reason: string) => void;
  /** These are units of an op: what another op holds may go. */
  readonly release: (axis: Axis) => void;
  readonly markProduced: (axis: Int32Array) => void;
  /** Why the atom can't go; null where it can. */
  readonly pinned: (root: number) => string | null;
  readonly produced: (root: number) => boolean;
  readonly size: () => number;
}

const PRODUCED = 1;
const PINNED = 2;
const HELD = 4;
const RELEASED = 8;

const UNLIKE = "is split in ways that don't fit together";

export function createElements(): Elements {
  let parents = new Int32Array(1 << 14);
  let flags = new Uint8Array(1 << 14);
  let size = 0;
  const reasons = new Map<number, string>();
  /** By the root of its class, what a product is made of. */
  const products = new Map<number, readonly number[]>();
  const known = new Map<string, number>();

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
  const fresh = (count: number): Int32Array => {
    grow(size + count);
    const axis = Int32Array.from({ length: count }, (_, index) => size + index);
    for (const element of axis) parents[element] = element;
    size += count;
    return axis;
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
  // Ends, as no product ever comes to be a part of itself: rule 2 looks through all levels.
  const atoms = (element: number): readonly number[] => {
    const root = find(element);
    const parts = products.get(root);
    if (parts === undefined) return [root];
    if (parts.every((part) => parents[part] === part && !products.has(part))) return parts;
    const flat = [...new Set(parts.flatMap(atoms))];
    products.set(root, flat);
    return flat;
  };
  const flag = (atom: number, bits: number, reason: string | undefined): void => {
    flags[atom] = (flags[atom] ?? 0) | bits;
    if (reason !== undefined && !reasons.has(atom)) reasons.set(atom, reason);
  };
  const flagAll = (axis: Axis, bits: number, reason?: string): void => {
    for (const element of axis ?? []) {
      for (const atom of atoms(element)) flag(atom, bits, reason);
    }
  };
  /** Makes one class of two; the older element stays the root, so that classes keep the order in which the network makes them. */
  const join = (a: number, b: number): number => {
    const root = Math.min(a, b);
    parents[Math.max(a, b)] = root;
    return root;
  };
  const uniteAtoms = (a: number, b: number): void => {
    const root = join(a, b);
    const child = root === a ? b : a;
    flag(root, flags[child] ?? 0, reasons.get(child));
  };
  const uniteAtomWithProduct = (atom: number, product: number): void => {
    const parts = atoms(product);
    if (parts.includes(atom)) {
      for (const other of parts) if (other !== atom) flag(other, PINNED, UNLIKE);
      return;
    }
    products.delete(product);
    products.set(join(atom, product), parts);
    for (const part of parts) flag(part, flags[atom] ?? 0, reasons.get(atom));
  };
  const uniteProducts = (a: number, b: number): void => {
    const [left, right] = [atoms(a), atoms(b)];
    const rest = left.filter((atom) => !right.includes(atom));
    const other = right.filter((atom) => !left.includes(atom));
    products.delete(a);
    products.delete(b);
    products.set(join(a, b), left);
    if (rest.length === other.length) {
      rest.forEach((atom, index) => {
        unite(atom, other[index] ?? atom);
      });
    } else for (const atom of [...rest, ...other]) flag(atom, PINNED, UNLIKE);
  };
  const unite = (left: number, right: number): void => {
    const [a, b] = [find(left), find(right)];
    if (a === b) return;
    const [isLeft, isRight] = [products.has(a), products.has(b)];
    if (isLeft && isRight) uniteProducts(a, b);
    else if (isLeft) uniteAtomWithProduct(b, a);
    else if (isRight) uniteAtomWithProduct(a, b);
    else uniteAtoms(a, b);
  };

  return {
    fresh,
    unite,
    uniteAll: (left, right) => {
      left.forEach((element, index) => {
        const other = right[index];
        if (other !== undefined) unite(element, other);
      });
    },
    find,
    product: (parts) => {
      const all = [...new Set(parts.flatMap(atoms))];
      const [only] = all;
      if (all.length === 1 && only !== undefined) return only;
      const key = all.join();
      const before = known.get(key);
      if (before !== undefined) return before;
      const [element = 0] = fresh(1);
      products.set(element, all);
      known.set(key, element);
      return element;
    },
    atoms,
    pin: (axis, reason) => flagAll(axis, PINNED, reason),
    hold: (axis, reason) => flagAll(axis, HELD, reason),
    release: (axis) => flagAll(axis, RELEASED),
    markProduced: (axis) => flagAll(axis, PRODUCED),
    pinned: (root) => {
      const bits = flags[root] ?? 0;
      const isPinned = (bits & PINNED) !== 0 || (bits & (HELD | RELEASED)) === HELD;
      return isPinned ? (reasons.get(root) ?? "pinned") : null;
    },
    produced: (root) => ((flags[root] ?? 0) & PRODUCED) !== 0,
    size: () => size,
  };
}
