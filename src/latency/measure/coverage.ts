import { countsOf } from "../fit/fit-ops.ts";
import type { ProfiledOp } from "../ops.ts";
import type { RunSample } from "../run-sample.ts";
import type { LatencyTable } from "../table.ts";

/**
 * The share of a table's cells whose very operation ran at these counts. Cells that are known from another operation that does
 * the same work don't count, which the table's own `origin` counts as measured.
 */
export function ownCellShare(
  table: LatencyTable,
  ops: readonly ProfiledOp[],
  samples: readonly RunSample[],
): number {
  const inTable = new Set(table.ops.map(({ id }) => id));
  let ran = 0;
  for (const [index, op] of ops.entries()) {
    if (!inTable.has(op.id)) continue;
    const has = samples.filter(({ opMs }) => typeof opMs[index] === "number");
    ran += new Set(has.map((sample) => String(countsOf(op, sample)))).size;
  }
  return ran / table.ops.reduce((sum, { ms }) => sum + ms.length, 0);
}
