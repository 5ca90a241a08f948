import { EXIT, type ExitCode } from "../core/errors.ts";
import { type Method, parseMethod } from "../formulation/baselines/method.ts";
import { runMethod } from "../formulation/baselines/run-method.ts";
import { instanceWrittenAxes } from "../formulation/baselines/written-axes.ts";
import { type Instance, readInstance } from "../formulation/problem/instance.ts";
import { type Answer, InfeasibleLimitsError } from "../formulation/solve/answer.ts";
import { startingSelection } from "../formulation/solve/start.ts";
import { writeLpFile } from "../mip/lp-file.ts";
import type { Context } from "./command.ts";
import { solveProgressNotes } from "./solve-notes.ts";
import { withSolvers } from "./solvers.ts";

/** The options of `mdp solve` that an instance knows. */
export interface SolveInstanceOptions {
  /** Seconds. */
  readonly timeLimit?: number | undefined;
  /** Relative gap that is good enough. */
  readonly gap?: number | undefined;
  /** Whether the program is shrunk exactly first. Default true. */
  readonly presolve?: boolean | undefined;
  /** Write the program in LP format to this file. */
  readonly writeLp?: string | undefined;
  /** Default mdp. */
  readonly method?: Method | undefined;
}

/**
 * `mdp solve --instance FILE.json`: solves a published instance and prints status, objective, latency, bound, gap and
 * seconds. With --json these are fields of one document; an infeasible budget is one too, with the nearest feasible one.
 *
 * @throws InputError for the file; InfeasibleLimitsError without --json; and what `solveProblem` throws.
 */
export async function solveInstanceCommand(
  path: string,
  options: SolveInstanceOptions,
  context: Context,
): Promise<ExitCode> {
  const began = performance.now();
  const instance = readInstance(path);
  const { writeLp } = options;
  try {
    const { problem } = instance;
    const method = options.method ?? parseMethod("mdp");
    const { answer } = await withSolvers((solvers) =>
      runMethod(problem, method, solvers, {
        written: instanceWrittenAxes(problem),
        isMatched: false,
        timeLimitSeconds: options.timeLimit,
        relativeGap: options.gap,
        presolve: options.presolve === false ? false : undefined,
        signal: context.signal,
        start: startingSelection,
        onProgress: solveProgressNotes(context.progress),
        onModel: writeLp === undefined ? undefined : (model) => writeLpFile(writeLp, model),
      }),
    );
    for (const note of answer.notes) context.progress.note(note);
    context.json(answerDocument(instance, answer));
    context.print(answerText(instance, answer));
    return answer.status === "feasible" && context.signal.aborted ? EXIT.interrupted : EXIT.done;
  } catch (error) {
    if (!(error instanceof InfeasibleLimitsError) || !context.wantsJson) throw error;
    const seconds = (performance.now() - began) / 1000;
    context.json(infeasibleDocument(instance, error, seconds));
    return EXIT.infeasible;
  }
}

function answerDocument({ problem, reference }: Instance, answer: Answer): unknown {
  return {
    instance: problem.name,
    status: answer.status,
    objective: answer.objective,
    latency: answer.usage[0] ?? null,
    budget: problem.resources[0]?.limit ?? null,
    // JSON has no Infinity: a bound or gap that is not proven is null.
    bound: finiteOrNull(answer.bound),
    gap: finiteOrNull(answer.gap),
    seconds: answer.seconds,
    solver: answer.solver,
    nodes: answer.stats.nodes,
    presolve: answer.presolve,
    notes: answer.notes,
    counts: Object.fromEntries(
      problem.dims.map(({ name, counts }, dim) => [
        name,
        counts[answer.selection.options[dim] ?? -1] ?? 0,
      ]),
    ),
    droppedBlocks: [...answer.selection.droppedBlocks].map((block) => problem.blocks[block]?.name),
    reference,
  };
}

function infeasibleDocument(
  { problem }: Instance,
  error: InfeasibleLimitsError,
  seconds: number,
): unknown {
  const { code, message, where = null, hint = null, exitCode, nearest } = error;
  return {
    instance: problem.name,
    status: "infeasible",
    objective: null,
    latency: null,
    budget: problem.resources[0]?.limit ?? null,
    bound: null,
    gap: null,
    seconds,
    nearestBudget: nearest[0]?.least ?? null,
    error: { code, message, where, hint, exitCode },
  };
}

function answerText({ problem, reference }: Instance, answer: Answer): string {
  const [resource] = problem.resources;
  const used = answer.usage[0] ?? 0;
  const share = resource === undefined ? "" : ` (${((100 * used) / resource.limit).toFixed(2)} %)`;
  const blocks = `${answer.selection.droppedBlocks.size} of ${problem.blocks.length}`;
  const lines = [
    `instance    ${problem.name}`,
    `status      ${answer.status}`,
    `objective   ${answer.objective}${ofDense(answer.objective, reference.dense)}`,
    `latency     ${used} of ${resource?.limit} ${resource?.unit}${share}`,
    `bound       ${answer.bound}`,
    `gap         ${answer.gap}`,
    `seconds     ${answer.seconds.toFixed(3)}`,
    `solver      ${answer.solver}, ${answer.stats.nodes} nodes`,
    `blocks      ${blocks} dropped`,
  ];
  if (reference.optimum !== null) {
    const agrees = answer.objective === reference.optimum ? "reached" : "NOT reached";
    lines.push(`reference   ${reference.optimum} ${agrees}`);
  }
  return lines.join("\n");
}

function ofDense(objective: number, dense: number | null): string {
  return dense === null ? "" : ` (${((100 * objective) / dense).toFixed(2)} % of dense)`;
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
