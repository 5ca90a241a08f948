import type { Problem } from "../problem/problem.ts";

/**
 * The same problem with every block and layer kept: the OCP ablation of MDP (arXiv 2406.12079, section 4.5). A selection of
 * it is one of the original.
 */
export function withoutDrops(problem: Problem): Problem {
  return {
    ...problem,
    dims: problem.dims.map((dim) => ({ ...dim, block: null })),
    blocks: [],
    layers: [],
    exclusiveLayers: [],
    terms: problem.terms.map((term) => ({ ...term, block: null, layer: null })),
  };
}
