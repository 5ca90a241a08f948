import { readInstance } from "../authors/read-instance.ts";
import { EXIT, type ExitCode } from "../core/errors.ts";
import { InfeasibleLimitsError } from "../formulation/solve/answer.ts";
import { type SolveInstanceOptions, solveInstance } from "../pipeline/solve/solve-instance.ts";
import { infeasibleInstance, instanceDocument, instanceText } from "../report/instance-report.ts";
import type { Context } from "./command.ts";

/**
 * `mdp solve --instance FILE.json`: solves a published instance and prints status, objective, latency, bound, gap and
 * seconds. With --json these are fields of one document; an infeasible budget is one too, with the nearest feasible one.
 *
 * @throws InputError for the file; InfeasibleLimitsError without --json; and what `solveInstance` throws.
 */
export async function solveInstanceCommand(
  path: string,
  options: SolveInstanceOptions,
  context: Context,
): Promise<ExitCode> {
  const began = performance.now();
  const instance = readInstance(path);
  try {
    const answer = await solveInstance(instance, options, context);
    context.json(instanceDocument(instance, answer));
    context.print(instanceText(instance, answer));
    return answer.status === "feasible" && context.signal.aborted ? EXIT.interrupted : EXIT.done;
  } catch (error) {
    if (!(error instanceof InfeasibleLimitsError) || !context.wantsJson) throw error;
    const seconds = (performance.now() - began) / 1000;
    context.json(infeasibleInstance(instance, error, seconds));
    return EXIT.infeasible;
  }
}
