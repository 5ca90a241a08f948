import { at } from "../../core/at.ts";
import type { Context } from "./context.ts";

/**
 * A block is kept or dropped as a whole, and only inside a kept one:
 *
 *     z[child] <= z[parent]
 */
export function addBlocks(context: Context): void {
  const { problem, builder } = context;
  for (const block of problem.blocks) {
    context.blockColumns.push(builder.column(0, 1, true, () => `z[${block.name}]`));
  }
  problem.blocks.forEach((block, child) => {
    if (block.parent === null) return;
    builder.row(Number.NEGATIVE_INFINITY, 0, () => `inside[${block.name}]`);
    builder.entry(at(context.blockColumns, child), 1);
    builder.entry(at(context.blockColumns, block.parent), -1);
  });
}
