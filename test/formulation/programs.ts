import type { Problem } from "../../src/formulation/problem/problem.ts";

/**
 * A residual pair in small: a stream dim that outlives two blocks, the second inside the first; an inner dim; a layer
 * that ties the two; a concatenation of stream and inner dim. Costs are in milliseconds.
 */
export const residual: Problem = {
  name: "residual",
  dims: [
    { name: "stream", counts: [8, 16], block: null },
    { name: "inner", counts: [8, 16], block: 0 },
  ],
  sums: [
    {
      name: "joined",
      left: { kind: "dim", index: 0 },
      right: { kind: "dim", index: 1 },
      leftUnits: 1,
      rightUnits: 1,
      values: [16, 24, 32],
    },
  ],
  blocks: [
    { name: "branch", parent: null },
    { name: "tail", parent: 0 },
  ],
  layers: [
    { name: "widen", block: 0, tie: { outlives: 0, tied: 1 }, tieGain: [-1, -2] },
    { name: "depthwise", block: 1, tie: null, tieGain: [] },
  ],
  exclusiveLayers: [],
  terms: [
    {
      name: "stem",
      block: null,
      layer: null,
      axes: [{ kind: "dim", index: 0 }],
      gain: Float64Array.of(6, 9),
      cost: [Float64Array.of(2, 3)],
    },
    {
      name: "widen",
      block: 0,
      layer: 0,
      axes: [
        { kind: "dim", index: 0 },
        { kind: "dim", index: 1 },
      ],
      gain: Float64Array.of(3, 5, 4, 6),
      cost: [Float64Array.of(2, 3, 3, 5)],
    },
    {
      name: "after the concatenation",
      block: 0,
      layer: null,
      axes: [{ kind: "sum", index: 0 }],
      gain: null,
      cost: [Float64Array.of(1, 1.5, 2.5)],
    },
    {
      name: "depthwise",
      block: 1,
      layer: 1,
      axes: [{ kind: "dim", index: 1 }],
      gain: Float64Array.of(2, 3),
      cost: [Float64Array.of(1, 1)],
    },
    {
      name: "fixed",
      block: null,
      layer: null,
      axes: [],
      gain: null,
      cost: [Float64Array.of(0.5)],
    },
  ],
  resources: [{ name: "latency", unit: "ms", limit: 8 }],
};

export function withLimit(problem: Problem, limit: number): Problem {
  return {
    ...problem,
    resources: problem.resources.map((resource) => ({ ...resource, limit })),
  };
}
