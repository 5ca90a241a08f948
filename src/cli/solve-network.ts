import { VerificationError } from "../core/errors.ts";
import { readJson } from "../core/files.ts";
import type { Answer } from "../formulation/answer.ts";
import type { ChoiceOptions } from "../formulation/choices.ts";
import { evaluate } from "../formulation/evaluate.ts";
import { latencyBudget } from "../formulation/latency-budget.ts";
import { type NetworkProblem, networkProblem } from "../formulation/network-problem.ts";
import type { Problem, Selection } from "../formulation/problem.ts";
import { selectedSubnet } from "../formulation/selected-subnet.ts";
import { solveProblem } from "../formulation/solve-problem.ts";
import { startingSelection } from "../formulation/start.ts";
import { checkImportance, type Importance, parseImportance } from "../importance/importance.ts";
import { scoreNetwork } from "../importance/score.ts";
import { type NetworkPrediction, predictNetwork } from "../latency/predict-network.ts";
import { writeLpFile } from "../mip/lp-file.ts";
import { checkSubnet, type Subnet } from "../subnet/subnet.ts";
import type { Context } from "./command.ts";
import { defaultNetwork } from "./default-network.ts";
import type { OpenNetwork } from "./network.ts";
import { solveProgressNotes } from "./solve-notes.ts";
import { withSolvers } from "./solvers.ts";
import type { TableSource } from "./table-source.ts";

export interface SolveNetworkOptions extends ChoiceOptions {
  readonly budget: string;
  readonly blocks: boolean;
  readonly layers: boolean;
  readonly importancePath: string | undefined;
  readonly timeLimitSeconds: number | undefined;
  readonly relativeGap: number | undefined;
  readonly presolve: boolean;
  readonly writeLp: string | undefined;
}

/** A subnet with everything that is known of it. */
export interface SolvedNetwork {
  readonly subnet: Subnet;
  readonly answer: Answer;
  readonly network: NetworkProblem;
  readonly importance: { readonly used: Importance; readonly path: string | null };
  readonly latencyMs: { readonly dense: number; readonly budget: number; readonly chosen: number };
  readonly prediction: NetworkPrediction;
  readonly denseObjective: number;
  readonly seconds: { readonly program: number; readonly solve: number };
}

/** Relative difference that the order of summation may make. */
const ROUNDING = 1e-6;

/**
 * The best subnet within the budget, checked twice: by the program's own tables, and by predicting the subnet's latency from
 * the latency table anew.
 */
export async function solveNetwork(
  open: OpenNetwork,
  source: TableSource,
  options: SolveNetworkOptions,
  context: Context,
): Promise<SolvedNetwork> {
  const started = performance.now();
  const importance = importanceFor(open, options.importancePath);
  const unlimited = networkProblem(open.structure, importance.used, source.table, {
    ...options,
    budgetMs: Number.MAX_VALUE,
  });
  const dense = evaluate(unlimited.problem, everything(unlimited.problem));
  const denseMs = dense.usage[0] ?? Number.NaN;
  const budgetMs = await latencyBudget(options.budget, denseMs);
  const problem = withLimit(unlimited.problem, budgetMs);
  const network = { ...unlimited, problem };
  const built = performance.now();
  const answer = await ask(problem, options, context);
  const solved = performance.now();
  const subnet = selectedSubnet(network, answer.selection);
  checkSubnet(open.structure, subnet);
  const prediction = predictNetwork(source.table, open.structure, subnet);
  const chosen = answer.usage[0] ?? Number.NaN;
  refuseDisagreement(chosen, prediction.ms);
  return {
    subnet,
    answer,
    network,
    importance,
    latencyMs: { dense: denseMs, budget: budgetMs, chosen },
    prediction,
    denseObjective: dense.objective,
    seconds: { program: (built - started) / 1000, solve: (solved - built) / 1000 },
  };
}

function importanceFor(
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

async function ask(
  problem: Problem,
  options: SolveNetworkOptions,
  context: Context,
): Promise<Answer> {
  const { writeLp } = options;
  return withSolvers((solvers) =>
    solveProblem(problem, solvers, {
      timeLimitSeconds: options.timeLimitSeconds,
      relativeGap: options.relativeGap,
      presolve: options.presolve ? undefined : false,
      signal: context.signal,
      start: startingSelection,
      onModel: (model) => {
        if (writeLp !== undefined) writeLpFile(writeLp, model);
      },
      onProgress: solveProgressNotes(context.progress),
    }),
  );
}

function everything(problem: Problem): Selection {
  return {
    options: problem.dims.map((dim) => dim.counts.length - 1),
    droppedBlocks: new Set(),
    droppedLayers: new Set(),
  };
}

function withLimit(problem: Problem, limit: number): Problem {
  return { ...problem, resources: problem.resources.map((resource) => ({ ...resource, limit })) };
}

function refuseDisagreement(programMs: number, tableMs: number): void {
  if (Math.abs(programMs - tableMs) <= ROUNDING * Math.max(programMs, tableMs)) return;
  throw new VerificationError({
    code: "cli/latency-differs",
    message: `The program counts ${programMs} ms for the subnet, the latency table says ${tableMs} ms.`,
    hint: "This is a fault of mdp itself: please report it with the command and the files it used.",
  });
}
