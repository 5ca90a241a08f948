/**
 * Energy and memory of whole networks, divided among operations:
 *
 *     energy of a network = fixed + sum over its operations of power(kind) * time      power >= 0
 *
 * Counters tell the energy of a run, not of an operation; but a kind of operation draws about one power wherever it
 * stands, so that the powers of the kinds follow from the networks that were measured. Memory likewise, with the channels
 * that an operation reads and writes in the place of its time.
 */
import { droppedNodes, evaluateCount } from "../../structure/counts.ts";
import type { Structure } from "../../structure/structure.ts";
import { nonnegativeLeastSquares } from "../fit/nonnegative.ts";
import { countsAt, latencyMs } from "../lookup.ts";
import type { RunSample } from "../run-sample.ts";
import type { LatencyOp, LatencyTable } from "../table.ts";

/** A whole network with an amount that it took. */
export interface WeighedNetwork {
  /** Units kept per dim, none of dropped blocks' own. */
  readonly units: readonly number[];
  readonly droppedBlocks: readonly number[];
  readonly droppedLayers: readonly number[];
  /** Millijoules per run, or bytes. */
  readonly amount: number;
}

/** As few as this say nothing of kinds. */
const ENOUGH = 12;

/**
 * The table with the columns that its samples give.
 * @param settings of the device: `energy` says what gave it, where that is no RAPL
 */
export function withSampledColumns(
  table: LatencyTable,
  structure: Structure,
  samples: readonly RunSample[],
  settings: Readonly<Record<string, string>>,
): LatencyTable {
  const how = { energyMj: settings["energy"] ?? "RAPL", memoryBytes: "above the idle device" };
  return (["energyMj", "memoryBytes"] as const).reduce((made, column) => {
    const networks = samples.flatMap((sample) => {
      const amount = sample[column];
      return amount === undefined || !(amount > 0)
        ? []
        : [{ ...sample, units: sample.counts, amount }];
    });
    return networks.length < ENOUGH
      ? made
      : withColumn(
          made,
          structure,
          column,
          networks,
          `${how[column]}, ${networks.length} networks`,
        );
  }, table);
}

/** Kinds with fewer operations than this are taken together. */
const OWN_COLUMN = 3;
const OTHERS = "others";

/** What an operation's share is in proportion to, at the given channels. */
type Basis = (op: LatencyOp, counts: readonly number[]) => number;

const BASES = {
  energyMj: (op, counts) => latencyMs(op, counts).ms,
  memoryBytes: (_, counts) =>
    counts.reduce((product, count) => product * count, 1) +
    counts.reduce((sum, count) => sum + count, 0),
} as const satisfies Record<"energyMj" | "memoryBytes", Basis>;

/**
 * The table with a column of energy or memory.
 * @param networks at least as many as kinds of operations; the whole network first
 * @param how what gave the amounts, for people
 */
export function withColumn(
  table: LatencyTable,
  structure: Structure,
  column: "energyMj" | "memoryBytes",
  networks: readonly WeighedNetwork[],
  how: string,
): LatencyTable {
  const basis: Basis = BASES[column];
  const kinds = kindsOf(table.ops);
  const columns = [...new Set(table.ops.map(({ kind }) => kinds(kind)))];
  const fixed = columns.length;
  const rows = networks.map(({ units, droppedBlocks, droppedLayers, amount }) => {
    const sums = new Float64Array(columns.length + 1);
    sums[fixed] = 1;
    const gone = goneFrom(structure, droppedBlocks, droppedLayers);
    for (const op of table.ops) {
      if (gone.has(op.id)) continue;
      const at = columns.indexOf(kinds(op.kind));
      const counts = op.axes.map((axis) => evaluateCount(axis, units));
      sums[at] = (sums[at] ?? 0) + basis(op, counts);
    }
    // In relative terms: a small network's amount counts as much as a large one's.
    return { row: sums, amount };
  });
  const sizes = columns.map((_, at) => Math.max(...rows.map(({ row }) => row[at] ?? 0), 1e-12));
  const scaled = rows.map(({ row, amount }) =>
    row.map((value, at) => value / (sizes[at] ?? 1) / amount),
  );
  const fitted = nonnegativeLeastSquares(
    scaled,
    rows.map(() => 1),
  );
  const factorOf = (kind: string): number => {
    const at = columns.indexOf(kinds(kind));
    return (fitted[at] ?? 0) / (sizes[at] ?? 1);
  };
  const ops = table.ops.map((op) => ({
    ...op,
    [column]: op.ms.map((_, cell) => factorOf(op.kind) * basis(op, countsAt(cell, op.counts))),
  }));
  const dense = networks[0]?.amount ?? 0;
  return { ...table, [column]: { dense, fixed: fitted[fixed] ?? 0, how }, ops };
}

function kindsOf(ops: readonly LatencyOp[]): (kind: string) => string {
  const counts = new Map<string, number>();
  for (const { kind } of ops) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return (kind) => ((counts.get(kind) ?? 0) >= OWN_COLUMN ? kind : OTHERS);
}

/** Nodes that are not there, the Adds of dropped blocks included. Blocks inside of dropped ones are gone with them. */
function goneFrom(
  structure: Structure,
  dropped: readonly number[],
  droppedLayers: readonly number[],
): ReadonlySet<string> {
  const isGone = (index: number | null): boolean =>
    index !== null && (dropped.includes(index) || isGone(structure.blocks[index]?.parent ?? null));
  const droppedBlocks = structure.blocks.map(({ index }) => index).filter(isGone);
  const adds = droppedBlocks.flatMap((index) => structure.blocks[index]?.add ?? []);
  return new Set<string>([...droppedNodes(structure, { droppedBlocks, droppedLayers }), ...adds]);
}
