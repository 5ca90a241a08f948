import { readJson } from "../../core/files.ts";
import { latencyBudget } from "../../formulation/network/latency-budget.ts";
import type { Problem } from "../../formulation/problem/problem.ts";
import type { Answer, SolverList } from "../../formulation/solve/answer.ts";
import { solveProblem } from "../../formulation/solve/solve-problem.ts";
import { startingSelection } from "../../formulation/solve/start.ts";
import { checkImportance, type Importance, parseImportance } from "../../importance/importance.ts";
import { scoreNetwork } from "../../importance/score.ts";
import { defaultNetwork } from "../open/default-network.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import { checkOneUnit, readDamages } from "../sparsify/damages-file.ts";
import type { TableSource } from "../tables/table-source.ts";
import {
  type AskOptions,
  networkAsked,
  type PreparedNetwork,
  type PrepareOptions,
  type SolvedNetwork,
  type SolveNetworkOptions,
  solvedNetwork,
  withBudget,
} from "./asked-network.ts";
import { writeLpFile } from "./lp-file.ts";
import { solveProgressNotes } from "./solve-notes.ts";
import { withSolvers } from "./solvers.ts";

/**
 * The best subnet within the budget, checked twice: by the program's own tables, and by predicting the subnet's latency from
 * the latency table again.
 */
export async function solveNetwork(
  open: OpenNetwork,
  source: TableSource,
  options: SolveNetworkOptions,
  context: RunContext,
): Promise<SolvedNetwork> {
  const prepared = await prepareNetwork(open, source, options);
  const budgetMs = await latencyBudget(options.budget, prepared.dense);
  const problem = withBudget(prepared.network.problem, budgetMs);
  return solvePrepared(prepared, problem, options, context);
}

/**
 * @throws InputError for the files of importance and damages, and as `networkAsked`; UsageError `sparsify/importance-unit`,
 * `sparsify/damage-unit`
 */
export function prepareNetwork(
  open: OpenNetwork,
  source: TableSource,
  options: PrepareOptions,
): Promise<PreparedNetwork> {
  const importance =
    options.importance === undefined
      ? importanceFor(open, options.importancePath)
      : { used: options.importance, path: null };
  const { damagesPath } = options;
  if (damagesPath === undefined) return networkAsked(open, source, importance, options);
  const { damages, sparse } = readDamages(damagesPath, open.structure);
  checkOneUnit(importance, damages);
  return networkAsked(open, source, importance, { ...options, sparse });
}

/** Solves the problem, which is the prepared one with a budget, with solvers of its own. */
export async function solvePrepared(
  prepared: PreparedNetwork,
  problem: Problem,
  options: AskOptions,
  context: RunContext,
): Promise<SolvedNetwork> {
  const answer = await withSolvers((solvers) => ask(problem, solvers, options, context), context);
  return solvedNetwork(prepared, problem, answer);
}

/** Asks the given solvers, so that several problems can share them. */
export function ask(
  problem: Problem,
  solvers: SolverList,
  options: AskOptions,
  context: Pick<RunContext, "signal" | "progress">,
): Promise<Answer> {
  const { writeLp } = options;
  return solveProblem(problem, solvers, {
    timeLimitSeconds: options.timeLimitSeconds,
    relativeGap: options.relativeGap,
    presolve: options.presolve ? undefined : false,
    signal: context.signal,
    start: startingSelection,
    onModel: (model) => {
      if (writeLp !== undefined) writeLpFile(writeLp, model);
    },
    onProgress: solveProgressNotes(context.progress),
  });
}

/**
 * The importance of that file; of the embedded network's own, or by the magnitude of the weights, without one.
 * @throws InputError for the file
 */
export function importanceFor(
  open: OpenNetwork,
  path: string | undefined,
): { readonly used: Importance; readonly path: string | null } {
  const file = path ?? (open.embedded ? defaultNetwork().importance : null);
  if (file === null) {
    return {
      used: scoreNetwork(open.structure, { method: "magnitude-l2", networkHash: open.hash }),
      path: null,
    };
  }
  const used = parseImportance(readJson(file), file);
  checkImportance(used, open.structure, file);
  return { used, path: file };
}
