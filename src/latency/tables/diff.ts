/** How two tables of one network differ: the factor between them, what moved beyond it, and by shape. */
import { quantile } from "../../runtime/timing.ts";
import { countsAt } from "../lookup.ts";
import type { LatencyOp, LatencyTable } from "../table.ts";
import { differentSettings } from "./same-setting.ts";

/** A cell that both tables have. */
export interface MovedCell {
  readonly op: string;
  readonly kind: string;
  readonly channels: readonly number[];
  readonly firstMs: number;
  readonly secondMs: number;
  readonly origins: string;
  /** secondMs / (drift * firstMs) - 1. */
  readonly moved: number;
}

export interface KindDrift {
  readonly kind: string;
  readonly cells: number;
  /** Median of second / first. */
  readonly ratio: number;
  /** 90 % quantile of |moved|. */
  readonly spread: number;
}

/** Cells by how long they take in the first table. */
export interface SizeDrift {
  /** A third of the cells: "shortest", "middle", "longest". */
  readonly part: string;
  readonly cells: number;
  readonly ratio: number;
}

export interface TableDiff {
  readonly settings: readonly string[];
  readonly denseMs: readonly [number, number];
  readonly fixedMs: readonly [number, number];
  /** Operations and cells that only one of them has. */
  readonly onlyFirst: readonly string[];
  readonly onlySecond: readonly string[];
  readonly cells: { readonly both: number; readonly first: number; readonly second: number };
  /** The factor that all cells share: the middle of second / first, weighted by time. */
  readonly drift: number;
  /** Median and 90 % quantile of |moved|. */
  readonly medianMoved: number;
  readonly p90Moved: number;
  /** Cells that moved by more than the threshold, those with most time first. */
  readonly threshold: number;
  readonly moved: readonly MovedCell[];
  readonly byKind: readonly KindDrift[];
  readonly bySize: readonly SizeDrift[];
}

/** @param threshold share that a cell may move before it is listed */
export function diffTables(
  first: LatencyTable,
  second: LatencyTable,
  threshold: number,
): TableDiff {
  const others = new Map(second.ops.map((op) => [op.id, op]));
  const pairs = first.ops.flatMap((op) => {
    const other = others.get(op.id);
    return other === undefined ? [] : [[op, other] as const];
  });
  const shared = pairs.flatMap(([a, b]) => sharedCells(a, b));
  const drift = weightedMedian(shared.map((cell) => [cell.secondMs / cell.firstMs, cell.firstMs]));
  const cells = shared.map(
    (cell): MovedCell => ({ ...cell, moved: cell.secondMs / (drift * cell.firstMs) - 1 }),
  );
  const sizes = cells.map(({ moved }) => Math.abs(moved));
  const own = new Set(first.ops.map(({ id }) => id));
  return {
    settings: differentSettings(first, second),
    denseMs: [first.denseMs, second.denseMs],
    fixedMs: [first.fixedMs, second.fixedMs],
    onlyFirst: first.ops.filter(({ id }) => !others.has(id)).map(({ label }) => label),
    onlySecond: second.ops.filter(({ id }) => !own.has(id)).map(({ label }) => label),
    cells: {
      both: cells.length,
      first: cellCount(first) - cells.length,
      second: cellCount(second) - cells.length,
    },
    drift,
    medianMoved: quantile(sizes, 0.5),
    p90Moved: quantile(sizes, 0.9),
    threshold,
    moved: cells
      .filter(({ moved }) => Math.abs(moved) > threshold)
      .sort((a, b) => Math.abs(b.moved * b.firstMs) - Math.abs(a.moved * a.firstMs)),
    byKind: driftByKind(cells),
    bySize: driftBySize(cells),
  };
}

function cellCount({ ops }: LatencyTable): number {
  return ops.reduce((sum, { ms }) => sum + ms.length, 0);
}

function sharedCells(a: LatencyOp, b: LatencyOp): Omit<MovedCell, "moved">[] {
  const places = new Map(b.ms.map((_, cell) => [countsAt(cell, b.counts).join(","), cell]));
  return a.ms.flatMap((firstMs, cell) => {
    const channels = countsAt(cell, a.counts);
    const other = places.get(channels.join(","));
    const secondMs = other === undefined ? undefined : b.ms[other];
    if (other === undefined || secondMs === undefined || !(firstMs > 0)) return [];
    const origins = `${a.origin[cell]}${b.origin[other]}`;
    return [{ op: a.label, kind: a.kind, channels, firstMs, secondMs, origins }];
  });
}

function weightedMedian(pairs: readonly (readonly [number, number])[]): number {
  const sorted = [...pairs].sort(([a], [b]) => a - b);
  const half = sorted.reduce((sum, [, weight]) => sum + weight, 0) / 2;
  let passed = 0;
  for (const [value, weight] of sorted) {
    passed += weight;
    if (passed >= half) return value;
  }
  return 1;
}

function driftByKind(cells: readonly MovedCell[]): KindDrift[] {
  const kinds = new Map<string, MovedCell[]>();
  for (const cell of cells) {
    const own = kinds.get(cell.kind) ?? [];
    own.push(cell);
    kinds.set(cell.kind, own);
  }
  return [...kinds]
    .map(([kind, own]) => ({
      kind,
      cells: own.length,
      ratio: medianRatio(own),
      spread: quantile(
        own.map(({ moved }) => Math.abs(moved)),
        0.9,
      ),
    }))
    .sort((a, b) => b.cells - a.cells);
}

function driftBySize(cells: readonly MovedCell[]): SizeDrift[] {
  const sorted = [...cells].sort((a, b) => a.firstMs - b.firstMs);
  const third = Math.ceil(sorted.length / 3);
  return ["shortest", "middle", "longest"].flatMap((part, index) => {
    const own = sorted.slice(index * third, (index + 1) * third);
    return own.length === 0 ? [] : [{ part, cells: own.length, ratio: medianRatio(own) }];
  });
}

function medianRatio(cells: readonly MovedCell[]): number {
  return quantile(
    cells.map(({ firstMs, secondMs }) => secondMs / firstMs),
    0.5,
  );
}
