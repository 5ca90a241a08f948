/** Quantities that sparsity changes: nonzeros and bytes. */

import { closest } from "../../core/closest.ts";
import { readWeights } from "../../graph/constants.ts";
import type { QuantityRef } from "../limits/form.ts";
import type { MeasuredSubnet } from "../limits/measure.ts";
import type { Quantity } from "../limits/quantity.ts";
import { limitError, type Source } from "../limits/source.ts";
import type { NetworkProblem } from "../network/network-problem.ts";
import type { PlacedTable } from "../network/network-tables.ts";
import { bytesPerElementAt, densityTable, type SparsityPart } from "./sparse-problem.ts";

/**
 * `nonzeros`, or `nonzeros('layer1')` for the layers whose names match.
 * @throws UsageError `formulation/limit-name`
 */
export function nonzerosOf(
  network: NetworkProblem,
  ref: QuantityRef,
  source: Source,
  components: ReadonlyMap<string, RegExp>,
): Quantity {
  const { sparsity } = network;
  if (sparsity === undefined) {
    throw limitError(
      source,
      ref.at,
      "name",
      "Nonzeros are chosen only where weights may become sparse.",
      "Use it with mdp sparsify; params counts what channels leave.",
    );
  }
  const isMeant = meantLayers(network, ref, source, components);
  const dims = sparsity.dims.filter(({ weight }) =>
    weight.layers.some(({ name }) => isMeant(name)),
  );
  const tables = dims.map((dim) => densityTable(network, dim, "nonzeros", (density) => density));
  const names = new Set(dims.map(({ weight }) => weight.name));
  const measure = ({ graph, densities }: MeasuredSubnet): number =>
    readWeights(graph()).reduce((sum, { name, tensor }) => {
      if (!names.has(name)) return sum;
      return sum + tensor.shape.reduce((a, b) => a * b, 1) * (densities?.get(name) ?? 1);
    }, 0);
  return { sums: [{ tables, ties: noTies(network) }], isExact: true, measure };
}

/** Weights by their density and how they are stored; all other constants as they are. */
export function sparseBytesOf(
  network: NetworkProblem,
  { dims, format }: SparsityPart,
  dense: readonly { readonly weight: string; readonly table: PlacedTable }[],
): Quantity {
  const sparse = new Map(dims.map((dim) => [dim.weight.name, dim]));
  const meant = new Set(dense.map(({ weight }) => weight));
  const tables = dense.map(({ weight, table }) => {
    const dim = sparse.get(weight);
    const amountAt = (density: number): number => bytesPerElementAt(format, density);
    return dim === undefined ? table : densityTable(network, dim, "bytes", amountAt);
  });
  const measure = ({ graph, densities }: MeasuredSubnet): number =>
    readWeights(graph()).reduce((sum, { name, tensor }) => {
      if (!meant.has(name)) return sum;
      if (!sparse.has(name)) return sum + tensor.byteLength;
      return sum + (tensor.byteLength / 4) * bytesPerElementAt(format, densities?.get(name) ?? 1);
    }, 0);
  return { sums: [{ tables, ties: noTies(network) }], isExact: true, measure };
}

function noTies({ problem }: NetworkProblem): readonly null[] {
  return problem.layers.map(() => null);
}

function meantLayers(
  { structure, sparsity }: NetworkProblem,
  { argument, at }: QuantityRef,
  source: Source,
  components: ReadonlyMap<string, RegExp>,
): (layer: string) => boolean {
  if (argument === null) return () => true;
  const pattern = components.get(argument) ?? patternOf(argument, at, source);
  const names = (sparsity?.dims ?? []).flatMap(({ weight }) =>
    weight.layers.map(({ name }) => name),
  );
  if (names.some((name) => pattern.test(name))) return (layer) => pattern.test(layer);
  const meant = closest(argument, names);
  const isDense = structure.layers.some(({ name }) => pattern.test(name));
  throw limitError(
    source,
    at,
    "name",
    isDense
      ? `'${argument}' matches only layers whose weights stay dense.`
      : `No layer's name matches '${argument}'.`,
    meant === null ? "mdp inspect --layers lists the names." : `Did you mean '${meant}'?`,
  );
}

function patternOf(text: string, at: number, source: Source): RegExp {
  try {
    return new RegExp(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw limitError(
      source,
      at,
      "name",
      `'${text}' is no regular expression: ${why}.`,
      "layer1 matches every name that contains it.",
    );
  }
}
