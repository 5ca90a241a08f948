/**
 * Structure + importance + latency -> Problem: the program of a real network.
 *
 * maximise   sum over dims d and layers l that produce d:   I[l][d][k_d]   (only while l is kept)
 * subject to sum over ops o:                                T[o][axes of o] (only while o is kept)   <= budget
 *
 * where I[l][d][k] is the summed score of the k best units of d in layer l (units ranked by their total over the layers),
 * and T the bi-layer latency table (MDP, arXiv 2406.12079, section 3).
 */
import { InternalError } from "../core/errors.ts";
import type { NodeId } from "../graph/graph.ts";
import type { Importance } from "../importance/importance.ts";
import { latencyMs } from "../latency/lookup.ts";
import type { LatencyOp, LatencyTable } from "../latency/table.ts";
import type { Layer, Structure } from "../structure/structure.ts";
import { type AxisResolver, axisResolver } from "./axes.ts";
import { type ChoiceOptions, choicesOf, type DimChoices } from "./choices.ts";
import type { Problem, ProblemDim, ProblemLayer, ProblemTerm } from "./problem.ts";
import { type Ranking, rankingOf } from "./ranking.ts";

export interface NetworkOptions extends ChoiceOptions {
  /** May whole blocks be dropped? */
  readonly blocks: boolean;
  /** May single layers be dropped? */
  readonly layers: boolean;
  readonly budgetMs: number;
}

/** The program of a network, with what is needed to read its answer. */
export interface NetworkProblem {
  readonly problem: Problem;
  readonly structure: Structure;
  readonly choices: readonly DimChoices[];
  readonly rankings: readonly Ranking[];
  /** Layer index in the structure for each layer of the problem. */
  readonly layerIndices: readonly number[];
}

/** @throws UsageError from `choicesOf`; InputError from the table where a width is not covered. */
export function networkProblem(
  structure: Structure,
  importance: Importance,
  table: LatencyTable,
  options: NetworkOptions,
): NetworkProblem {
  const choices = choicesOf(structure, options);
  const dims = structure.dims.map(
    (dim, index): ProblemDim => ({
      name: dim.name,
      counts: choices[index]?.counts ?? [dim.size],
      block: options.blocks ? dim.block : null,
    }),
  );
  const rankings = structure.dims.map((dim) => rankingOf(importance, dim));
  const droppable = options.layers ? structure.layers.filter((layer) => canDrop(layer, dims)) : [];
  const places = placesOf(structure, droppable, options.blocks);
  const resolver = axisResolver(dims);
  const terms = [
    ...importanceTerms(dims, rankings, structure, places),
    ...table.ops.map((op) => latencyTerm(op, resolver, places.of(op.id))),
    constantTerm("fixed part of the network", table.fixedMs),
  ];
  const problem: Problem = {
    name: structure.graph.name,
    dims,
    sums: resolver.sums,
    blocks: options.blocks ? structure.blocks.map(({ name, parent }) => ({ name, parent })) : [],
    layers: droppable.map((layer) => problemLayer(layer, dims, rankings, places)),
    exclusiveLayers: exclusivePairs(droppable),
    terms,
    resources: [{ name: "latency", unit: "ms", limit: options.budgetMs }],
  };
  return {
    problem,
    structure,
    choices,
    rankings,
    layerIndices: droppable.map((layer) => layer.index),
  };
}

/** A tie needs the same widths on offer on both sides; a layer of one dim needs nothing. */
function canDrop(layer: Layer, dims: readonly ProblemDim[]): boolean {
  if (layer.drop === null) return false;
  if (layer.drop.kind === "same-dim") return true;
  const outlives = dims[layer.drop.outlives]?.counts ?? [];
  const tied = dims[layer.drop.tied]?.counts ?? [];
  return outlives.length === tied.length && outlives.every((count, k) => count === tied[k]);
}

/** Where a node stands: its innermost block and the droppable layer that takes it along. */
interface Place {
  readonly block: number | null;
  readonly layer: number | null;
}

const OUTSIDE: Place = { block: null, layer: null };

interface Places {
  readonly of: (node: NodeId) => Place;
}

