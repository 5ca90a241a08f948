import { at as entryAt } from "../../core/at.ts";
/**
 * Latency as a function of output channels, with the inputs as they were (HALP, arXiv 2110.10811, section 3):
 *
 *     cost(k) ~ cost(now) + sum over dims d of  sum over operations that write d of  T(d -> k_d, all else now) - T(now)
 *
 * A sum of functions of one dim each, so that choosing the widths becomes a knapsack with one choice per dim.
 */
import type { Problem, ProblemTerm } from "../problem/problem.ts";
import { cellReader, dimsOfAxis, gainsOfDims } from "./meter.ts";
import type { WrittenAxes } from "./written-axes.ts";

export interface LinearModel {
  /** The knapsack: no blocks, no layers, one table per dim; of each dim the options up to the present one. */
  readonly knapsack: Problem;
  /** The method's own usage at given options, one number per resource. */
  readonly usage: (options: readonly number[]) => readonly number[];
}

/** The model around the present options. Its knapsack has the limits given. */
export function linearModel(
  problem: Problem,
  written: WrittenAxes,
  now: readonly number[],
  limits: readonly number[],
): LinearModel {
  const { base, changes } = costChanges(problem, written, now);
  const gains = gainsOfDims(problem);
  const dims = problem.dims.map(({ name, counts }, dim) => ({
    name,
    counts: counts.slice(0, entryAt(now, dim) + 1),
    block: null,
  }));
  const own = dims.map(
    ({ name, counts }, dim): ProblemTerm => ({
      name,
      block: null,
      layer: null,
      axes: [{ kind: "dim", index: dim }],
      gain: (gains[dim] ?? new Float64Array()).slice(0, counts.length),
      cost: problem.resources.map((_, resource) => changes[resource]?.[dim] ?? null),
    }),
  );
  const constant: ProblemTerm = {
    name: "all as it is",
    block: null,
    layer: null,
    axes: [],
    gain: null,
    cost: base.map((cost) => Float64Array.of(cost)),
  };
  const knapsack: Problem = {
    name: problem.name,
    dims,
    sums: [],
    blocks: [],
    layers: [],
    exclusiveLayers: [],
    terms: [...own, constant],
    resources: problem.resources.map((resource, index) => ({
      ...resource,
      limit: limits[index] ?? resource.limit,
    })),
  };
  const usage = (options: readonly number[]): number[] =>
    base.map((cost, resource) =>
      options.reduce((sum, option, dim) => sum + (changes[resource]?.[dim]?.[option] ?? 0), cost),
    );
  return { knapsack, usage };
}

interface CostChanges {
  /** Per resource, what everything costs at the present options. */
  readonly base: readonly number[];
  /** Per resource and dim, the change for each of its options up to the present one. */
  readonly changes: readonly (readonly Float64Array[])[];
}

function costChanges(problem: Problem, written: WrittenAxes, now: readonly number[]): CostChanges {
  const cells = cellReader(problem);
  const base = problem.resources.map(() => 0);
  const changes = problem.resources.map(() => now.map((option) => new Float64Array(option + 1)));
  for (const [index, term] of problem.terms.entries()) {
    if (term.cost.every((table) => table === null)) continue;
    const present = cells(term, now);
    term.cost.forEach((table, resource) => {
      base[resource] = entryAt(base, resource) + (table?.[present] ?? 0);
    });
    const positions = written[index] ?? [];
    const moving = positions.flatMap((at) => term.axes[at] ?? []);
    for (const dim of new Set(moving.flatMap((axis) => dimsOfAxis(problem, axis)))) {
      const moved = [...now];
      for (let option = 0; option <= entryAt(now, dim); option += 1) {
        moved[dim] = option;
        const cell = cells(term, now, { positions, options: moved });
        term.cost.forEach((table, resource) => {
          const change = changes[resource]?.[dim];
          if (change === undefined || table === null) return;
          change[option] = entryAt(change, option) + entryAt(table, cell) - entryAt(table, present);
        });
      }
    }
  }
  return { base, changes };
}
