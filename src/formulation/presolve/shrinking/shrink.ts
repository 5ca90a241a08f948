import { at as entryAt } from "../../../core/at.ts";
import type {
  AxisRef,
  Problem,
  ProblemDim,
  ProblemLayer,
  ProblemSum,
  ProblemTerm,
  Selection,
} from "../../problem/problem.ts";
import { axisCounts, axisHome, sumValue } from "../../problem/problem-axes.ts";
import type { FactorGraph, Variable } from "../factors/factors.ts";
import type { Incumbent } from "../search-state.ts";
import type { Remains } from "./remains.ts";

/** A problem with the remaining choices only, and the way there and back. */
export interface Shrunk {
  readonly problem: Problem;
  readonly lift: (selection: Selection) => Selection;
  readonly lower: (selection: Selection) => Selection | null;
}

/** Where each thing of a problem is in the smaller one; -1 where it is gone. */
interface Places {
  readonly dims: readonly number[];
  readonly sums: readonly number[];
  readonly blocks: readonly number[];
  readonly layers: readonly number[];
}

/** The problem with what remains of its choices. */
export function shrink(problem: Problem, remains: Remains): Shrunk {
  const isGone = (block: number | null): boolean =>
    block !== null && remains.blocks[block] === "dropped";
  const sumHomes = problem.sums.map((_, index) => axisHome(problem, { kind: "sum", index }));
  const places: Places = {
    dims: placesOf(problem.dims.map(({ block }) => !isGone(block))),
    sums: placesOf(sumHomes.map((home) => !isGone(home))),
    blocks: placesOf(remains.blocks.map((fate) => fate === "free")),
    layers: placesOf(
      problem.layers.map(({ block }, layer) => remains.layers[layer] === "free" && !isGone(block)),
    ),
  };
  // A block that is always kept is no block, nor are those around it.
  const blockOf = (block: number | null): number | null => {
    const place = block === null ? -1 : (places.blocks[block] ?? -1);
    return place < 0 ? null : place;
  };
  const sums = shrinkSums(problem, remains, places);
  const terms = problem.terms
    .filter(({ block }) => !isGone(block))
    .map((term) => shrinkTerm(problem, remains, sums.options, places, term, blockOf));
  const smaller: Problem = {
    ...problem,
    dims: kept(problem.dims, places.dims).map(
      (dim): ProblemDim => ({
        ...dim,
        counts: (remains.options[problem.dims.indexOf(dim)] ?? []).map((k) =>
          entryAt(dim.counts, k),
        ),
        block: blockOf(dim.block),
      }),
    ),
    sums: sums.sums,
    blocks: kept(problem.blocks, places.blocks).map(({ name, parent }) => ({
      name,
      parent: blockOf(parent),
    })),
    layers: kept(problem.layers, places.layers).map(
      (layer): ProblemLayer => ({
        ...layer,
        block: blockOf(layer.block),
        tie: layer.tie && {
          outlives: places.dims[layer.tie.outlives] ?? -1,
          tied: places.dims[layer.tie.tied] ?? -1,
        },
        ...shrinkTie(remains, layer),
      }),
    ),
    exclusiveLayers: problem.exclusiveLayers.flatMap(([one, other]) => {
      const [first = -1, second = -1] = [places.layers[one], places.layers[other]];
      return first < 0 || second < 0 ? [] : [[first, second] as const];
    }),
    terms,
  };
  return {
    problem: smaller,
    lift: (selection) => lift(problem, remains, places, selection),
    lower: (selection) => lower(remains, places, selection),
  };
}

/** What a dropped layer adds, for the options that remain of the dims it ties. */
function shrinkTie(
  remains: Remains,
  { tie, tieGain, tieCost }: ProblemLayer,
): Pick<ProblemLayer, "tieGain" | "tieCost"> {
  const options = tie === null ? [] : (remains.options[tie.tied] ?? []);
  const pick = (table: readonly number[]): number[] => options.map((k) => entryAt(table, k));
  return { tieGain: pick(tieGain), tieCost: tieCost?.map((table) => table && pick(table)) };
}

function placesOf(isKept: readonly boolean[]): number[] {
  let next = 0;
  return isKept.map((keeps) => {
    if (!keeps) return -1;
    next += 1;
    return next - 1;
  });
}

function kept<T>(list: readonly T[], places: readonly number[]): T[] {
  return list.filter((_, at) => (places[at] ?? -1) >= 0);
}

/** The sums that are left, and per old sum the options of it that can still be reached. */
function shrinkSums(
  problem: Problem,
  remains: Remains,
  places: Places,
): { sums: ProblemSum[]; options: number[][] } {
  const options: number[][] = [];
  const sums: ProblemSum[] = [];
  problem.sums.forEach((sum, index) => {
    const counts = (axis: AxisRef): number[] => {
      const left = axis.kind === "dim" ? remains.options[axis.index] : options[axis.index];
      const all = axisCounts(problem, axis);
      return (left ?? []).map((option) => entryAt(all, option));
    };
    const reachable = new Set<number>();
    const rights = counts(sum.right);
    for (const left of counts(sum.left)) {
      for (const right of rights) reachable.add(sumValue(sum, left, right));
    }
    options.push(sum.values.flatMap((value, option) => (reachable.has(value) ? [option] : [])));
    if ((places.sums[index] ?? -1) < 0) return;
    sums.push({
      ...sum,
      left: axisThere(places, sum.left),
      right: axisThere(places, sum.right),
      values: sum.values.filter((value) => reachable.has(value)),
    });
  });
  return { sums, options };
}

