import { randomFrom } from "../../../src/core/random.ts";
import type { Problem, ProblemDim, ProblemTerm } from "../../../src/formulation/problem/problem.ts";

/**
 * A chain of layers as in published instances: layer l has tables over (its own width, the width before); every second
 * layer is a block of its own kind. Costs need not increase.
 */
export function chainProblem(seed: number, share: number): Problem {
  const random = randomFrom(seed);
  const dims = Array.from({ length: 4 }, (_, index): ProblemDim => {
    const options = 2 + random.integer(3);
    const width = 8 * (1 + random.integer(2));
    const counts = Array.from({ length: options }, (_unused, option) => width * (option + 1));
    return { name: `dim ${index}`, counts, block: null };
  });
  const terms = dims.flatMap((dim, index): ProblemTerm[] => {
    const before = dims[index - 1];
    const axes = [{ kind: "dim" as const, index }];
    if (before !== undefined) axes.push({ kind: "dim", index: index - 1 });
    const cost = dim.counts.flatMap((own) =>
      (before?.counts ?? [8]).map((input) => own * input + random.integer(40)),
    );
    let sum = 0;
    const gains = dim.counts
      .map(() => random.integer(100))
      .sort((a, b) => b - a)
      .map((step) => {
        sum += step;
        return sum;
      });
    const place = { block: index === 2 ? 0 : null, layer: null };
    return [
      {
        name: `importance ${index}`,
        ...place,
        axes: axes.slice(0, 1),
        gain: Float64Array.from(gains),
        cost: [null],
      },
      { name: `latency ${index}`, ...place, axes, gain: null, cost: [Float64Array.from(cost)] },
    ];
  });
  const dense = terms.reduce((total, { cost }) => total + (cost[0]?.at(-1) ?? 0), 0);
  return {
    name: `chain ${seed}`,
    dims,
    sums: [],
    blocks: [{ name: "block 0", parent: null }],
    layers: [],
    exclusiveLayers: [],
    terms,
    resources: [{ name: "latency", unit: "us", limit: share * dense }],
  };
}
