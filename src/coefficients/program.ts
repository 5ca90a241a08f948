/**
 * The inner program of soft coefficients:
 *
 *     maximise  sum over groups g of  c_g * sum over dims d of g of  w(n_d),   w(n) = 1 + log(n)
 *
 * within every limit of the network's own program. w is concave, so that the best widths move smoothly with c, and every vector of
 * widths on the budget is the best one for some c: c_g proportional to n_g dP/dn_g, P being what the budget counts. Which units of
 * a dim stay is still the importance's business. The constant keeps a kept block worth more than a dropped one.
 */
import type { NetworkProblem } from "../formulation/network/network-problem.ts";
import { evaluate } from "../formulation/problem/evaluate.ts";
import type { Problem, ProblemTerm, Selection } from "../formulation/problem/problem.ts";
import type { Group } from "./groups.ts";

/** What keeping so many units of a dim is worth at coefficient 1. */
export function worthOf(units: number): number {
  return 1 + Math.log(units);
}

/**
 * The program at given coefficients; its limits and costs are those of the network's program.
 * @param coefficients one per group, above 0
 */
export function coefficientProblem(
  problem: Problem,
  groups: readonly Group[],
  coefficients: readonly number[],
): Problem {
  const weights = new Map(
    groups.flatMap(({ dims }, at) => dims.map((dim) => [dim, coefficients[at] ?? 1] as const)),
  );
  const costs = problem.terms
    .filter(({ cost }) => cost.some((table) => table !== null && table !== undefined))
    .map((term): ProblemTerm => ({ ...term, gain: null }));
  const worths = problem.dims.flatMap(({ name, counts, block }, index): ProblemTerm[] => {
    // A dim without a choice counts only with the block that it would go with.
    if (counts.length < 2 && block === null) return [];
    const weight = weights.get(index) ?? 1;
    const gain = Float64Array.from(counts, (units) => weight * worthOf(Math.max(units, 1)));
    const axes = [{ kind: "dim", index }] as const;
    return [{ name: `worth of ${name}`, block, layer: null, axes, gain, cost: [null] }];
  });
  const layers = problem.layers.map((layer) => ({
    ...layer,
    tieGain: layer.tieGain.map(() => 0),
  }));
  return { ...problem, layers, terms: [...costs, ...worths] };
}

/** A limit that uses less of its amount than this share doesn't decide the widths. */
const BINDING = 0.9;

/**
 * Coefficients at which about these widths are the best ones: c_g = mean over dims of n dP/dn, with P the sum of what the binding
 * limits count, each as a share of its limit. Their mean logarithm is 0.
 */
export function coefficientsAt(
  network: Pick<NetworkProblem, "problem">,
  groups: readonly Group[],
  selection: Selection,
): readonly number[] {
  const { problem } = network;
  const { usage } = evaluate(problem, selection);
  const finite = problem.resources.flatMap(({ limit, penalty }, resource) =>
    Number.isFinite(limit) && limit > 0 && (penalty ?? null) === null ? [resource] : [],
  );
  const share = (amounts: readonly number[], resource: number): number =>
    (amounts[resource] ?? 0) / (problem.resources[resource]?.limit ?? 1);
  const tight = finite.filter((resource) => share(usage, resource) >= BINDING);
  const binding = tight.length > 0 ? tight : finite;
  const costOf = (amounts: readonly number[]): number =>
    binding.reduce((sum, resource) => sum + share(amounts, resource), 0);
  const slope = (dim: number): number => {
    const counts = problem.dims[dim]?.counts ?? [];
    const option = selection.options[dim] ?? -1;
    if (option < 0) return 0;
    const [low, high] = [Math.max(option - 1, 0), Math.min(option + 1, counts.length - 1)];
    const at = (other: number): number =>
      costOf(
        evaluate(problem, { ...selection, options: selection.options.with(dim, other) }).usage,
      );
    const units = (counts[high] ?? 1) - (counts[low] ?? 1);
    return units <= 0 ? 0 : ((counts[option] ?? 1) * (at(high) - at(low))) / units;
  };
  const raw = groups.map(({ dims }) => {
    const slopes = dims.map(slope).filter((value) => value > 0);
    return slopes.reduce((sum, value) => sum + value, 0) / Math.max(slopes.length, 1);
  });
  return normalised(raw);
}

/** Coefficients of mean logarithm 0: a common factor of all changes nothing. Zeros become the smallest of the others. */
export function normalised(raw: readonly number[]): readonly number[] {
  const positive = raw.filter((value) => value > 0 && Number.isFinite(value));
  const least = positive.length === 0 ? 1 : Math.min(...positive);
  const logs = raw.map((value) => Math.log(value > 0 && Number.isFinite(value) ? value : least));
  const mean = logs.reduce((sum, value) => sum + value, 0) / Math.max(logs.length, 1);
  return logs.map((value) => Math.exp(value - mean));
}
