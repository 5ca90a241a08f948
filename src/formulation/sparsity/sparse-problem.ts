/**
 * Sparsity as a choice of the program: one more dim per weight, whose options are how many of its elements stay.
 *
 *   gain   - damage[level]                                      (only while the layer is kept)
 *   cost   density[level] * inputs * outputs * kernel           nonzeros, over the axes that shape the weight
 *
 * Everything else (presolve, encoding, limits, explanation) takes these dims as it takes any other. Where channels can go too, a
 * weight's elements are a product of three choices: its two widths and its density.
 */
import { elementCount } from "../../graph/tensor.ts";
import type { AxisCount } from "../../structure/structure.ts";
import type { SparseWeight } from "../../subnet/sparse/weights.ts";
import { weightLabel } from "../../subnet/sparse/weights.ts";
import type { NetworkProblem } from "../network/network-problem.ts";
import type { PlacedTable } from "../network/network-tables.ts";
import { tableOver } from "../network/network-tables.ts";
import { OUTSIDE, type Place, placeAround } from "../network/places.ts";
import type { ProblemDim, ProblemTerm, Selection } from "../problem/problem.ts";
import type { SparseLevel } from "./levels.ts";

/** How sparse weights are stored: as zeros in ordinary tensors, which compress, or as values and places. */
export const SPARSE_FORMATS = ["zeros", "sparse"] as const;
export type SparseFormat = (typeof SPARSE_FORMATS)[number];

/** A weight with its levels, from the sparsest to the whole. */
export interface LevelledWeight {
  readonly weight: SparseWeight;
  readonly levels: readonly SparseLevel[];
}

/** The weights that may become sparse, and how they are stored. */
export interface SparseChoice {
  readonly weights: readonly LevelledWeight[];
  readonly format: SparseFormat;
}

/** A weight whose density the program chooses. */
export interface SparseDim extends LevelledWeight {
  /** Of the problem. */
  readonly dim: number;
  readonly place: Place;
  /** Elements of the whole weight over the widths that shape it: `factor` times the axes. */
  readonly factor: number;
  readonly axes: readonly AxisCount[];
}

/** What a program knows of sparsity. */
export interface SparsityPart {
  readonly dims: readonly SparseDim[];
  readonly format: SparseFormat;
}

/** The network's problem with the densities of the weights as further choices. */
export function withSparsity(
  network: NetworkProblem,
  weights: readonly LevelledWeight[],
  format: SparseFormat,
): NetworkProblem & { readonly sparsity: SparsityPart } {
  const { problem, structure } = network;
  const dims = weights.map((levelled, index): SparseDim => {
    const { weight } = levelled;
    const { shape } = weight.tensor;
    const forms = shape.map((_, axis) => structure.count(weight.name, axis));
    const axes = forms.filter(({ parts }) => parts.length > 0);
    const factor = forms.reduce(
      (product, { parts, fixed }) => (parts.length === 0 ? product * fixed : product),
      1,
    );
    const places = weight.layers.map(({ id }) => network.places.of(id));
    const [first = OUTSIDE, ...rest] = places;
    const place = rest.reduce((a, b) => placeAround(problem.blocks, a, b), first);
    return { ...levelled, dim: problem.dims.length + index, place, factor, axes };
  });
  const added = dims.map(
    ({ weight, levels, place }): ProblemDim => ({
      name: `density of ${weightLabel(weight)}`,
      counts: levels.map(({ kept }) => kept),
      block: place.block,
    }),
  );
  const terms = dims.map(
    ({ weight, levels, dim, place }): ProblemTerm => ({
      name: `damage of ${weightLabel(weight)}`,
      block: place.block,
      layer: place.layer,
      axes: [{ kind: "dim", index: dim }],
      gain: Float64Array.from(levels, ({ damage }) => -damage),
      cost: problem.resources.map(() => null),
    }),
  );
  return {
    ...network,
    problem: { ...problem, dims: [...problem.dims, ...added], terms: [...problem.terms, ...terms] },
    sparsity: { dims, format },
  };
}

/** A table over a weight's widths and its density: `perElement(density)` times its elements. */
export function densityTable(
  network: NetworkProblem,
  { weight, levels, dim, place, factor, axes }: SparseDim,
  name: string,
  amountAt: (density: number) => number,
): PlacedTable {
  const over = tableOver(network.axes, axes, (lengths) =>
    lengths.reduce((product, length) => product * length, factor),
  );
  const whole = elementCount(weight.tensor.shape);
  const table = new Float64Array(over.table.length * levels.length);
  over.table.forEach((elements, cell) => {
    levels.forEach(({ kept }, level) => {
      table[cell * levels.length + level] = elements * amountAt(kept / whole);
    });
  });
  return {
    name: `${name} of ${weightLabel(weight)}`,
    place,
    axes: [...over.axes, { kind: "dim", index: dim }],
    table,
  };
}

/** Bytes per element of a float32 weight at a density. */
export function bytesPerElementAt(format: SparseFormat, density: number): number {
  if (density >= 1) return FLOAT;
  // A compressor gives a bit to say where the nonzeros are; places are int64, and a weight that would grow stays dense.
  return format === "zeros" ? FLOAT * density + 1 / 8 : Math.min(FLOAT, (FLOAT + PLACE) * density);
}

const FLOAT = 4;
const PLACE = 8;

/** Density of every weight in a selection; weights of dropped blocks have none. */
export function selectedDensities(
  { dims }: SparsityPart,
  selection: Selection,
): ReadonlyMap<string, number> {
  return new Map(
    dims.flatMap(({ weight, levels, dim }): [string, number][] => {
      const kept = levels[selection.options[dim] ?? -1]?.kept;
      return kept === undefined ? [] : [[weight.name, kept / elementCount(weight.tensor.shape)]];
    }),
  );
}
