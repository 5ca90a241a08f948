/**
 * Structure + importance + latency -> Problem: the program of a real network.
 *
 * maximise   sum over dims d and layers l that produce d:   I[l][d][k_d]   (only while l is kept)
 * subject to sum over ops o:                                T[o][axes of o] (only while o is kept)   <= budget
 *
 * where I[l][d][k] is the summed score of the k best units of d in layer l (units ranked by their total over the layers), with
 * G[d][e][k_d][k_e] added where dims of one product are worth other than their sum (importance/joint.ts), and T the bi-layer latency table (MDP, arXiv 2406.12079, section 3).
 */
import type { Importance } from "../../importance/importance.ts";
import type { LatencyTable } from "../../latency/table.ts";
import { type Protected, protectedIn } from "../../structure/components/protection.ts";
import type { Dim, Layer, Structure } from "../../structure/structure.ts";
import type {
  AxisRef,
  Problem,
  ProblemDim,
  ProblemLayer,
  ProblemResource,
  ProblemTerm,
} from "../problem/problem.ts";
import type { SparsityPart } from "../sparsity/sparse-problem.ts";
import { axisResolver } from "./axes.ts";
import { type ChoiceOptions, choicesOf, type DimChoices } from "./choices.ts";
import {
  equalTieTables,
  importanceTables,
  latencyTables,
  type NetworkParts,
  tieTable,
} from "./network-tables.ts";
import { type Place, placeAround, placesOf } from "./places.ts";
import { rankingOf } from "./ranking.ts";
import { NO_RULES, type WidthRules, type Widths, widthsOf } from "./widths.ts";

export interface NetworkOptions extends ChoiceOptions {
  /** May whole blocks be dropped? */
  readonly blocks: boolean;
  /** May single layers be dropped? */
  readonly layers: boolean;
  readonly budgetMs: number;
  /** What limits say of the widths of single dims. */
  readonly widths?: WidthRules | undefined;
}

/** The program of a network, with what is needed to read its answer. */
export interface NetworkProblem extends NetworkParts {
  readonly problem: Problem;
  /** Layer index in the structure for each layer of the problem. */
  readonly layerIndices: readonly number[];
  /** Densities of weights, where the program chooses these too. */
  readonly sparsity?: SparsityPart | undefined;
}

/**
 * @param table null where no time is asked for
 * @throws UsageError from `choicesOf`; InfeasibleError from `widthsOf`; InputError from the table where a width is not covered.
 */
export function networkProblem(
  structure: Structure,
  importance: Importance,
  table: LatencyTable | null,
  options: NetworkOptions,
): NetworkProblem {
  const free = choicesOf(structure, options);
  const unpriced = new Set(importance.unpricedLayers);
  const kept = protectedIn(structure, options.protect);
  const mayDrop = options.layers
    ? structure.layers.filter(
        (layer) => canDrop(layer, free) && !unpriced.has(layer.name) && !kept.layer(layer),
      )
    : [];
  const widths = widthsOf(structure, free, options.widths ?? NO_RULES, tiesOf(mayDrop));
  const { choices, variables } = widths;
  const dims = problemDims(structure, widths, options.blocks);
  const rankings = structure.dims.map((dim) => rankingOf(importance, dim));
  const droppable = mayDrop.filter((layer) => canDrop(layer, choices));
  const places = placesOf(structure, droppable, options.blocks);
  const axes = axisResolver(dims, variables);
  const { joint = [] } = importance;
  const parts = { structure, choices, variables, rankings, joint, axes, places };
  const blocks = options.blocks
    ? structure.blocks.map(({ name, parent }) => ({ name, parent }))
    : [];
  const layers = droppable.map((layer) => problemLayer(layer, parts));
  const forbidden = [
    ...forbiddenTerms(dims, widths),
    ...(options.blocks ? protectedBlocks(structure, kept) : []),
  ];
  const problem: Problem = {
    name: structure.graph.name,
    dims,
    sums: axes.sums,
    blocks,
    layers,
    exclusiveLayers: exclusivePairs(droppable),
    terms: [
      ...importanceTerms(parts),
      ...droppable.flatMap((layer, index) => equalTieTerms(layer, index, parts)),
      ...(table === null ? [] : latencyTables(table, parts)).map(
        ({ name, place, axes: over, table: cost }): ProblemTerm => ({
          ...{ name, ...place, axes: over, gain: null, cost: [cost] },
        }),
      ),
      ...forbidden,
    ],
    resources: [
      { name: "latency", unit: "ms", limit: options.budgetMs },
      ...(forbidden.length > 0 ? [FORBIDDEN] : []),
    ],
  };
  const layerIndices = droppable.map((layer) => layer.index);
  return { problem, layerIndices, ...parts };
}

/**
 * Widths that a rule forbids and a droppable layer needs on the list, and blocks that hold layers of a protected component: each
 * costs one, and there is none to be had.
 */
