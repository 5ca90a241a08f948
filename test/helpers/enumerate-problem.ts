import { evaluate, isMet } from "../../src/formulation/problem/evaluate.ts";
import type { Problem, Selection } from "../../src/formulation/problem/problem.ts";

/** All selections of a small problem that keep its structural rules; its limits are not looked at. */
export function* allSelections(problem: Problem): Generator<Selection> {
  for (const droppedBlocks of subsets(problem.blocks.length)) {
    const nests = problem.blocks.every(
      ({ parent }, block) =>
        parent === null || !droppedBlocks.has(parent) || droppedBlocks.has(block),
    );
    if (!nests) continue;
    const isGone = (block: number | null): boolean => block !== null && droppedBlocks.has(block);
    for (const droppedLayers of subsets(problem.layers.length)) {
      if ([...droppedLayers].some((layer) => isGone(problem.layers[layer]?.block ?? null)))
        continue;
      if (problem.exclusiveLayers.some((pair) => pair.every((l) => droppedLayers.has(l)))) continue;
      const sizes = problem.dims.map((dim) => (isGone(dim.block) ? 0 : dim.counts.length));
      for (const options of allOptions(sizes)) {
        const ties = [...droppedLayers].every((layer) => {
          const tie = problem.layers[layer]?.tie ?? null;
          return tie === null || options[tie.outlives] === options[tie.tied];
        });
        if (ties) yield { options, droppedBlocks, droppedLayers };
      }
    }
  }
}

/** The best selection within the limits by trying all, null where there is none. Knows no model and no solver. */
export function enumerateProblem(
  problem: Problem,
): { selection: Selection; objective: number } | null {
  let best: { selection: Selection; objective: number } | null = null;
  for (const selection of allSelections(problem)) {
    const { objective, usage } = evaluate(problem, selection);
    const fits = problem.resources.every((resource, r) => isMet(resource, usage[r] ?? 0));
    if (fits && (best === null || objective > best.objective)) best = { selection, objective };
  }
  return best;
}

function* subsets(count: number): Generator<ReadonlySet<number>> {
  for (let mask = 0; mask < 2 ** count; mask += 1) {
    yield new Set(Array.from({ length: count }, (_, at) => at).filter((at) => mask & (1 << at)));
  }
}

/** Every combination of options; a dim of size 0 is absent and has -1. */
function* allOptions(sizes: readonly number[], at = 0): Generator<number[]> {
  const size = sizes[at];
  if (size === undefined) {
    yield [];
    return;
  }
  const own = size === 0 ? [-1] : Array.from({ length: size }, (_, option) => option);
  for (const rest of allOptions(sizes, at + 1)) for (const option of own) yield [option, ...rest];
}
