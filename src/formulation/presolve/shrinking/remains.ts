import type { Problem } from "../../problem/problem.ts";
import { blockChain } from "../../problem/problem-axes.ts";
import type { FactorGraph } from "../factors/factors.ts";

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
  const blocks = problem.blocks.map((): Fate => "free");
  const layers = problem.layers.map((): Remains["layers"][number] => "free");
  for (const { kind, index, states } of graph.variables) {
    if (kind === "dim") {
      const { counts, block } = problem.dims[index] ?? { counts: [], block: null };
      const mine = states.filter((state) => state < counts.length);
      options[index] = mine;
      if (block !== null)
        blocks[block] = fateOf(mine.length, states.length) ?? blocks[block] ?? "free";
    } else if (kind === "block") {
      blocks[index] = fateOf(states.filter((state) => state === 1).length, states.length) ?? "free";
    } else if (kind === "layer" && states.length === 1 && states[0] === 0) layers[index] = "stands";
  }
  spreadFates(problem, blocks);
  const isDropped = (block: number | null): boolean =>
    block !== null && blocks[block] === "dropped";
  return { options: withTies(problem, options, layers, isDropped), blocks, layers };
}

type Fate = Remains["blocks"][number];

/** A block's fate by how many of its variable's states keep it; null where both are left. */
function fateOf(keeping: number, states: number): Fate | null {
  if (keeping === 0) return "dropped";
  return keeping === states ? "kept" : null;
}

/** What is around a kept block is kept, and what is in a dropped one dropped. */
function spreadFates(problem: Problem, blocks: Fate[]): void {
  problem.blocks.forEach(({ parent }, block) => {
    if (blocks[block] !== "kept") return;
    for (const outer of blockChain(problem, parent)) {
      if (blocks[outer] === "free") blocks[outer] = "kept";
    }
  });
  problem.blocks.forEach((_, block) => {
    if (blockChain(problem, block).some((outer) => blocks[outer] === "dropped")) {
      blocks[block] = "dropped";
    }
  });
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
