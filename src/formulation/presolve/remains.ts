import type { Problem } from "../problem.ts";
import { blockChain } from "../problem-axes.ts";
import type { FactorGraph } from "./factors.ts";

/** What is left of a problem: which options of a dim, which choices of a block and of a layer. */
export interface Remains {
  /** Per dim, the options that may be taken, increasing. */
  readonly options: readonly (readonly number[])[];
  readonly blocks: readonly ("free" | "kept" | "dropped")[];
  readonly layers: readonly ("free" | "stands")[];
}

/** The states that a graph has left, as what remains of its problem. */
export function remainsOf(problem: Problem, graph: FactorGraph): Remains {
  const options = problem.dims.map((): number[] => []);
  const blocks = problem.blocks.map((): Remains["blocks"][number] => "free");
  const layers = problem.layers.map((): Remains["layers"][number] => "free");
  for (const { kind, index, states } of graph.variables) {
    if (kind === "dim") {
      const { counts, block } = problem.dims[index] ?? { counts: [], block: null };
      options[index] = states.filter((state) => state < counts.length);
      if (block === null) continue;
      if (options[index]?.length === 0) blocks[block] = "dropped";
      else if (options[index]?.length === states.length) blocks[block] = "kept";
    } else if (kind === "block" && states.length === 1) {
      blocks[index] = states[0] === 1 ? "kept" : "dropped";
    } else if (kind === "layer" && states.length === 1 && states[0] === 0) layers[index] = "stands";
  }
  const isDropped = (block: number | null): boolean =>
    blockChain(problem, block).some((each) => blocks[each] === "dropped");
  const around = problem.blocks.map(({ parent }, block) =>
    blocks[block] === "kept" ? blockChain(problem, parent) : [],
  );
  for (const kept of around.flat()) if (blocks[kept] === "free") blocks[kept] = "kept";
  problem.blocks.forEach((_, block) => {
    if (isDropped(block)) blocks[block] = "dropped";
  });
  return { options: withTies(problem, options, layers, isDropped), blocks, layers };
}

/** Dims that a layer can still tie keep the same options, all that either has. */
function withTies(
  problem: Problem,
  options: readonly number[][],
  layers: Remains["layers"],
  isDropped: (block: number | null) => boolean,
): number[][] {
  const all = options.map((each) => each);
  for (let changes = true; changes; ) {
    changes = false;
    problem.layers.forEach(({ tie, block }, index) => {
      if (tie === null || layers[index] === "stands" || isDropped(block)) return;
      const [one, other] = [all[tie.outlives] ?? [], all[tie.tied] ?? []];
      const union = [...new Set([...one, ...other])].sort((a, b) => a - b);
      if (union.length === one.length && union.length === other.length) return;
      all[tie.outlives] = union;
      all[tie.tied] = union;
      changes = true;
    });
  }
  return all;
}
