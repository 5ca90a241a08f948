/**
 * Cells from few cells: convolutions measured on a V100 under TensorRT (the shared test data; nothing of it is shipped), of
 * which a fifth and a twentieth are known and the others predicted, beside linear interpolation in logarithms inside each group.
 *
 *   npm run bench:latency [-- ../shared [seeds]]
 *
 * A group is one kernel, stride, size, batch, and whether something is fused to the convolution. Each measured row is hidden by
 * itself, so that of a convolution with and without what is fused to it one may be known and the other hidden; a second line
 * of ours hides such twins together.
 */
import { join } from "node:path";
import { randomFrom } from "../src/core/random.ts";
import type { CellPrediction, KnownCell } from "../src/latency/cells/cell.ts";
import { fitOpCells } from "../src/latency/cells/fit-op-cells.ts";
import { quantile } from "../src/runtime/timing.ts";
import { readV100Cells } from "../test/helpers/v100-cells.ts";
import { interpolateInGroup } from "./latency/interpolate.ts";

const PRECISIONS = [
  { name: "fp32", elementBytes: 4 },
  { name: "fp16", elementBytes: 2 },
] as const;
const SHARES = [
  { share: 0.2, median: 0.06, p90: 0.2 },
  { share: 0.05, median: 0.1, p90: 0.3 },
] as const;
const COVERAGE = 0.9;

function groupOf({ batch, height, width, kernel, stride, fused }: KnownCell): string {
  return [batch, height, width, kernel, stride, fused].join(" ");
}

/** The same for a convolution with and without what is fused to it. */
function twinOf(cell: KnownCell): string {
  return [groupOf({ ...cell, fused: false }), cell.inChannels, cell.outChannels].join(" ");
}

interface Split {
  readonly known: readonly KnownCell[];
  readonly hidden: readonly KnownCell[];
}

/** Each cell is known with that chance; cells of one key share their luck. */
function split(
  cells: readonly KnownCell[],
  share: number,
  seed: number,
  keyOf: ((cell: KnownCell) => string) | null,
): Split {
  const random = randomFrom(seed);
  const luck = new Map<string, boolean>();
  const known: KnownCell[] = [];
  const hidden: KnownCell[] = [];
  for (const cell of cells) {
    const key = keyOf?.(cell);
    const chosen = (key === undefined ? undefined : luck.get(key)) ?? random.next() < share;
    if (key !== undefined) luck.set(key, chosen);
    (chosen ? known : hidden).push(cell);
  }
  return { known, hidden };
}

interface Judged {
  readonly cell: KnownCell;
  /** |predicted / measured - 1| */
  readonly error: number;
  /** Whether the interval held the measured time; null where there is none. */
  readonly held: boolean | null;
}

/** A way to predict, judged on all its splits. */
interface Way {
  readonly name: string;
  readonly keyOf: ((cell: KnownCell) => string) | null;
  readonly predict: (split: Split, elementBytes: number, seed: number) => Judged[];
}

function ours({ known, hidden }: Split, elementBytes: number, seed: number): Judged[] {
  const model = fitOpCells(known, { elementBytes, coverage: COVERAGE, seed });
  const predictions = model.predictAll(hidden);
  return hidden.map((cell, index) => {
    const { ms, low, high } = predictions[index] as CellPrediction;
    return { cell, error: Math.abs(ms / cell.ms - 1), held: low <= cell.ms && cell.ms <= high };
  });
}

function interpolated({ known, hidden }: Split): Judged[] {
  const groups = new Map<string, KnownCell[]>();
  for (const cell of known) {
    const key = groupOf(cell);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [cell]);
    else group.push(cell);
  }
  // Where a group has no known cell there is nothing to interpolate; those few are left out of its figures.
  return hidden.flatMap((cell) => {
    const ms = interpolateInGroup(groups.get(groupOf(cell)) ?? [], cell);
    return ms === null ? [] : [{ cell, error: Math.abs(ms / cell.ms - 1), held: null }];
  });
}

const WAYS: readonly Way[] = [
  { name: "interpolation", keyOf: null, predict: interpolated },
  { name: "ours", keyOf: null, predict: ours },
  { name: "ours, twins hidden together", keyOf: twinOf, predict: ours },
];

function figures(judged: readonly Judged[]): string {
  const errors = judged.map(({ error }) => error);
  const held = judged.filter((one) => one.held === true).length;
  const coverage = judged[0]?.held === null ? "-" : percent(held / judged.length);
  return [
    `median ${percent(quantile(errors, 0.5))}`,
    `p90 ${percent(quantile(errors, 0.9))}`,
    `within interval ${coverage}`,
  ].join("  ");
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1).padStart(5)} %`;
}

/** Parts of the cells to look at apart. */
const PARTS: readonly (readonly [string, (cell: KnownCell) => string])[] = [
  ["kernel", ({ kernel, stride }) => `${kernel}x${kernel} stride ${stride}`],
  ["batch", ({ batch }) => `batch ${batch}`],
  ["size", ({ width }) => (width < 16 ? "below 16" : width < 64 ? "16 to 63" : "64 and more")],
];

function printParts(judged: readonly Judged[]): void {
  for (const [what, keyOf] of PARTS) {
    const keys = [...new Set(judged.map(({ cell }) => keyOf(cell)))].sort();
    for (const key of keys) {
      const those = judged.filter(({ cell }) => keyOf(cell) === key);
      console.log(`      ${what.padEnd(7)}${key.padEnd(14)}${figures(those)}  (${those.length})`);
    }
  }
}

function judge(shared: string, seeds: number): void {
  for (const { name, elementBytes } of PRECISIONS) {
    const cells = readV100Cells(join(shared, `latency/v100-tensorrt-conv-${name}.csv.gz`));
    for (const { share, median, p90 } of SHARES) {
      const wanted = `wanted: median ${percent(median)}, p90 ${percent(p90)}`;
      console.log(`\n${name}, ${percent(share)} of ${cells.length} cells known; ${wanted}`);
      for (const way of WAYS) {
        const started = performance.now();
        const judged = Array.from({ length: seeds }, (_, seed) => {
          const parts = split(cells, share, seed + 1, way.keyOf);
          return way.predict(parts, elementBytes, seed + 1);
        });
        const seconds = (performance.now() - started) / 1000 / seeds;
        console.log(`  ${way.name}, ${seconds.toFixed(0)} s per seed`);
        for (const [seed, one] of judged.entries()) {
          console.log(`    seed ${seed + 1}  ${figures(one)}`);
        }
        printParts(judged.flat());
      }
    }
  }
}

judge(process.argv[2] ?? "../shared", Number(process.argv[3] ?? 2));
