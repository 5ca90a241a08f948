import type { FactorGraph } from "../factors/factors.ts";
import type { Derived } from "./forms.ts";

/** Where a number of units stands among a variable's states; -1 where none has it. */
export type PositionOf = (units: number) => number;

/** A variable whose position follows from those of others. */
export interface Dependent {
  readonly variables: readonly number[];
  /** -1 where no state of it has the units that follow. */
  readonly positionAt: (positions: Int32Array) => number;
}

/** @param basis what it follows from */
export function dependentOf(
  graph: FactorGraph,
  basis: readonly number[],
  { variable, constant, coefficients }: Derived,
): Dependent {
  const used = basis.flatMap((each, at) => {
    const coefficient = coefficients[at] ?? 0;
    return coefficient === 0 ? [] : [{ each, coefficient, units: unitsOf(graph, each) }];
  });
  const positionOf = positionsOf(unitsOf(graph, variable));
  return {
    variables: used.map(({ each }) => each),
    positionAt: (positions) =>
      positionOf(
        used.reduce(
          (sum, { each, coefficient, units }) =>
            sum + coefficient * (units[positions[each] as number] as number),
          constant,
        ),
      ),
  };
}

/** Units per position of a variable; 0 for one that no link is about. */
export function unitsOf(graph: FactorGraph, variable: number): Float64Array {
  const { states = [], counts = [] } = graph.variables[variable] ?? {};
  return Float64Array.from(states, (state) => counts[state] ?? 0);
}

/** Largest range of units that is looked up in an array. */
const MOST_RANGE = 1 << 20;

export function positionsOf(units: Float64Array): PositionOf {
  const least = units[0] ?? 0;
  const range = (units.at(-1) ?? 0) - least + 1;
  if (range > MOST_RANGE || !units.every((each) => Number.isInteger(each))) {
    const known = new Map<number, number>();
    units.forEach((each, at) => {
      known.set(roundUnits(each), at);
    });
    return (each) => known.get(roundUnits(each)) ?? -1;
  }
  const places = new Int32Array(range).fill(-1);
  units.forEach((each, at) => {
    places[each - least] = at;
  });
  return (each) => {
    const at = each - least;
    const nearest = Math.round(at);
    if (nearest < 0 || nearest >= range || Math.abs(at - nearest) > 1e-6) return -1;
    return places[nearest] as number;
  };
}

function roundUnits(units: number): number {
  return Math.round(units * 1e6) / 1e6;
}
