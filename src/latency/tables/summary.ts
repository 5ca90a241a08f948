import type { LatencyOp, LatencyTable } from "../table.ts";

/** Cells by where their times come from. */
export interface Coverage {
  readonly cells: number;
  readonly measured: number;
  readonly interpolated: number;
  readonly predicted: number;
}

export function coverageOf(ops: readonly LatencyOp[]): Coverage {
  const counts = { m: 0, i: 0, p: 0 };
  for (const { origin } of ops) {
    for (const letter of origin) counts[letter as keyof typeof counts] += 1;
  }
  const { m, i, p } = counts;
  return { cells: m + i + p, measured: m, interpolated: i, predicted: p };
}

/**
 * Days since the table was made; null where its date is none.
 * @param now milliseconds since 1970
 */
export function ageDays({ date }: Pick<LatencyTable, "date">, now: number): number | null {
  const made = Date.parse(date);
  return Number.isNaN(made) ? null : Math.max(0, (now - made) / 86_400_000);
}

/** The widest cell of every operation and what no choice changes, in milliseconds. */
export function widestSumMs({ ops, fixedMs }: LatencyTable): number {
  return ops.reduce((sum, op) => sum + (op.ms.at(-1) ?? 0), fixedMs);
}
