import type { AxisRef, Problem } from "../../problem/problem.ts";
import { axisCounts, axisHome } from "../../problem/problem-axes.ts";

/** A dim or a sum of the problem, or a partial sum that the plan adds. */
export interface PartRef {
  readonly kind: "dim" | "sum" | "partial";
  readonly index: number;
}

/** A part of a sum, with the units of the sum per unit of the part. */
export interface SumPart {
  readonly ref: PartRef;
  readonly units: number;
}

/** A sum variable of the factor graph. */
export interface PlannedSum {
  /** Either a sum of the problem or a partial sum. */
  readonly ref: PartRef;
  /** One or two; those that are sums themselves come earlier in the plan. */
  readonly parts: readonly SumPart[];
  /** Distinct reachable numbers of units, increasing. */
  readonly values: readonly number[];
}

/** The parts that a sum is still made of, by key. */
type Parts = Map<string, SumPart>;

/** Sums by the key of their reference. */
type Lists = Map<string, { readonly ref: PartRef; readonly parts: Parts }>;

/**
 * The sums that some table is indexed by, each as a sum of at most two parts, with partial sums in between. Parts that go
 * together through several Concats become one partial sum (the most frequent pair first, as in the elimination of common
 * subexpressions), so that an elimination order meets few variables at a time. Sums that no table is indexed by are left out. Exact: each
 * partial sum is a function of the parts.
 *
 * A sum in a block, or of parts that a block takes away, or a product is not planned: it stays a table.
 */
export function planSums(problem: Problem): PlannedSum[] {
  const lists: Lists = new Map();
  const used = usedSums(problem).filter((index) => isLinear(problem, { kind: "sum", index }));
  for (const index of used) {
    const ref: PartRef = { kind: "sum", index };
    lists.set(keyOf(ref), { ref, parts: dimsOf(problem, { kind: "sum", index }) });
  }
  useContained(lists);
  const values = createValues(problem, lists);
  sharePairs(lists, values);
  chainTheRest(lists, values);
  return inOrder(lists, values);
}

/** Whether the plan can hold a sum: every part of it is there in every subnet, and nothing in it is a product. */
export function isLinear(problem: Problem, axis: AxisRef): boolean {
  return axisHome(problem, axis) === null && !hasProduct(problem, axis);
}

function hasProduct(problem: Problem, axis: AxisRef): boolean {
  const sum = axis.kind === "sum" ? problem.sums[axis.index] : undefined;
  if (sum === undefined) return false;
  return (
    (sum.productUnits ?? 0) !== 0 || hasProduct(problem, sum.left) || hasProduct(problem, sum.right)
  );
}

/** Sums that a term is indexed by, and the operands of those that are not planned. */
export function usedSums(problem: Problem): number[] {
  const used = new Set<number>();
  const use = (axis: AxisRef): void => {
    if (axis.kind !== "sum" || used.has(axis.index)) return;
    used.add(axis.index);
    const sum = problem.sums[axis.index];
    if (sum === undefined || isLinear(problem, axis)) return;
    use(sum.left);
    use(sum.right);
  };
  for (const { axes } of problem.terms) axes.forEach(use);
  return [...used].sort((one, other) => one - other);
}

export function keyOf({ kind, index }: PartRef): string {
  return `${kind} ${index}`;
}

function partKey({ ref, units }: SumPart): string {
  return `${keyOf(ref)} x ${units}`;
}

/** The dims that a sum is made of, each once. */
function dimsOf(problem: Problem, axis: AxisRef): Parts {
  const weights = new Map<number, number>();
  const add = (each: AxisRef, units: number): void => {
    if (each.kind === "dim") {
      weights.set(each.index, (weights.get(each.index) ?? 0) + units);
      return;
    }
    const sum = problem.sums[each.index];
    if (sum === undefined) return;
    add(sum.left, units * sum.leftUnits);
    add(sum.right, units * sum.rightUnits);
  };
  add(axis, 1);
  const parts: Parts = new Map();
  for (const [index, units] of weights) {
    const part: SumPart = { ref: { kind: "dim", index }, units };
    parts.set(partKey(part), part);
  }
  return parts;
}

/** A sum that lies inside another one becomes a part of it, the largest first. */
function useContained(lists: Lists): void {
  const bySize = [...lists.values()].sort((one, other) => one.parts.size - other.parts.size);
  const whole = bySize.map(({ parts }) => [...parts.keys()]);
  for (const [at, { parts }] of bySize.entries()) {
    for (let inner = at - 1; inner >= 0; inner -= 1) {
      const keys = whole[inner] ?? [];
      const other = bySize[inner];
      if (other === undefined || !keys.every((key) => parts.has(key))) continue;
      for (const key of keys) parts.delete(key);
      const part: SumPart = { ref: other.ref, units: 1 };
      parts.set(partKey(part), part);
    }
  }
}

