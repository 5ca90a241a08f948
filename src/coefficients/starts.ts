import { InfeasibleError } from "../core/errors.ts";
import { thresholdOptions } from "../formulation/baselines/global-threshold.ts";
import { keeping } from "../formulation/baselines/meter.ts";
import { uniformOptions } from "../formulation/baselines/uniform.ts";
import type { NetworkProblem } from "../formulation/network/network-problem.ts";
import type { Problem, Selection } from "../formulation/problem/problem.ts";
import { consumersPerDim } from "./consumers.ts";
import type { Group } from "./groups.ts";
import { coefficientsAt } from "./program.ts";
import type { Start } from "./search/search.ts";

/**
 * Where a search begins: one ratio for all dims, one threshold over normalised scores, the importance's own program, and that program
 * with every dim worth as much as components read it. A start that no selection meets the limits with is left out.
 */
export async function startsOf(
  network: NetworkProblem,
  groups: readonly Group[],
  solve: (problem: Problem) => Promise<Selection>,
): Promise<readonly Start[]> {
  const { problem } = network;
  const made: { readonly name: string; readonly make: () => Promise<Selection> | Selection }[] = [
    { name: "uniform", make: () => keeping(uniformOptions(problem)) },
    { name: "threshold", make: () => keeping(thresholdOptions(problem)) },
    { name: "program", make: () => solve(problem) },
    { name: "program by readers", make: () => solve(perReader(network)) },
  ];
  const starts: Start[] = [];
  for (const { name, make } of made) {
    try {
      const selection = await make();
      starts.push({ name, selection, coefficients: coefficientsAt(network, groups, selection) });
    } catch (error) {
      if (!(error instanceof InfeasibleError) || name === "program") throw error;
    }
  }
  return starts;
}

/** Norms undercount a dim that several components read: its gain counts once for each. */
function perReader(network: NetworkProblem): Problem {
  const readers = consumersPerDim(network.structure);
  const { problem } = network;
  return {
    ...problem,
    terms: problem.terms.map((term) => {
      const [axis, ...more] = term.axes;
      const count = axis?.kind === "dim" && more.length === 0 ? (readers[axis.index] ?? 1) : 1;
      return term.gain === null || count === 1
        ? term
        : { ...term, gain: term.gain.map((value) => value * count) };
    }),
  };
}
