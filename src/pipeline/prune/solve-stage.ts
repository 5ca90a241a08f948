import { readFileBytes, sha256 } from "../../core/files.ts";
import { writeDocument } from "../../documents/document.ts";
import { SOLVE, type SolveReport } from "../../documents/solve.ts";
import { parseMethod } from "../../formulation/baselines/method.ts";
import type { SolvedNetwork, SolveNetworkOptions } from "../solve/asked-network.ts";
import { solveNetworkBy } from "../solve/solve-method.ts";
import { solveNetworkOptions } from "../solve/solve-settings.ts";
import { reportOf, writeSubnet } from "../solve/solved-report.ts";
import { type TableSource, tableFor } from "../tables/table-source.ts";
import { calibratedBy } from "./calibrate-stage.ts";
import { type PruneJob, staged } from "./prune-stages.ts";

/** An answer with what it was asked with. */
export interface SolvedStage {
  readonly solved: SolvedNetwork;
  /** With the table that the subnet was solved with. */
  readonly source: TableSource;
  readonly settings: SolveNetworkOptions;
  readonly report: SolveReport;
}

/** Solves the program of the run. @returns null where an earlier run had solved it */
export async function solveStage(job: PruneJob): Promise<SolvedStage | null> {
  const { open, run, options, context } = job;
  const wanted = wantedOf(job);
  const { damages } = wanted;
  const read = [
    "importance.json",
    "table.json",
    ...(damages === undefined ? [] : ["damages.json"]),
  ];
  const inputs = read.map((file) => sha256(readFileBytes(run.path(file))));
  const calibration = options.calibrate ? ["calibrate.json", "table-calibrated.json"] : [];
  const outputs = ["subnet.json", "solve.json", ...calibration];
  let made: SolvedStage | null = null;
  await staged(
    job,
    "solve",
    // Without it as before, for runs from before it.
    [
      ...[
        open.hash,
        { ...wanted, importance: null, ...(damages === undefined ? {} : { damages: null }) },
        inputs,
      ],
      ...(options.calibrate ? [options.tolerance ?? "2%"] : []),
    ],
    outputs,
    async () => {
      const started = performance.now();
      const source = tableOfRun(job, "table.json");
      const read = (performance.now() - started) / 1000;
      const { presolve } = options;
      const settings = solveNetworkOptions({ ...wanted, presolve }, source.table.step);
      const method = parseMethod("mdp");
      const calibrated = options.calibrate ? await calibratedBy(job, source, settings) : null;
      const solved =
        calibrated?.solved ?? (await solveNetworkBy(method, open, source, settings, context));
      const total = (performance.now() - started) / 1000;
      const used = calibrated?.source ?? source;
      const report = reportOf({ open, source: used, wanted: settings, solved, read, total });
      writeSubnet(run.path("subnet.json"), open, solved, report);
      writeDocument(SOLVE, run.path("solve.json"), report);
      made = { solved, source: used, settings, report };
    },
  );
  return made;
}

/** What the program of a run is asked for. */
export function wantedOf({ run, options }: PruneJob) {
  const { budget, step, multipleOf, protect, maxPrune, blocks, layers, timeLimit, gap } = options;
  const { limit, soft, penalty, minimize, component, components } = options;
  const isSparse = options.sparsity !== undefined || options.damages !== undefined;
  return {
    ...{ limit, soft, penalty, minimize, component, components },
    ...{ budget, step, multipleOf, protect, maxPrune, blocks, layers, timeLimit, gap },
    // Absent without it, so that runs from before it are still known as done.
    ...(options.robust === undefined ? {} : { robust: options.robust }),
    importance: run.path("importance.json"),
    ...(isSparse ? { sparsity: options.sparsity, damages: run.path("damages.json") } : {}),
  };
}

/** A table in the run's folder, as the program reads it. */
export function tableOfRun({ open, run, options, context }: PruneJob, file: string): TableSource {
  const { batch, precision, step, multipleOf } = options;
  return tableFor(open, {
    ...{ table: run.path(file), batch, precision, step, multipleOf },
    commandLine: context.commandLine,
  });
}
