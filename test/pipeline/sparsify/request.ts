import type { SparsifyRequest } from "../../../src/pipeline/sparsify/request.ts";

/** Zeros by magnitude and no images, unless something else is asked for. */
export function sparseRequest(changes: Partial<SparsifyRequest>): SparsifyRequest {
  return {
    limits: { limit: [], soft: [], penalty: [], minimize: null },
    components: new Map(),
    score: "magnitude",
    rates: "program",
    repair: "none",
    format: "zeros",
    keepDense: null,
    images: 8,
    measured: 8,
    damage: "squares",
    batch: 2,
    labels: "self",
    ridge: 0.01,
    looks: 1,
    rounds: 1,
    passes: 1,
    refine: 0,
    memory: 1,
    seed: 0,
    threads: 1,
    pattern: "none",
    ...changes,
  };
}
