import type { Remains } from "../presolve/shrinking/remains.ts";
import { type Shrunk, shrink } from "../presolve/shrinking/shrink.ts";
import { mostPossible } from "../problem/evaluate.ts";
import type { Problem, ProblemTerm, Selection } from "../problem/problem.ts";
import { blockChain } from "../problem/problem-axes.ts";

/** One choice that is to be made in this way. An option of a dim, or a layer that goes, keeps the blocks around it. */
export type Choice =
  | { readonly kind: "option"; readonly dim: number; readonly option: number }
  | { readonly kind: "block"; readonly block: number; readonly kept: boolean }
  | { readonly kind: "layer"; readonly layer: number; readonly kept: boolean };

/** Whether a selection makes the choice in this way. */
export function makesChoice(
  { options, droppedBlocks, droppedLayers }: Selection,
  choice: Choice,
): boolean {
  switch (choice.kind) {
    case "option":
      return options[choice.dim] === choice.option;
    case "block":
      return droppedBlocks.has(choice.block) !== choice.kept;
    case "layer":
      return droppedLayers.has(choice.layer) !== choice.kept;
    default:
      return choice satisfies never;
  }
}

/**
 * What is left of a problem when a choice is made in this way, null where nothing is: the same selections but for those that don't
 * make it. Where layers can tie a dim to another, taking options off one of the two would end the tie; the other options
 * are then made to lose more than all that can be earned, so that the best selection makes the choice whenever any does.
 *
 * @param remains what is left of the problem before; default everything
 */
export function forceChoice(
  problem: Problem,
  choice: Choice,
  remains: Remains = everythingOf(problem),
): Shrunk | null {
  switch (choice.kind) {
    case "block":
      return choice.kept
        ? shrinkOrNull(problem, withKept(problem, remains, choice.block))
        : shrinkOrNull(problem, withDropped(problem, remains, choice.block));
    case "layer":
      return forceLayer(problem, choice, remains);
    case "option":
      return forceOption(problem, choice, remains);
    default:
      return choice satisfies never;
  }
}

/** Everything is left. */
export function everythingOf(problem: Problem): Remains {
  return {
    options: problem.dims.map(({ counts }) => [...counts.keys()]),
    blocks: problem.blocks.map(() => "free"),
    layers: problem.layers.map(() => "free"),
  };
}

function shrinkOrNull(problem: Problem, remains: Remains | null): Shrunk | null {
  return remains === null ? null : shrink(problem, remains);
}

function forceLayer(
  problem: Problem,
  { layer, kept }: Choice & { readonly kind: "layer" },
  remains: Remains,
): Shrunk | null {
  const { block = null } = problem.layers[layer] ?? {};
  const around = withKept(problem, remains, block);
  if (around === null) return null;
  if (kept) return shrink(problem, { ...around, layers: around.layers.with(layer, "stands") });
  if (around.layers[layer] === "stands") return null;
  return shrink(withLoss(problem, { block, layer, axes: [], gain: Float64Array.of(-1) }), around);
}

function forceOption(
  problem: Problem,
  { dim, option }: Choice & { readonly kind: "option" },
  remains: Remains,
): Shrunk | null {
  const { block = null, counts = [] } = problem.dims[dim] ?? {};
  const around = withKept(problem, remains, block);
  if (around === null || !around.options[dim]?.includes(option)) return null;
  const isTied = problem.layers.some(
    ({ tie }, layer) =>
      (tie?.outlives === dim || tie?.tied === dim) && around.layers[layer] === "free",
  );
  if (!isTied) return shrink(problem, { ...around, options: around.options.with(dim, [option]) });
  const gain = Float64Array.from(counts, (_, each) => (each === option ? 0 : -1));
  const axes = [{ kind: "dim", index: dim }] as const;
  return shrink(withLoss(problem, { block, layer: null, axes, gain }), around);
}

/** With a block and those around it kept; null where one of them is gone. */
function withKept(problem: Problem, remains: Remains, block: number | null): Remains | null {
  const chain = blockChain(problem, block);
  if (chain.some((each) => remains.blocks[each] === "dropped")) return null;
  return {
    ...remains,
    blocks: remains.blocks.map((fate, each) => (chain.includes(each) ? "kept" : fate)),
  };
}

/** With a block and those inside it dropped; null where one of them stays. */
function withDropped(problem: Problem, remains: Remains, block: number): Remains | null {
  const isInside = remains.blocks.map((_, each) => blockChain(problem, each).includes(block));
  if (remains.blocks.some((fate, each) => isInside[each] === true && fate === "kept")) return null;
  return {
    ...remains,
    blocks: remains.blocks.map((fate, each) => (isInside[each] === true ? "dropped" : fate)),
  };
}

/** A table whose gains, 0 or -1, are multiplied by more than any two selections can differ. */
function withLoss(
  problem: Problem,
  table: Pick<ProblemTerm, "block" | "layer" | "axes"> & { readonly gain: Float64Array },
): Problem {
  const loss = Math.ceil(mostPossible(problem) - leastPossible(problem)) + 1;
  const gain = table.gain.map((share) => share * loss);
  const term: ProblemTerm = {
    ...table,
    name: "forced",
    gain,
    cost: problem.resources.map(() => null),
  };
  return { ...problem, terms: [...problem.terms, term] };
}

/** No selection earns less: every table at its worst cell, and every soft limit exceeded as far as its tables go. */
function leastPossible(problem: Problem): number {
  const worst = (numbers: Iterable<number>): number => {
    let least = 0;
    for (const number of numbers) least = Math.min(least, number);
    return least;
  };
  const earned =
    problem.terms.reduce((sum, { gain }) => sum + worst(gain ?? []), 0) +
    problem.layers.reduce((sum, { tieGain }) => sum + worst(tieGain), 0);
  return problem.resources.reduce((sum, { limit, penalty }, r) => {
    if (!penalty || limit === Number.POSITIVE_INFINITY) return sum;
    const negated = (costs: Iterable<number>): number[] => Array.from(costs, (cost) => -cost);
    const used =
      problem.terms.reduce((all, { cost }) => all - worst(negated(cost[r] ?? [])), 0) +
      problem.layers.reduce((all, { tieCost }) => all - worst(negated(tieCost?.[r] ?? [])), 0);
    return sum - penalty * Math.max(0, used - limit);
  }, earned);
}
