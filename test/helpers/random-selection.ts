import type { Random } from "../../src/core/random.ts";
import type { Problem, Selection } from "../../src/formulation/problem/problem.ts";
import { blockChain } from "../../src/formulation/problem/problem-axes.ts";

/** A selection by chance that keeps every structural rule; limits are not looked at. */
export function randomSelection(problem: Problem, random: Random, drop = 0.25): Selection {
  const wanted = problem.blocks.map(() => random.next() < drop);
  const isGone = (block: number | null): boolean =>
    blockChain(problem, block).some((around) => wanted[around] === true);
  const droppedBlocks = new Set([...problem.blocks.keys()].filter(isGone));
  const options = problem.dims.map(({ block, counts }) =>
    isGone(block) ? -1 : random.integer(counts.length),
  );
  const droppedLayers = new Set<number>();
  // A dim takes part in one tie only: a second one would change what the first one made equal.
  const tied = new Set<number>();
  problem.layers.forEach(({ block, tie }, layer) => {
    if (isGone(block) || random.next() >= drop) return;
    if (tie !== null) {
      if (tied.has(tie.outlives) || tied.has(tie.tied)) return;
      tied.add(tie.outlives).add(tie.tied);
      options[tie.tied] = options[tie.outlives] ?? -1;
    }
    droppedLayers.add(layer);
  });
  return { options, droppedBlocks, droppedLayers };
}