const FORBIDDEN: ProblemResource = { name: "forbidden choices", unit: "", limit: 0.5 };

/** One for each protected block, and one less while it is kept. */
function protectedBlocks(structure: Structure, kept: Protected): ProblemTerm[] {
  const blocks = structure.blocks.filter(({ layers }) =>
    layers.some(
      (index) => structure.layers[index] !== undefined && kept.layer(structure.layers[index]),
    ),
  );
  return blocks.flatMap(({ index, name }): ProblemTerm[] => {
    const term = { layer: null, axes: [], gain: null };
    return [
      { ...term, name: `block ${name} protected`, block: null, cost: [null, Float64Array.of(1)] },
      { ...term, name: `block ${name} kept`, block: index, cost: [null, Float64Array.of(-1)] },
    ];
  });
}

function forbiddenTerms(dims: readonly ProblemDim[], { forbidden }: Widths): ProblemTerm[] {
  return [...forbidden].map(([index, options]): ProblemTerm => {
    const { name = "", block = null, counts = [] } = dims[index] ?? {};
    const cost = Float64Array.from(counts, (_, option) => (options.has(option) ? 1 : 0));
    const axes: AxisRef[] = [{ kind: "dim", index }];
    return {
      name: `forbidden of ${name}`,
      block,
      layer: null,
      axes,
      gain: null,
      cost: [null, cost],
    };
  });
}

/** A dim that another one decides has nothing to choose; the deciding one is there while either is. */
function problemDims(
  structure: Structure,
  { choices, variables }: Widths,
  blocks: boolean,
): ProblemDim[] {
  const home = (members: readonly Dim[]): number | null =>
    members
      .map((dim): Place => ({ block: blocks ? dim.block : null, layer: null }))
      .reduce((left, right) => placeAround(structure.blocks, left, right)).block;
  return structure.dims.map((dim, index): ProblemDim => {
    const counts = choices[index]?.counts ?? [dim.size];
    const members = structure.dims.filter((_, other) => variables[other] === index);
    return members.length === 0
      ? { name: dim.name, counts: counts.slice(-1), block: blocks ? dim.block : null }
      : { name: dim.name, counts, block: home(members) };
  });
}

/** A tie needs the same widths on offer on both sides; a layer of one dim needs nothing. */
function canDrop(layer: Layer, choices: readonly DimChoices[]): boolean {
  if (layer.drop === null) return false;
  if (layer.drop.kind === "same-dim") return true;
  const outlives = choices[layer.drop.outlives]?.counts ?? [];
  const tied = choices[layer.drop.tied]?.counts ?? [];
  return outlives.length === tied.length && outlives.every((count, k) => count === tied[k]);
}

function tiesOf(layers: readonly Layer[]): (readonly [number, number])[] {
  return layers.flatMap(({ drop }) =>
    drop?.kind === "tie" ? [[drop.outlives, drop.tied] as const] : [],
  );
}

function importanceTerms(parts: NetworkParts): ProblemTerm[] {
  return importanceTables(parts, () => true).map(
    ({ name, place, axes, table }): ProblemTerm => ({
      ...{ name, ...place, axes, gain: table, cost: [null] },
    }),
  );
}

function problemLayer(layer: Layer, parts: NetworkParts): ProblemLayer {
  const { places, variables } = parts;
  const { block } = places.of(layer.id);
  const { name, drop } = layer;
  const none = { name, block, tie: null, tieGain: [] };
  if (drop === null || drop.kind === "same-dim") return none;
  const outlives = variables[drop.outlives] ?? drop.outlives;
  const tied = variables[drop.tied] ?? drop.tied;
  if (outlives === tied) return none;
  return { name, block, tie: { outlives, tied }, tieGain: tieTable(layer, parts, () => true) };
}

function equalTieTerms(layer: Layer, index: number, parts: NetworkParts): ProblemTerm[] {
  return equalTieTables(layer, index, parts, () => true).map(
    ({ name, place, axes, table }): ProblemTerm => ({
      ...{ name, ...place, axes, gain: table, cost: [null] },
    }),
  );
}

/** Two dropped layers may not meet in a tied dim: one ranking would have to follow two others, or a chain of them. */
function exclusivePairs(droppable: readonly Layer[]): (readonly [number, number])[] {
  const pairs: (readonly [number, number])[] = [];
  for (const [first, a] of droppable.entries()) {
    for (const [second, b] of droppable.entries()) {
      if (second <= first || a.drop?.kind !== "tie" || b.drop?.kind !== "tie") continue;
      const meets =
        a.drop.tied === b.drop.tied ||
        a.drop.tied === b.drop.outlives ||
        a.drop.outlives === b.drop.tied;
      if (meets) pairs.push([first, second]);
    }
  }
  return pairs;
}
