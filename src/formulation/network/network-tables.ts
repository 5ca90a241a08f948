/** Tables over the choices of a network: what its parts earn and cost at the widths that they may have. */
import { at } from "../../core/at.ts";
import { InternalError } from "../../core/errors.ts";
import type { NodeId } from "../../graph/graph.ts";
import { type JointImportance, jointGain } from "../../importance/joint.ts";
import { latencyGrid } from "../../latency/lookup.ts";
import type { LatencyTable } from "../../latency/table.ts";
import type { AxisCount, Layer, Structure } from "../../structure/structure.ts";
import type { AxisRef } from "../problem/problem.ts";
import { unravel } from "../problem/problem-axes.ts";
import type { AxisResolver } from "./axes.ts";
import type { DimChoices } from "./choices.ts";
import { OUTSIDE, type Place, type Places } from "./places.ts";
import type { Ranking } from "./ranking.ts";

/** What tables over the choices of a network are made from. */
export interface NetworkParts {
  readonly structure: Structure;
  /** Per dim of the structure, the units that each option keeps. */
  readonly choices: readonly DimChoices[];
  /** Per dim of the structure, the dim of the problem whose option decides it: itself, but for dims that are kept equal. */
  readonly variables: readonly number[];
  readonly rankings: readonly Ranking[];
  /** What dims are worth together beyond their rankings. */
  readonly joint: readonly JointImportance[];
  /** Lengths of axes as options of the problem. */
  readonly axes: AxisResolver;
  readonly places: Places;
}

/** A table over some of the choices, and where it counts. */
export interface PlacedTable {
  readonly name: string;
  readonly place: Place;
  readonly axes: readonly AxisRef[];
  readonly table: Float64Array;
}

/** Whether a layer's share in a dim's importance is meant. */
export type IsMeant = (layer: string, dim: number) => boolean;

/** What the importance of layers is, per dim that they produce, and of dims together. */
export function importanceTables(parts: NetworkParts, isMeant: IsMeant): PlacedTable[] {
  const { structure, choices, variables, rankings, places } = parts;
  const nodeOf = new Map(structure.layers.map((layer) => [layer.name, layer.id]));
  const single = structure.dims.flatMap((dim, index) =>
    (rankings[index]?.shares ?? [])
      .filter(({ layer }) => isMeant(layer, index))
      .map((share): PlacedTable => {
        const node = nodeOf.get(share.layer);
        const counts = choices[index]?.counts ?? [dim.size];
        return {
          name: `importance of ${share.layer}`,
          place: node === undefined ? OUTSIDE : places.of(node),
          axes: [{ kind: "dim", index: variables[index] ?? index }],
          table: Float64Array.from(counts, (count) => share.bestSum(count)),
        };
      }),
  );
  return [...single, ...jointTables(parts, nodeOf, isMeant)];
}

/** Joint tables at the counts on offer, for the layers and dims that are meant. */
function jointTables(
  { structure, joint, axes, places }: NetworkParts,
  nodeOf: ReadonlyMap<string, NodeId>,
  isMeant: IsMeant,
): PlacedTable[] {
  const indexOf = new Map(structure.dims.map(({ name, index }) => [name, index]));
  return joint.flatMap((table): PlacedTable[] => {
    const dims = table.dims.map((name) => indexOf.get(name) ?? -1);
    if (!isMeantTogether(table.layer, dims, isMeant)) return [];
    const node = nodeOf.get(table.layer);
    const counts = dims.map((dim): AxisCount => ({ fixed: 0, parts: [{ dim, perUnit: 1 }] }));
    return [
      {
        name: `joint importance of ${table.dims.join(" and ") || table.layer}`,
        place: node === undefined ? OUTSIDE : places.of(node),
        ...tableOver(axes, counts, (units) => jointGain(table, units)),
      },
    ];
  });
}

/** A joint table is meant where all that it speaks of is; one without dims where its layer is with any dim. */
export function isMeantTogether(layer: string, dims: readonly number[], isMeant: IsMeant): boolean {
  return dims.length === 0 ? isMeant(layer, -1) : dims.every((dim) => isMeant(layer, dim));
}

