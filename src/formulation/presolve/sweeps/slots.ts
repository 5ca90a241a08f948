import { type FactorGraph, scopeSizes, stridesOf, walkBox } from "../factors/factors.ts";

/** Tables of one bucket that were summed into one. */
export interface Slot {
  /** The variables that it is indexed by. Where all combinations are allowed, the bucket's own is the last one. */
  readonly axes: readonly number[];
  /** Stride per variable of the bucket's `out`; 0 where it doesn't depend on it. */
  readonly outStrides: readonly number[];
  /** Stride of the bucket's own variable; 1 where all combinations are allowed. */
  readonly ownStride: number;
  /** States per axis, and their strides. */
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  readonly gain: Float64Array | null;
  readonly cost: readonly (Float64Array | null)[];
  readonly messages: readonly Incoming[];
  /** gain - multipliers * cost + messages; what a sweep fills. */
  readonly table: Float64Array;
}

/** A message of an earlier bucket. */
export interface Incoming {
  readonly bucket: number;
  /** The message's stride per axis of the slot; 0 where it doesn't depend on it. */
  readonly along: readonly number[];
  /** Whether it has the same cells as the slot, in the same order. */
  readonly isWhole: boolean;
}

/** A table on its way into a bucket, or a link, which is a rule without a table. */
export interface Input {
  /** What it depends on, the variables that go later first. */
  readonly scope: readonly number[];
  /** What its table is indexed by, in that order, too. */
  readonly axes: readonly number[];
  readonly cells: number;
  readonly factor: number | null;
  readonly bucket: number | null;
}

/** Each input goes into the first larger one that has all its axes. */
export function slotsOf(
  graph: FactorGraph,
  { variable, out }: { readonly variable: number; readonly out: readonly number[] },
  inputs: readonly Input[],
): Slot[] {
  const groups: { axes: readonly number[]; members: Input[] }[] = [];
  const tables = inputs.filter(({ factor, bucket }) => factor !== null || bucket !== null);
  for (const input of tables.sort((one, other) => other.cells - one.cells)) {
    const host = groups.find(({ axes }) => input.axes.every((each) => axes.includes(each)));
    if (host === undefined) groups.push({ axes: input.axes, members: [input] });
    else host.members.push(input);
  }
  return groups.map(({ axes, members }) => {
    const tables = summed(graph, axes, members);
    const strideOf = (each: number): number => tables.strides[axes.indexOf(each)] ?? 0;
    return { ...tables, outStrides: out.map(strideOf), ownStride: strideOf(variable) };
  });
}

function summed(
  graph: FactorGraph,
  axes: readonly number[],
  members: readonly Input[],
): Omit<Slot, "outStrides" | "ownStride"> {
  const sizes = scopeSizes(graph, axes);
  const strides = stridesOf(sizes);
  const cells = sizes.reduce((product, size) => product * size, 1);
  let gain: Float64Array | null = null;
  const cost: (Float64Array | null)[] = Array.from({ length: graph.resourceCount }, () => null);
  const messages: Incoming[] = [];
  for (const { axes: own, factor, bucket } of members) {
    if (bucket !== null) {
      const isWhole = own.length === axes.length;
      const ownStrides = stridesOf(scopeSizes(graph, own));
      const along = axes.map((variable) => ownStrides[own.indexOf(variable)] ?? 0);
      messages.push({ bucket, along, isWhole });
      continue;
    }
    const source = graph.factors[factor ?? -1];
    if (source === undefined) continue;
    const sourceStrides = stridesOf(scopeSizes(graph, source.scope));
    const along = axes.map((variable) => sourceStrides[source.scope.indexOf(variable)] ?? 0);
    gain ??= new Float64Array(cells);
    spread(gain, source.gain, sizes, strides, along);
    source.cost.forEach((table, r) => {
      if (table === null) return;
      const total = cost[r] ?? new Float64Array(cells);
      cost[r] = total;
      spread(total, table, sizes, strides, along);
    });
  }
  return { axes, sizes, strides, gain, cost, messages, table: new Float64Array(cells) };
}

/** Adds a table to a larger one. */
function spread(
  total: Float64Array,
  table: Float64Array,
  lengths: readonly number[],
  strides: readonly number[],
  tableStrides: readonly number[],
): void {
  walkBox(lengths, strides, tableStrides, (a, b) => {
    total[a] = (total[a] ?? 0) + (table[b] ?? 0);
  });
}
