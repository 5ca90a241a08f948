import { createModelBuilder, type ModelBuilder } from "../src/mip/builder.ts";
import type { Model } from "../src/mip/model.ts";

const AXES = 6;
const OPTIONS = 4;

/**
 * A small program like those of networks: one option of each axis, a table over each pair of neighbours, one limit on their
 * sum. A solver that has solved it has compiled what the real one needs; its answer is of no interest.
 */
export function warmUpModel(): Model {
  const builder = createModelBuilder("warm-up", "maximize");
  const axes = Array.from({ length: AXES }, (_, axis) =>
    Array.from({ length: OPTIONS }, (_, option) => {
      const column = builder.column(0, 1, true, `y${axis}.${option}`);
      builder.addObjective(column, 10 * Math.sqrt(option + 1) + uneven(axis, option));
      return column;
    }),
  );
  for (const columns of axes) {
    builder.row(1, 1, "one");
    for (const column of columns) builder.entry(column, 1);
  }
  const costs = axes
    .slice(0, -1)
    .flatMap((left, axis) => addTable(builder, left, axes[axis + 1] ?? [], axis));
  builder.row(Number.NEGATIVE_INFINITY, 0.45 * costs.length, "limit");
  for (const [column, cost] of costs) builder.entry(column, cost);
  return builder.build();
}

/** The columns of a table over two axes, tied to them, with what they cost. */
function addTable(
  builder: ModelBuilder,
  left: readonly number[],
  right: readonly number[],
  axis: number,
): (readonly [column: number, cost: number])[] {
  const first = builder.unitColumns(OPTIONS * OPTIONS, (cell) => `w${axis}.${cell}`);
  const tie = (column: number, cells: (other: number) => number): void => {
    builder.row(0, 0, "tie");
    builder.entry(column, -1);
    for (let other = 0; other < OPTIONS; other += 1) builder.entry(first + cells(other), 1);
  };
  for (const [i, column] of left.entries()) tie(column, (j) => i * OPTIONS + j);
  for (const [j, column] of right.entries()) tie(column, (i) => i * OPTIONS + j);
  return Array.from({ length: OPTIONS * OPTIONS }, (_, cell) => {
    const [i, j] = [Math.floor(cell / OPTIONS), cell % OPTIONS];
    return [first + cell, (i + 1) * (j + 1) + uneven(axis, cell)] as const;
  });
}

/** A number between 0 and 1 that follows no pattern that a solver could use. */
function uneven(one: number, other: number): number {
  return (((one + 1) * 7919 + (other + 1) * 104_729) % 997) / 997;
}
