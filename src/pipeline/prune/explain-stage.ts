import { InterruptedError } from "../../core/errors.ts";
import { readFileBytes, sha256 } from "../../core/files.ts";
import { writeDocument } from "../../documents/document.ts";
import { EXPLAIN } from "../../documents/explain.ts";
import { explain } from "../../formulation/explain/explain.ts";
import { solveProblem } from "../../formulation/solve/solve-problem.ts";
import {
  type ExplainSubject,
  networkToExplain,
  solvedToExplain,
} from "../solve/explain-subject.ts";
import { rememberedSubnet } from "../solve/remembered-subnet.ts";
import { solveNetworkOptions } from "../solve/solve-settings.ts";
import { withSolvers } from "../solve/solvers.ts";
import { type PruneJob, staged } from "./prune-stages.ts";
import { type SolvedStage, tableOfRun, wantedOf } from "./solve-stage.ts";

/** Explaining may take this share of what the run took, and this many seconds in any run. */
const SHARE = 0.1;
const SECONDS = 5;

/**
 * Writes down why the subnet is as it is, for `mdp report`: what a step of each dim, each block and each limit is worth. What is not
 * known exactly when the time is over is said to lie between two losses. A robust budget is no single program, and is not explained.
 *
 * @param made the answer, where this run found it; else the program is put together again
 * @throws InterruptedError `pipeline/interrupted`; VerificationError `formulation/proofs-disagree`
 */
export async function explainStage(job: PruneJob, made: SolvedStage | null): Promise<void> {
  const { open, run, options, context } = job;
  if (options.robust !== undefined) return;
  const dependsOn = [open.hash, sha256(readFileBytes(run.path("subnet.json")))];
  await staged(job, "explain", dependsOn, ["explain.json"], async () => {
    const timeLimitSeconds = Math.max(SECONDS, SHARE * run.seconds());
    const { about, problem, selection, answer } =
      made === null
        ? await subjectAgain(job)
        : solvedToExplain(open, made.source, made.settings, made.solved);
    const { signal, progress } = context;
    const explanation = await withSolvers(async (solvers) =>
      explain(problem, solvers, {
        selection,
        // Solved again, the presolve's word is enough; what was chosen is where it starts.
        answer:
          answer ??
          (await solveProblem(problem, solvers, {
            ...{ certify: false, start: selection, timeLimitSeconds, signal },
          })),
        timeLimitSeconds,
        signal,
        onStep: (done, total) => progress.step("losses", done, total),
      }),
    );
    if (signal.aborted) throw stopped(run.path("."));
    const subnet = "subnet.json";
    const report = { schema: "mdp-explain/1", ...about, subnet, explanation } as const;
    writeDocument(EXPLAIN, run.path("explain.json"), report);
  });
}

/** The program of a run that was solved before, and its subnet. */
async function subjectAgain(job: PruneJob): Promise<ExplainSubject> {
  const { open, run, options } = job;
  const source = tableOfRun(job, options.calibrate ? "table-calibrated.json" : "table.json");
  const settings = solveNetworkOptions(wantedOf(job), source.table.step);
  const remembered = rememberedSubnet(run.path("subnet.json"), open.structure);
  return networkToExplain(open, source, settings, remembered);
}

function stopped(where: string): InterruptedError {
  return new InterruptedError({
    code: "pipeline/interrupted",
    message: "Stopped while the subnet was explained; what was done before is in the folder.",
    where,
    hint: "The same command goes on where it stopped.",
  });
}
