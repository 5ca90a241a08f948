import { writeJson } from "../../core/files.ts";
import { writeTable } from "../../latency/table.ts";
import { shareOf } from "../checks.ts";
import type { SolveNetworkOptions } from "../solve/asked-network.ts";
import {
  CALIBRATION,
  type CalibratedNetwork,
  calibrateOpened,
  notMet,
} from "../tables/calibrate-network.ts";
import type { TableSource } from "../tables/table-source.ts";
import type { PruneJob } from "./prune-stages.ts";

/**
 * The subnet of a run within its budget on this device, with the table that was corrected on the way in the run's folder.
 * @throws LimitError `cli/calibrate-above` where no network met the budget; the corrected table is written all the same
 */
export async function calibratedBy(
  { open, run, options, context }: PruneJob,
  source: TableSource,
  settings: SolveNetworkOptions,
): Promise<CalibratedNetwork> {
  const calibrated = await calibrateOpened(
    open,
    source,
    settings,
    {
      tolerance: shareOf(options.tolerance ?? "2%", "--tolerance"),
      ...CALIBRATION,
      seed: options.seed,
    },
    context,
  );
  writeTable(run.path("table-calibrated.json"), calibrated.table);
  writeJson(run.path("calibrate.json"), calibrated.report);
  context.onEvent({ kind: "calibrated", report: calibrated.report });
  if (calibrated.report.status === "above") throw notMet(calibrated.report, run.path("."));
  return calibrated;
}
