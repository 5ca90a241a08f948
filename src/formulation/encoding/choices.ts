import type { ProblemDim } from "../problem/problem.ts";
import { activityBound, type Context, subtractActivity } from "./context.ts";

/**
 * One option per dim; a dim inside a block has the further state "dropped":
 *
 *     sum over k of y[d][k] = 1            for a dim that outlives every block
 *     sum over k of y[d][k] = z[block(d)]  for a dim inside a block
 *
 * Where the program is to be `ordered`, what a search branches on is "at most the k-th option", which parts the options evenly,
 *
 *     c[d][k] = c[d][k-1] + y[d][k],   c[d][0] = y[d][0]
 *
 * with binary c in place of the y between the first and the last one, which are whole where the c are. (The last two c would say what
 * the last y and the block say.)
 */
export function addChoices(context: Context): void {
  const { problem, builder } = context;
  for (const dim of problem.dims) {
    const last = dim.counts.length - 1;
    const columns = dim.counts.map((count, option) => {
      const isBinary = !context.isOrdered || option === 0 || option === last;
      return builder.column(0, 1, isBinary, () => `y[${dim.name},${count}]`);
    });
    context.dimColumns.push(columns);
    context.upToColumns.push(context.isOrdered ? addUpTo(context, dim, columns) : []);
    const activity = { block: dim.block, layer: null };
    const side = activityBound(context, activity);
    builder.row(side, side, () => `one_option[${dim.name}]`);
    for (const column of columns) builder.entry(column, 1);
    subtractActivity(context, activity);
  }
}

/** c[d][k] from the second option to the last but two. */
function addUpTo(
  { builder }: Context,
  { name, counts }: ProblemDim,
  columns: readonly number[],
): number[] {
  const upTo: number[] = [];
  let before = columns[0] ?? -1;
  for (let option = 1; option < columns.length - 2; option += 1) {
    const column = builder.column(0, 1, true, () => `up_to[${name},${counts[option]}]`);
    builder.row(0, 0, () => `up_to[${name},${counts[option]}]`);
    builder.entry(column, 1);
    builder.entry(before, -1);
    builder.entry(columns[option] ?? -1, -1);
    upTo.push(column);
    before = column;
  }
  return upTo;
}
