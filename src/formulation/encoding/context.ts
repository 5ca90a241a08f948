import { at } from "../../core/at.ts";
import type { ModelBuilder } from "../../mip/builder.ts";
import type { Problem } from "../problem/problem.ts";

/** A column with its coefficient. */
export interface Entry {
  readonly column: number;
  readonly coefficient: number;
}

/**
 * Per option of an axis, an expression that is 1 where the axis has that option and its activity holds, and
 * 0 otherwise. Over all options it sums to the activity.
 */
export type State = readonly (readonly Entry[])[];

/** When something counts: while its block is kept and its layer is not dropped; always, where both are null. */
export interface Activity {
  readonly block: number | null;
  readonly layer: number | null;
}

/** What the constraint families share while a model is built. */
export interface Context {
  readonly problem: Problem;
  readonly builder: ModelBuilder;
  /** Binary z per block: 1 while it is kept. */
  readonly blockColumns: number[];
  /** Whether a search is to branch on the order of options; see choices.ts. */
  readonly isOrdered: boolean;
  /** y per dim and option. */
  readonly dimColumns: number[][];
  /** c per dim, from the second option to the last but two; none where the program isn't ordered. */
  readonly upToColumns: number[][];
  /** Binary a per layer: 1 while it stands, 0 where it or its block is dropped. */
  readonly layerColumns: number[];
  /** Per layer, the first of its tie states t[k]; null for a layer without a tie. */
  readonly tieColumns: (number | null)[];
  /** States that were built already, by axis and activity; see presence.ts. */
  readonly states: Map<string, State>;
  /** First columns of joint states that were built already; see tables.ts. */
  readonly joints: Map<string, number>;
}

/** The column that is 1 exactly while the activity holds; null where it always holds. */
export function activityColumn(context: Context, { block, layer }: Activity): number | null {
  if (layer !== null) return at(context.layerColumns, layer);
  return block === null ? null : at(context.blockColumns, block);
}

export function activityKey({ block, layer }: Activity): string {
  return `b${block ?? "-"}l${layer ?? "-"}`;
}

/** Adds entries to the open row, times a factor. */
export function addEntries(context: Context, entries: readonly Entry[], factor: number): void {
  for (const { column, coefficient } of entries)
    context.builder.entry(column, coefficient * factor);
}

/** Adds "- activity" to the open row, whose bounds must come from `activityBound`. */
export function subtractActivity(context: Context, activity: Activity): void {
  const column = activityColumn(context, activity);
  if (column !== null) context.builder.entry(column, -1);
}

/** Right-hand side of a row "something - activity": 0, or 1 where the activity is the constant 1. */
export function activityBound(context: Context, activity: Activity): number {
  return activityColumn(context, activity) === null ? 1 : 0;
}