/** What each operation costs, and the part of the network that no choice changes. In milliseconds. */
export function latencyTables(table: LatencyTable, { axes, places }: NetworkParts): PlacedTable[] {
  return [
    ...table.ops.map((op): PlacedTable => {
      const over = gridOver(axes, op.axes, (lengths) => latencyGrid(op, lengths));
      return { name: `latency of ${op.label}`, place: places.of(op.id), ...over };
    }),
    {
      name: "fixed part of the network",
      place: OUTSIDE,
      axes: [],
      table: Float64Array.of(table.fixedMs),
    },
  ];
}

/** A table over axes: the value at each combination of their lengths. */
export function tableOver(
  resolver: AxisResolver,
  axes: readonly AxisCount[],
  valueAt: (lengths: readonly number[]) => number,
): Pick<PlacedTable, "axes" | "table"> {
  return gridOver(resolver, axes, (lengths) => {
    const sizes = lengths.map(({ length }) => length);
    const table = new Float64Array(sizes.reduce((product, size) => product * size, 1));
    for (let cell = 0; cell < table.length; cell += 1) {
      const place = unravel(cell, sizes);
      table[cell] = valueAt(lengths.map((list, axis) => at(list, at(place, axis))));
    }
    return table;
  });
}

/** As `tableOver`, by a function that gives all values at once, row-major over the lengths that the axes may have. */
function gridOver(
  resolver: AxisResolver,
  axes: readonly AxisCount[],
  valuesAt: (lengths: readonly (readonly number[])[]) => Float64Array,
): Pick<PlacedTable, "axes" | "table"> {
  const resolved = axes.map((axis) => resolver.resolve(axis));
  const table = valuesAt(resolved.map(({ channels }) => channels));
  // Axes without a choice have one entry, so leaving them out keeps the table's order.
  return { axes: resolved.flatMap((axis) => (axis.ref === null ? [] : [axis.ref])), table };
}

/**
 * What the tied dim loses where it follows the other dim's ranking instead of its own, per option, in the layers that
 * are meant. The dropped layer's own share is gone anyway, so that only the other layers' shares change.
 */
export function tieTable(
  { name, drop }: Layer,
  { rankings, choices }: NetworkParts,
  isMeant: IsMeant,
): number[] {
  if (drop?.kind !== "tie") return [];
  const foreign = rankings[drop.outlives];
  const own = rankings[drop.tied];
  const counts = choices[drop.tied]?.counts;
  if (foreign === undefined || own === undefined || counts === undefined) {
    throw new InternalError({
      code: "formulation/unknown-dim",
      message: `Layer '${name}' ties dims ${drop.outlives} and ${drop.tied}, which don't exist.`,
    });
  }
  const shares = own.shares.filter(({ layer }) => layer !== name && isMeant(layer, drop.tied));
  return counts.map((count) =>
    shares.reduce((sum, share) => sum + share.sumOf(foreign.best(count)) - share.bestSum(count), 0),
  );
}

/**
 * A layer between dims that are kept equal needs no tie, but dropping it changes the ranking all the same: what that
 * loses counts in the layer's block, and not while the layer stands.
 */
export function equalTieTables(
  layer: Layer,
  index: number,
  parts: NetworkParts,
  isMeant: IsMeant,
): PlacedTable[] {
  const { drop } = layer;
  if (drop?.kind !== "tie") return [];
  const variable = parts.variables[drop.tied] ?? drop.tied;
  if (variable !== parts.variables[drop.outlives]) return [];
  const { block } = parts.places.of(layer.id);
  const lost = Float64Array.from(tieTable(layer, parts, isMeant));
  const over = {
    name: `ranking behind ${layer.name}`,
    axes: [{ kind: "dim", index: variable }],
  } as const;
  return [
    { ...over, place: { block, layer: null }, table: lost },
    { ...over, place: { block, layer: index }, table: lost.map((amount) => -amount) },
  ];
}
