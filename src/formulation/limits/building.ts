import { at } from "../../core/at.ts";
import type { NetworkProblem } from "../network/network-problem.ts";
import type { PlacedTable } from "../network/network-tables.ts";
import type { Problem, ProblemResource, ProblemTerm } from "../problem/problem.ts";
import type { QuantityKind } from "./form.ts";
import type { Weighed } from "./rows.ts";

/** Resources and terms that are added to a network's own. */
export interface Building {
  readonly resources: ProblemResource[];
  readonly terms: Map<
    string,
    { readonly table: PlacedTable; gain: Float64Array | null; readonly cost: Float64Array[] }
  >;
  /** Per layer, per resource. */
  readonly tieCost: (readonly number[] | null)[][];
  /** Whether something else than importance is the objective. */
  minimises: boolean;
  groups: number;
}

/** Nothing added yet. */
export function startOf({ problem }: NetworkProblem): Building {
  return {
    resources: [...problem.resources],
    terms: new Map(),
    tieCost: problem.layers.map(() => []),
    minimises: false,
    groups: 0,
  };
}

/** A table times a number. */
export interface WeighedTable {
  readonly table: PlacedTable;
  readonly factor: number;
}

/** The tables whose sum is limited; several such sums where one of the quantities is the largest of several. */
export function pointsOf(parts: readonly Weighed[], sign: number): WeighedTable[][] {
  let points: WeighedTable[][] = [[]];
  for (const { part, quantity } of parts) {
    const factor = sign * part.factor;
    points = points.flatMap((tables) =>
      quantity.sums.map((sum) => [...tables, ...sum.tables.map((table) => ({ table, factor }))]),
    );
  }
  return points;
}

/** A resource's unit for people. */
export function unitOf(kind: QuantityKind): string {
  if (kind === "milliseconds") return "ms";
  if (kind === "millijoules") return "mJ";
  if (kind === "damage") return "of the variance";
  return kind === "importance" ? "" : kind;
}

/** Adds to what a choice costs of a resource. */
export function addCost(
  building: Building,
  resource: number,
  table: PlacedTable,
  factor: number,
): void {
  const entry = entryOf(building, table);
  const cost = entry.cost[resource] ?? new Float64Array(table.table.length);
  entry.cost[resource] = cost;
  table.table.forEach((amount, cell) => {
    cost[cell] = at(cost, cell) + factor * amount;
  });
}

/** One term for all tables over the same axes in the same place. */
function entryOf(
  { terms }: Building,
  table: PlacedTable,
): { gain: Float64Array | null; readonly cost: Float64Array[] } {
  const { place, axes } = table;
  const key = `${place.block},${place.layer},${axes.map(({ kind, index }) => kind + index)}`;
  const known = terms.get(key) ?? { table, gain: null, cost: [] };
  terms.set(key, known);
  return known;
}

/** Adds to what a choice earns. */
export function addGain(building: Building, table: PlacedTable, factor: number): void {
  const entry = entryOf(building, table);
  const gain = entry.gain ?? new Float64Array(table.table.length);
  entry.gain = gain;
  table.table.forEach((amount, cell) => {
    gain[cell] = at(gain, cell) + factor * amount;
  });
}

/** Adds what dropped layers' ties cost of a resource. */
export function addTies(
  building: Building,
  resource: number,
  parts: readonly Weighed[],
  sign: number,
): void {
  building.tieCost.forEach((costs, layer) => {
    for (const { part, quantity } of parts) {
      const ties = quantity.sums[0]?.ties[layer] ?? null;
      if (ties === null) continue;
      const before = costs[resource];
      costs[resource] = ties.map(
        (amount, option) => (before?.[option] ?? 0) + sign * part.factor * amount,
      );
    }
  });
}

/** The network's problem with what was added. */
export function problemOf({ problem }: NetworkProblem, building: Building): Problem {
  const { resources, minimises } = building;
  const own = minimises ? costsOnly(problem.terms) : problem.terms;
  const added = [...building.terms.values()].map(
    ({ table, gain, cost }): ProblemTerm => ({
      name: table.name,
      block: table.place.block,
      layer: table.place.layer,
      axes: table.axes,
      gain,
      cost: resources.map((_, index) => cost[index] ?? null),
    }),
  );
  const layers = problem.layers.map((layer, index) => ({
    ...layer,
    tieGain: minimises ? layer.tieGain.map(() => 0) : layer.tieGain,
    tieCost: resources.map((_, resource) => building.tieCost[index]?.[resource] ?? null),
  }));
  return { ...problem, layers, terms: [...own, ...added], resources };
}

/** What earned importance earns nothing. */
function costsOnly(terms: readonly ProblemTerm[]): ProblemTerm[] {
  return terms
    .filter(({ cost }) => cost.some((table) => table !== null))
    .map((term) => ({ ...term, gain: null }));
}
