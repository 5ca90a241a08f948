/** What is counted on the choices themselves: channels, dropped blocks, dropped layers. */
import type { NetworkProblem } from "../network/network-problem.ts";
import type { PlacedTable } from "../network/network-tables.ts";
import { OUTSIDE } from "../network/places.ts";
import { blocksNamed } from "./blocks-named.ts";
import { dimsNamed } from "./dims-named.ts";
import type { QuantityRef } from "./form.ts";
import { goneBlocks, goneLayers, keptChannels, type MeasuredSubnet } from "./measure.ts";
import { product, type Quantity, sumOf } from "./quantity.ts";
import { limitError, type Source } from "./source.ts";

/** Channels that a dim keeps. */
export function countOf(network: NetworkProblem, ref: QuantityRef, source: Source): Quantity {
  const { structure, problem, choices, variables } = network;
  const [dim, ...more] = dimsNamed(structure, ref, source);
  if (dim === undefined || more.length > 0) {
    throw limitError(
      source,
      ref.at,
      "argument",
      `${ref.argument} names ${more.length + 1} dims: ${[dim, ...more]
        .map((each) => each?.name)
        .slice(0, 4)
        .join(", ")}...`,
      "One limit for each of several dims compares count(...) alone with a number; in a sum or a soft limit, name a single dim.",
    );
  }
  const { index, name, unitChannels } = dim;
  const block = problem.blocks.length > 0 ? dim.block : null;
  const channels = (choices[index]?.counts ?? [dim.size]).map((units) => units * unitChannels);
  const table: PlacedTable = {
    name: `channels of ${name}`,
    place: { block, layer: null },
    axes: [{ kind: "dim", index: variables[index] ?? index }],
    table: Float64Array.from(channels),
  };
  const measure = (subnet: MeasuredSubnet): number => keptChannels(subnet, index);
  return { sums: [sumOf(network, [table])], isExact: true, measure };
}

/** How many of the named blocks go. */
export function droppedBlocksOf(
  network: NetworkProblem,
  ref: QuantityRef,
  source: Source,
): Quantity {
  const { structure, problem } = network;
  const named = new Set(blocksNamed(structure, ref, source));
  const tables = problem.blocks.flatMap(({ name }, block): PlacedTable[] =>
    named.has(block)
      ? [product(network, `block ${name} kept`, { block, layer: null }, -1, [])]
      : [],
  );
  // Where no block may be dropped the program has none.
  tables.push(product(network, "blocks", OUTSIDE, tables.length, []));
  const measure = (subnet: MeasuredSubnet): number =>
    goneBlocks(subnet, (block) => named.has(block));
  return { sums: [sumOf(network, tables)], isExact: true, measure };
}

/** How many layers go. */
export function droppedLayersOf(network: NetworkProblem): Quantity {
  const tables = network.problem.layers.flatMap(({ name, block }, layer) => [
    product(network, `layer ${name}`, { block, layer: null }, 1, []),
    product(network, `layer ${name} kept`, { block, layer }, -1, []),
  ]);
  return { sums: [sumOf(network, tables)], isExact: true, measure: goneLayers };
}
