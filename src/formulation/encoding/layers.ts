import { at } from "../../core/at.ts";
import { activityBound, addEntries, type Context, subtractActivity } from "./context.ts";
import { stateOf } from "./presence.ts";

/**
 * A layer stands (a = 1) or is dropped inside a kept block. Dropped, it ties the dims on its two sides; t[k] is
 * the state "dropped, and both dims have option k", x and x' are the two dims' states while the block is kept:
 *
 *     a + sum over k of t[k] = z[block]     with a tie
 *     a <= z[block]                         without one
 *     t[k] <= x[k],  t[k] <= x'[k]
 *     (z - a) + (z' - a') <= 1              for a pair that may not both be dropped
 *
 * t needs no integrality: with a, z, y integral, sum t is 0 or 1, and in the second case t <= x and t <= x'
 * with sum x = sum x' = 1 force t = x = x'.
 */
export function addLayers(context: Context): void {
  const { problem, builder } = context;
  for (const layer of problem.layers) {
    context.layerColumns.push(builder.column(0, 1, true, () => `stands[${layer.name}]`));
  }
  problem.layers.forEach((_, index) => {
    context.tieColumns.push(addLayer(context, index));
  });
  for (const [first, second] of problem.exclusiveLayers) addExclusion(context, first, second);
}

/** Adds the rows of one layer; returns the first tie column, or null without a tie. */
function addLayer(context: Context, index: number): number | null {
  const { problem, builder } = context;
  const layer = at(problem.layers, index);
  const stands = at(context.layerColumns, index);
  const inBlock = { block: layer.block, layer: null };
  const side = activityBound(context, inBlock);
  if (layer.tie === null) {
    if (layer.block === null) return null;
    builder.row(Number.NEGATIVE_INFINITY, 0, () => `stands_in_block[${layer.name}]`);
    builder.entry(stands, 1);
    subtractActivity(context, inBlock);
    return null;
  }

  const { outlives, tied } = layer.tie;
  const counts = at(problem.dims, outlives).counts;
  const first = builder.unitColumns(counts.length, (k) => `t[${layer.name},${counts[k]}]`);
  builder.row(side, side, () => `stands_or_tied[${layer.name}]`);
  builder.entry(stands, 1);
  for (let k = 0; k < counts.length; k += 1) {
    builder.entry(first + k, 1);
    builder.addObjective(first + k, at(layer.tieGain, k));
  }
  subtractActivity(context, inBlock);
  for (const dim of [outlives, tied]) {
    const state = stateOf(context, { kind: "dim", index: dim }, inBlock);
    state.forEach((entries, k) => {
      builder.row(
        Number.NEGATIVE_INFINITY,
        0,
        () => `tied[${layer.name},${problem.dims[dim]?.name},${counts[k]}]`,
      );
      builder.entry(first + k, 1);
      addEntries(context, entries, -1);
    });
  }
  return first;
}

function addExclusion(context: Context, first: number, second: number): void {
  const { problem, builder } = context;
  const pair = [first, second];
  const constant = pair.filter((layer) => at(problem.layers, layer).block === null).length;
  builder.row(
    Number.NEGATIVE_INFINITY,
    1 - constant,
    () => `exclusive[${pair.map((layer) => problem.layers[layer]?.name).join(",")}]`,
  );
  for (const layer of pair) {
    const block = at(problem.layers, layer).block;
    if (block !== null) builder.entry(at(context.blockColumns, block), 1);
    builder.entry(at(context.layerColumns, layer), -1);
  }
}
