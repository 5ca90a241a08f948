import { activityBound, type Context, subtractActivity } from "./context.ts";

/**
 * One option per dim; a dim inside a block has the further state "dropped":
 *
 *     sum over k of y[d][k] = 1            for a dim that outlives every block
 *     sum over k of y[d][k] = z[block(d)]  for a dim inside a block
 */
export function addChoices(context: Context): void {
  const { problem, builder } = context;
  for (const dim of problem.dims) {
    const columns = dim.counts.map((count) =>
      builder.column(0, 1, true, () => `y[${dim.name},${count}]`),
    );
    context.dimColumns.push(columns);
    const activity = { block: dim.block, layer: null };
    const side = activityBound(context, activity);
    builder.row(side, side, () => `one_option[${dim.name}]`);
    for (const column of columns) builder.entry(column, 1);
    subtractActivity(context, activity);
  }
}
