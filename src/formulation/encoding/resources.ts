import type { Context } from "./context.ts";
import type { Usage } from "./tables.ts";

/**
 * Each resource is one row:
 *
 *     usage[r] <= limit[r]
 *
 * A row is scaled by a power of two, which changes no digit, so that its largest coefficient is between 2^12 and
 * 2^20: solvers accept an absolute violation of about 1e-6, which must be nothing beside a table's cells.
 */
export function addResources(context: Context, usages: readonly Usage[]): void {
  const { problem, builder } = context;
  problem.resources.forEach((resource, index) => {
    const usage = usages[index];
    if (usage === undefined || resource.limit === Number.POSITIVE_INFINITY) return;
    const scale = powerOfTwoScale(usage.coefficients, 12, 20);
    const side = (resource.limit - usage.constant) * scale;
    builder.row(Number.NEGATIVE_INFINITY, side, () => `limit[${resource.name}]`);
    usage.columns.forEach((column, at) => {
      builder.entry(column, (usage.coefficients[at] ?? 0) * scale);
    });
  });
}

/** The power of two that brings the largest magnitude between 2^low and 2^high; 1 where it already is. */
export function powerOfTwoScale(values: Iterable<number>, low: number, high: number): number {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  if (largest === 0) return 1;
  const exponent = Math.floor(Math.log2(largest));
  if (exponent < low) return 2 ** (low - exponent);
  return exponent > high ? 2 ** (high - exponent) : 1;
}
