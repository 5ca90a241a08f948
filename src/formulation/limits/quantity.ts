import type { AxisCount } from "../../structure/structure.ts";
import type { NetworkProblem } from "../network/network-problem.ts";
import { type PlacedTable, tableOver } from "../network/network-tables.ts";
import type { Place } from "../network/places.ts";
import type { MeasuredSubnet } from "./measure.ts";

/** Tables whose sum is a quantity, and what dropped layers' ties add to it (per layer of the problem and option). */
export interface Sum {
  readonly tables: readonly PlacedTable[];
  readonly ties: readonly (readonly number[] | null)[];
}

/** A quantity of the subnet as sums over the choices, and counted on the subnet itself. */
export interface Quantity {
  /** One, or several of which the largest is meant. */
  readonly sums: readonly Sum[];
  /** Whether the sums are the quantity itself, not an upper bound of it. */
  readonly isExact: boolean;
  readonly measure: (subnet: MeasuredSubnet) => number;
}

/** Tables without ties. */
export function sumOf(network: NetworkProblem, tables: readonly PlacedTable[]): Sum {
  return { tables, ties: network.problem.layers.map(() => null) };
}

/** A factor times the lengths of axes, as a table. */
export function product(
  { axes }: NetworkProblem,
  name: string,
  place: Place,
  factor: number,
  over: readonly AxisCount[],
): PlacedTable {
  const table = tableOver(axes, over, (lengths) =>
    lengths.reduce((result, length) => result * length, factor),
  );
  return { name, place, ...table };
}