/** The number of units that dims and sums can have. */
type Values = (ref: PartRef) => readonly number[];

function createValues(problem: Problem, lists: Lists): Values {
  const known = new Map<string, readonly number[]>();
  const valuesOf: Values = (ref) => {
    const key = keyOf(ref);
    const found = known.get(key);
    if (found !== undefined) return found;
    const values =
      ref.kind === "partial"
        ? reachable([...(lists.get(key)?.parts.values() ?? [])], valuesOf)
        : axisCounts(problem, { kind: ref.kind, index: ref.index });
    known.set(key, values);
    return values;
  };
  return valuesOf;
}

function reachable(parts: readonly SumPart[], valuesOf: Values): number[] {
  let sums = new Set<number>([0]);
  for (const { ref, units } of parts) {
    const next = new Set<number>();
    for (const value of valuesOf(ref)) for (const sum of sums) next.add(sum + units * value);
    sums = next;
  }
  return [...sums].sort((one, other) => one - other);
}

/** Pairs of parts that several sums have become partial sums of their own. */
function sharePairs(lists: Lists, valuesOf: Values): void {
  for (;;) {
    const pair = mostFrequentPair(lists, valuesOf);
    if (pair === null) return;
    // Where the pair is all of one sum, that sum is the partial sum.
    const whole = [...lists.values()].find(
      ({ parts }) => parts.size === 2 && pair.every((part) => parts.has(partKey(part))),
    );
    const ref = whole?.ref ?? addPartial(lists, pair);
    replace(lists, pair, ref);
  }
}

function addPartial(lists: Lists, parts: readonly SumPart[]): PartRef {
  const ref: PartRef = { kind: "partial", index: lists.size };
  lists.set(keyOf(ref), { ref, parts: new Map(parts.map((part) => [partKey(part), part])) });
  return ref;
}

/** Puts a sum in the place of its parts, everywhere but in itself. */
function replace(lists: Lists, pair: readonly SumPart[], ref: PartRef): void {
  for (const list of lists.values()) {
    if (list.ref === ref || !pair.every((part) => list.parts.has(partKey(part)))) continue;
    for (const part of pair) list.parts.delete(partKey(part));
    const whole: SumPart = { ref, units: 1 };
    list.parts.set(partKey(whole), whole);
  }
}

/** Null where no pair is in two sums. Of equals the one with fewer combinations. */
function mostFrequentPair(lists: Lists, valuesOf: Values): readonly SumPart[] | null {
  const counts = new Map<string, { readonly pair: readonly SumPart[]; count: number }>();
  for (const { parts } of lists.values()) {
    const keys = [...parts.keys()].sort();
    for (const [at, one] of keys.entries()) {
      for (const other of keys.slice(at + 1)) {
        const key = `${one} + ${other}`;
        const found = counts.get(key);
        if (found !== undefined) found.count += 1;
        else {
          const pair = [parts.get(one), parts.get(other)].filter((part) => part !== undefined);
          counts.set(key, { pair, count: 1 });
        }
      }
    }
  }
  const sizeOf = (pair: readonly SumPart[]): number =>
    pair.reduce((product, { ref }) => product * valuesOf(ref).length, 1);
  let best: { readonly pair: readonly SumPart[]; readonly count: number } | null = null;
  for (const each of counts.values()) {
    if (each.count < Math.max(2, best?.count ?? 0)) continue;
    const isBetter =
      best === null || each.count > best.count || sizeOf(each.pair) < sizeOf(best.pair);
    if (isBetter) best = each;
  }
  return best?.pair ?? null;
}

/** Sums of more than two parts become chains, the smallest parts first. */
function chainTheRest(lists: Lists, valuesOf: Values): void {
  for (const { parts } of [...lists.values()]) {
    while (parts.size > 2) {
      const [one, other] = [...parts.values()].sort(
        (left, right) => valuesOf(left.ref).length - valuesOf(right.ref).length,
      );
      if (one === undefined || other === undefined) break;
      const ref = addPartial(lists, [one, other]);
      parts.delete(partKey(one));
      parts.delete(partKey(other));
      const partial: SumPart = { ref, units: 1 };
      parts.set(partKey(partial), partial);
    }
  }
}

/** Parts before sums. */
function inOrder(lists: Lists, valuesOf: Values): PlannedSum[] {
  const done = new Set<string>();
  const order: PlannedSum[] = [];
  const visit = (key: string): void => {
    const list = lists.get(key);
    if (list === undefined || done.has(key)) return;
    done.add(key);
    const parts = [...list.parts.values()];
    for (const { ref } of parts) visit(keyOf(ref));
    order.push({ ref: list.ref, parts, values: valuesOf(list.ref) });
  };
  for (const key of lists.keys()) visit(key);
  return order;
}
