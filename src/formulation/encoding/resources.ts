import { at } from "../../core/at.ts";
import type { Context } from "./context.ts";
import type { Usage } from "./tables.ts";

/**
 * Each resource is one row; a soft one may be exceeded by e, which the objective pays for. Resources of one group share
 * their e, so that it is the largest of their excesses:
 *
 *     usage[r] <= limit[r]
 *     usage[r] - e[group(r)] <= limit[r],   objective -= penalty * e[group(r)],   e >= 0
 *
 * A row is scaled by a power of two, which changes no digit, so that its largest coefficient is between 2^12 and
 * 2^20: solvers accept an absolute violation of about 1e-6, which must be nothing beside a table's cells.
 */
export function addResources(context: Context, usages: readonly Usage[]): void {
  const { problem, builder } = context;
  addTies(context, usages);
  const excesses = new Map<string, Excess>();
  problem.resources.forEach((resource, index) => {
    const usage = usages[index];
    if (usage === undefined || resource.limit === Number.POSITIVE_INFINITY) return;
    const scale = powerOfTwoScale(usage.coefficients, 12, 20);
    const excess = excessOf(context, index, usage, excesses);
    const side = (resource.limit - usage.constant) * scale;
    builder.row(Number.NEGATIVE_INFINITY, side, () => `limit[${resource.name}]`);
    usage.columns.forEach((column, entry) => {
      builder.entry(column, at(usage.coefficients, entry) * scale);
    });
    if (excess !== null) builder.entry(excess.column, -excess.unit * scale);
  });
}

interface Excess {
  readonly column: number;
  /** Of the resource per 1 of the column: a cell of its tables, so that the numbers are of one size. */
  readonly unit: number;
}

/** The column that a soft resource's excess is counted in, one per group. */
function excessOf(
  context: Context,
  index: number,
  usage: Usage,
  excesses: Map<string, Excess>,
): Excess | null {
  const { problem, builder } = context;
  const { penalty, group, name } = at(problem.resources, index);
  if (!penalty) return null;
  const key = group ?? `#${index}`;
  const known = excesses.get(key);
  if (known !== undefined) return known;
  const unit = usage.coefficients.reduce((most, cell) => Math.max(most, Math.abs(cell)), 0) || 1;
  const column = builder.column(
    0,
    Number.POSITIVE_INFINITY,
    false,
    () => `excess[${group ?? name}]`,
  );
  builder.addObjective(column, -penalty * unit);
  const excess = { column, unit };
  excesses.set(key, excess);
  return excess;
}

/** What a dropped layer's tie costs, on its states t[k]. */
function addTies({ problem, tieColumns }: Context, usages: readonly Usage[]): void {
  problem.layers.forEach(({ tieCost }, layer) => {
    const first = at(tieColumns, layer);
    if (first === null) return;
    usages.forEach((usage, resource) => {
      tieCost?.[resource]?.forEach((amount, option) => {
        if (amount === 0) return;
        usage.columns.push(first + option);
        usage.coefficients.push(amount);
      });
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
