import { at } from "../../core/at.ts";
import type { AxisRef, Problem, ProblemTerm } from "../problem/problem.ts";
import type { Line } from "./region.ts";

/** Tables over the choices whose sum is the variance of a time; placed as the terms of a problem are. */
export type VarianceTable = Pick<ProblemTerm, "name" | "block" | "layer" | "axes"> & {
  /** Square milliseconds. */
  readonly variance: Float64Array;
};

/**
 * The problem with the limit of its resource 0 (a time) replaced by lines over its mean and its variance. They come
 * last among the resources; the tables of the other resources stay the same objects.
 */
export function withLines(
  problem: Problem,
  variances: readonly VarianceTable[],
  lines: readonly Line[],
): Problem {
  const count = problem.resources.length;
  const waiting = byPlace(variances);
  const terms = problem.terms.map((term): ProblemTerm => {
    const mean = term.cost[0];
    if (mean === null || mean === undefined) return term;
    const key = placeOf(term);
    const own = waiting.get(key) ?? null;
    waiting.delete(key);
    const costs = lines.map(({ price }) =>
      mean.map((ms, cell) => ms + price * (own === null ? 0 : at(own, cell))),
    );
    return { ...term, cost: [...padded(term.cost, count), ...costs] };
  });
  const alone = variances.flatMap(({ variance: _, ...place }): ProblemTerm[] => {
    const left = waiting.get(placeOf(place));
    if (left === undefined) return [];
    waiting.delete(placeOf(place));
    const costs = lines.map(({ price }) => left.map((amount) => price * amount));
    return [{ ...place, gain: null, cost: [...padded([], count), ...costs] }];
  });
  return {
    ...problem,
    terms: [...terms, ...alone],
    layers: problem.layers.map((layer) => {
      const mean = layer.tieCost?.[0] ?? null;
      if (mean === null) return layer;
      return {
        ...layer,
        tieCost: [...padded(layer.tieCost ?? [], count), ...lines.map(() => mean)],
      };
    }),
    resources: [
      ...problem.resources.map((resource, index) =>
        index === 0 ? { ...resource, limit: Number.POSITIVE_INFINITY } : resource,
      ),
      ...lines.map(({ limit }, index) => ({
        name: `latency with its error${lines.length === 1 ? "" : ` ${index + 1}`}`,
        unit: "ms",
        limit,
      })),
    ],
  };
}

/** The problem that looks for the least of resource 0 within the other limits. */
export function leastTime(problem: Problem): Problem {
  return {
    ...problem,
    layers: problem.layers.map((layer) => ({
      ...layer,
      tieGain: layer.tieGain.map((_, option) => -(layer.tieCost?.[0]?.[option] ?? 0)),
    })),
    terms: problem.terms.map((term) => ({
      ...term,
      gain: term.cost[0]?.map((amount) => -amount) ?? null,
    })),
    resources: problem.resources.map((resource, index) =>
      index === 0 || resource.penalty
        ? { ...resource, limit: Number.POSITIVE_INFINITY, penalty: null }
        : resource,
    ),
  };
}

/** The problem whose resource 0 is the variance, to count it for a selection. */
export function varianceProblem(problem: Problem, variances: readonly VarianceTable[]): Problem {
  return {
    ...problem,
    layers: problem.layers.map((layer) => ({ ...layer, tieCost: [null] })),
    terms: variances.map(({ variance, ...place }) => ({ ...place, gain: null, cost: [variance] })),
    resources: [{ name: "variance", unit: "ms^2", limit: Number.POSITIVE_INFINITY }],
  };
}

/** One table per place and axes: the sum of those that share them. */
function byPlace(variances: readonly VarianceTable[]): Map<string, Float64Array> {
  const sums = new Map<string, Float64Array>();
  for (const table of variances) {
    const key = placeOf(table);
    const before = sums.get(key);
    sums.set(key, before?.map((sum, cell) => sum + at(table.variance, cell)) ?? table.variance);
  }
  return sums;
}

interface Placed {
  readonly block: number | null;
  readonly layer: number | null;
  readonly axes: readonly AxisRef[];
}

function placeOf({ block, layer, axes }: Placed): string {
  return `${block},${layer},${axes.map(({ kind, index }) => kind + index)}`;
}

function padded<Cost>(costs: readonly (Cost | null)[], count: number): (Cost | null)[] {
  return Array.from({ length: count }, (_, index) => costs[index] ?? null);
}