function placesOf(structure: Structure, droppable: readonly Layer[], blocks: boolean): Places {
  const blockOf = new Map<NodeId, number>();
  if (blocks) {
    // Outer blocks first, so that an inner one has the last word.
    const depth = (index: number): number => {
      const parent = structure.blocks[index]?.parent ?? null;
      return parent === null ? 0 : 1 + depth(parent);
    };
    const outerFirst = [...structure.blocks].sort((a, b) => depth(a.index) - depth(b.index));
    for (const block of outerFirst) for (const node of block.nodes) blockOf.set(node, block.index);
  }
  const layerOf = new Map<NodeId, number>();
  for (const [index, layer] of droppable.entries()) {
    layerOf.set(layer.id, index);
    if (layer.normalisation !== null) layerOf.set(layer.normalisation, index);
  }
  return {
    of: (node) => ({ block: blockOf.get(node) ?? null, layer: layerOf.get(node) ?? null }),
  };
}

function importanceTerms(
  dims: readonly ProblemDim[],
  rankings: readonly Ranking[],
  structure: Structure,
  places: Places,
): ProblemTerm[] {
  const nodeOf = new Map(structure.layers.map((layer) => [layer.name, layer.id]));
  return dims.flatMap((dim, index) =>
    (rankings[index]?.shares ?? []).map((share): ProblemTerm => {
      const node = nodeOf.get(share.layer);
      const place = node === undefined ? OUTSIDE : places.of(node);
      const gain = Float64Array.from(dim.counts, (count) => share.bestSum(count));
      return {
        name: `importance of ${share.layer}`,
        ...place,
        axes: [{ kind: "dim", index }],
        gain,
        cost: [null],
      };
    }),
  );
}

function latencyTerm(op: LatencyOp, resolver: AxisResolver, place: Place): ProblemTerm {
  const resolved = op.axes.map((axis) => resolver.resolve(axis));
  const sizes = resolved.map((axis) => axis.channels.length);
  const cost = new Float64Array(sizes.reduce((product, size) => product * size, 1));
  const counts = resolved.map(() => 0);
  for (let cell = 0; cell < cost.length; cell += 1) {
    let rest = cell;
    for (let axis = resolved.length - 1; axis >= 0; axis -= 1) {
      const size = sizes[axis] ?? 1;
      counts[axis] = resolved[axis]?.channels[rest % size] ?? 0;
      rest = Math.floor(rest / size);
    }
    cost[cell] = latencyMs(op, counts).ms;
  }
  // Axes without a choice have one entry, so leaving them out keeps the table's order.
  const axes = resolved.flatMap((axis) => (axis.ref === null ? [] : [axis.ref]));
  return { name: `latency of ${op.label}`, ...place, axes, gain: null, cost: [cost] };
}

function constantTerm(name: string, ms: number): ProblemTerm {
  const cost = [Float64Array.of(ms)];
  return { name, block: null, layer: null, axes: [], gain: null, cost };
}

/** What the tied dim loses where it follows the other dim's ranking instead of its own, per option. */
function problemLayer(
  layer: Layer,
  dims: readonly ProblemDim[],
  rankings: readonly Ranking[],
  places: Places,
): ProblemLayer {
  const { block } = places.of(layer.id);
  if (layer.drop === null || layer.drop.kind === "same-dim") {
    return { name: layer.name, block, tie: null, tieGain: [] };
  }
  const { outlives, tied } = layer.drop;
  const foreign = rankings[outlives];
  const own = rankings[tied];
  const counts = dims[tied]?.counts;
  if (foreign === undefined || own === undefined || counts === undefined) {
    throw new InternalError({
      code: "formulation/unknown-dim",
      message: `Layer '${layer.name}' ties dims ${outlives} and ${tied}, which don't exist.`,
    });
  }
  // The dropped layer's own share is gone anyway, so that only the other layers' shares change.
  const shares = own.shares.filter((share) => share.layer !== layer.name);
  const tieGain = counts.map((count) =>
    shares.reduce((sum, share) => sum + share.sumOf(foreign.best(count)) - share.bestSum(count), 0),
  );
  return { name: layer.name, block, tie: { outlives, tied }, tieGain };
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