function axisThere(places: Places, axis: AxisRef): AxisRef {
  return {
    kind: axis.kind,
    index: (axis.kind === "dim" ? places.dims : places.sums)[axis.index] ?? -1,
  };
}

function shrinkTerm(
  problem: Problem,
  remains: Remains,
  sumOptions: readonly (readonly number[])[],
  places: Places,
  term: ProblemTerm,
  blockOf: (block: number | null) => number | null,
): ProblemTerm {
  let cells = Int32Array.of(0);
  for (const axis of term.axes) {
    const size = axisCounts(problem, axis).length;
    const options = (axis.kind === "dim" ? remains.options : sumOptions)[axis.index] ?? [];
    const next = new Int32Array(cells.length * options.length);
    let at = 0;
    for (const cell of cells) {
      for (const option of options) {
        next[at] = cell * size + option;
        at += 1;
      }
    }
    cells = next;
  }
  const pick = (table: Float64Array | null): Float64Array | null =>
    table === null ? null : Float64Array.from(cells, (cell) => entryAt(table, cell));
  const layer = term.layer === null ? -1 : (places.layers[term.layer] ?? -1);
  return {
    ...term,
    block: blockOf(term.block),
    layer: layer < 0 ? null : layer,
    axes: term.axes.map((axis) => axisThere(places, axis)),
    gain: pick(term.gain),
    cost: term.cost.map(pick),
  };
}

function lift(problem: Problem, remains: Remains, places: Places, selection: Selection): Selection {
  const droppedBlocks = new Set<number>();
  remains.blocks.forEach((fate, block) => {
    const isDropped = fate === "free" && selection.droppedBlocks.has(places.blocks[block] ?? -1);
    if (fate === "dropped" || isDropped) droppedBlocks.add(block);
  });
  const droppedLayers = new Set<number>();
  places.layers.forEach((place, layer) => {
    if (place >= 0 && selection.droppedLayers.has(place)) droppedLayers.add(layer);
  });
  const options = problem.dims.map((_, dim) => {
    const option = selection.options[places.dims[dim] ?? -1] ?? -1;
    return remains.options[dim]?.[option] ?? -1;
  });
  return { options, droppedBlocks, droppedLayers };
}

function lower(remains: Remains, places: Places, selection: Selection): Selection | null {
  const droppedBlocks = lowerBlocks(remains, places, selection);
  const layers = [...selection.droppedLayers].map((layer) => places.layers[layer] ?? -1);
  const options = lowerOptions(remains, places, selection);
  if (droppedBlocks === null || options === null || layers.includes(-1)) return null;
  return { options, droppedBlocks, droppedLayers: new Set(layers) };
}

/** Null where a block's fate is another one. */
function lowerBlocks(remains: Remains, places: Places, selection: Selection): Set<number> | null {
  const dropped = new Set<number>();
  for (const [block, fate] of remains.blocks.entries()) {
    const isDropped = selection.droppedBlocks.has(block);
    if (fate !== "free" && isDropped !== (fate === "dropped")) return null;
    if (fate === "free" && isDropped) dropped.add(places.blocks[block] ?? -1);
  }
  return dropped;
}

/** Null where an option is gone. */
function lowerOptions(remains: Remains, places: Places, selection: Selection): number[] | null {
  const options: number[] = [];
  for (const [dim, left] of remains.options.entries()) {
    if ((places.dims[dim] ?? -1) < 0) continue;
    const old = selection.options[dim] ?? -1;
    const option = left.indexOf(old);
    if (old >= 0 && option < 0) return null;
    options.push(option);
  }
  return options;
}

/** The selection that a choice of states stands for. */
export function selectionOf(
  problem: Problem,
  graph: FactorGraph,
  { states }: Incumbent,
): Selection {
  const options = problem.dims.map(() => -1);
  const droppedBlocks = new Set<number>();
  const droppedLayers = new Set<number>();
  const decide = {
    dim: (index: number, state: number): void => {
      const { counts, block } = problem.dims[index] ?? { counts: [], block: null };
      if (state < counts.length) options[index] = state;
      else if (block !== null) droppedBlocks.add(block);
    },
    block: (index: number, state: number): void => {
      if (state === 0) droppedBlocks.add(index);
    },
    layer: (index: number, state: number): void => {
      if (state === 1) droppedLayers.add(index);
    },
    // It follows from its parts.
    sum: (): void => {},
  } satisfies Record<Variable["kind"], (index: number, state: number) => void>;
  graph.variables.forEach(({ kind, index }, at) => {
    decide[kind](index, entryAt(states, at));
  });
  return { options, droppedBlocks, droppedLayers };
}
