import { UsageError } from "../../core/errors.ts";
import { type Method, parseMethod } from "../../formulation/baselines/method.ts";
import { runMethod } from "../../formulation/baselines/run-method.ts";
import { networkWrittenAxes } from "../../formulation/baselines/written-axes.ts";
import { latencyBudget } from "../../formulation/network/latency-budget.ts";
import { startingSelection } from "../../formulation/solve/start.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import type { TableSource } from "../tables/table-source.ts";
import {
  type SolvedNetwork,
  type SolveNetworkOptions,
  solvedNetwork,
  withBudget,
} from "./asked-network.ts";
import { refuseOtherObjective, refuseOtherZeros } from "./compare-methods.ts";
import { writeLpFile } from "./lp-file.ts";
import { prepareNetwork, solveNetwork } from "./solve-network.ts";
import { solveProgressNotes } from "./solve-notes.ts";
import { solveRobustly } from "./solve-robust.ts";
import { withSolvers } from "./solvers.ts";

/** As `solveNetwork`, by any of the methods; every one of them keeps the limits by the true tables. */
export async function solveNetworkBy(
  method: Method,
  open: OpenNetwork,
  source: TableSource,
  options: SolveNetworkOptions,
  context: RunContext,
): Promise<SolvedNetwork> {
  const { robust } = options;
  if (method.name === "mdp") {
    return robust === undefined
      ? solveNetwork(open, source, options, context)
      : solveRobustly(open, source, { ...options, robust }, context);
  }
  if (robust !== undefined) throw noRobust(method);
  refuseOtherZeros(options.damagesPath, [method]);
  const prepared = await prepareNetwork(open, source, options);
  refuseOtherObjective(prepared, [method]);
  const budgetMs = await latencyBudget(options.budget, prepared.dense);
  const problem = withBudget(prepared.network.problem, budgetMs);
  const written = networkWrittenAxes({ ...prepared.network, problem }, source.table);
  const { writeLp } = options;
  const { answer } = await withSolvers(
    (solvers) =>
      runMethod(problem, method, solvers, {
        written,
        isMatched: false,
        timeLimitSeconds: options.timeLimitSeconds,
        relativeGap: options.relativeGap,
        presolve: options.presolve ? undefined : false,
        signal: context.signal,
        start: startingSelection,
        onModel: writeLp === undefined ? undefined : (model) => writeLpFile(writeLp, model),
        onProgress: solveProgressNotes(context.progress),
      }),
    context,
  );
  return solvedNetwork(prepared, problem, answer);
}

function noRobust({ name }: Method): UsageError {
  return new UsageError({
    code: "cli/robust-method",
    message: `Method ${name} knows no errors of the table.`,
    where: "--robust",
    hint: "Leave --robust out, or solve with --method mdp.",
  });
}

/** @throws UsageError `formulation/method`, `cli/no-program` */
export function methodFor(text: string, writeLp: string | undefined): Method {
  const method = parseMethod(text);
  if (writeLp === undefined || method.name === "mdp" || method.name === "channels-only") {
    return method;
  }
  throw new UsageError({
    code: "cli/no-program",
    message: `Method ${method.name} solves no program that could be written as an LP file.`,
    where: "--write-lp",
    hint: "Leave --write-lp out, or solve with --method mdp or channels-only.",
  });
}
