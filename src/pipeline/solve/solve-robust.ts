import { UsageError, VerificationError } from "../../core/errors.ts";
import type { RobustReport } from "../../documents/solve.ts";
import { latencyBudget } from "../../formulation/network/latency-budget.ts";
import { latencyTables } from "../../formulation/network/network-tables.ts";
import type { VarianceTable } from "../../formulation/robust/robust-problem.ts";
import { solveRobust } from "../../formulation/robust/solve-robust.ts";
import { predictNetwork } from "../../latency/predict-network.ts";
import {
  intervalMs,
  quantileMs,
  type Uncertainty,
  uncertaintyOf,
} from "../../latency/uncertainty.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import type { TableSource } from "../tables/table-source.ts";
import {
  type AskOptions,
  type PreparedNetwork,
  type SolvedNetwork,
  type SolveNetworkOptions,
  solvedNetwork,
  withBudget,
} from "./asked-network.ts";
import { ask, prepareNetwork } from "./solve-network.ts";
import { withSolvers } from "./solvers.ts";

/**
 * The best subnet that keeps the budget with a probability, by the errors that the table states. The latency budget alone
 * is meant, a limit on the latency of the same device included; other limits stay as they are.
 * @throws UsageError `cli/robust-budget`, `cli/robust-table`; InfeasibleError `formulation/robust-infeasible`
 */
export async function solveRobustly(
  open: OpenNetwork,
  source: TableSource,
  options: SolveNetworkOptions & { readonly robust: number },
  context: RunContext,
): Promise<SolvedNetwork> {
  const prepared = await prepareNetwork(open, source, options);
  const budgetMs = await latencyBudget(options.budget, prepared.dense);
  const problem = withBudget(prepared.network.problem, budgetMs);
  const limit = problem.resources[0]?.limit ?? Number.POSITIVE_INFINITY;
  const uncertainty = errorsOf(prepared);
  checkAsked(limit, options);
  const { robust: probability } = options;
  const budget = { limit, probability, common: uncertainty.common };
  const began = performance.now();
  const secondsLeft = (): number | undefined =>
    options.timeLimitSeconds === undefined
      ? undefined
      : Math.max(0.01, options.timeLimitSeconds - (performance.now() - began) / 1000);
  const found = await withSolvers(
    (solvers) =>
      solveRobust(problem, variancesOf(prepared, uncertainty), budget, (one) =>
        ask(one, solvers, { ...options, timeLimitSeconds: secondsLeft() }, context),
      ),
    context,
  );
  const solved = solvedNetwork(prepared, problem, found.answer);
  const { meanMs, variance, programs } = found;
  const time = { ms: meanMs, variance, common: uncertainty.common };
  const robust = {
    probability,
    quantileMs: quantileMs(time, probability),
    interval: { level: INTERVAL_LEVEL, ...intervalMs(time, INTERVAL_LEVEL) },
    common: uncertainty.common,
    own: Math.sqrt(variance) / meanMs,
    how: uncertainty.how,
    programs,
  };
  refuseDisagreement(prepared, uncertainty, solved, robust);
  return { ...solved, robust };
}

const INTERVAL_LEVEL = 0.9;

function checkAsked(limit: number, { writeLp }: AskOptions): void {
  if (!Number.isFinite(limit)) {
    throw new UsageError({
      code: "cli/robust-budget",
      message: "--robust keeps a budget, and there is none.",
      where: "--robust",
      hint: "Name one with --budget, such as --budget 12ms.",
    });
  }
  if (writeLp !== undefined) {
    throw new UsageError({
      code: "cli/no-program",
      message: "A robust budget is no single program that could be written as an LP file.",
      where: "--write-lp",
      hint: "Leave --write-lp or --robust out.",
    });
  }
}

function errorsOf({ source }: PreparedNetwork): Uncertainty {
  const found = uncertaintyOf(source.table);
  if (found !== null) return found;
  throw new UsageError({
    code: "cli/robust-table",
    message: "The latency table has neither intervals nor a validated error.",
    where: source.path ?? "--robust",
    hint: "Measure it with mdp profile --validate 20, or leave --robust out.",
  });
}

function variancesOf({ network }: PreparedNetwork, { variances }: Uncertainty): VarianceTable[] {
  return latencyTables(variances, network).map(({ name, place, axes, table }) => ({
    name,
    ...place,
    axes,
    variance: table,
  }));
}

/** Relative difference that the order of summation may make. */
const ROUNDING = 1e-6;

/** The quantile again, from the table itself. */
function refuseDisagreement(
  { open, source }: PreparedNetwork,
  { common, variances }: Uncertainty,
  { subnet }: SolvedNetwork,
  { probability, quantileMs: counted }: RobustReport,
): void {
  const { ms } = predictNetwork(source.table, open.structure, subnet);
  const variance = predictNetwork(variances, open.structure, subnet).ms;
  const fromTable = quantileMs({ ms, variance, common }, probability);
  if (Math.abs(fromTable - counted) <= ROUNDING * fromTable) return;
  throw new VerificationError({
    code: "cli/latency-differs",
    message: `The program counts ${counted} ms for the subnet's quantile, the latency table says ${fromTable} ms.`,
    hint: "This is a fault of mdp itself: please report it with the command and the files it used.",
  });
}
