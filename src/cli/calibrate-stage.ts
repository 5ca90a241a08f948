import { writeJson } from "../core/files.ts";
import { writeTable } from "../latency/table.ts";
import { calibrateText } from "../report/calibrate-report.ts";
import { painter } from "../report/painter.ts";
import {
  CALIBRATION,
  type CalibratedNetwork,
  calibrateOpened,
  notMet,
} from "./calibrate-network.ts";
import { shareOf } from "./numbers.ts";
import type { Road } from "./prune-stages.ts";
import type { SolveNetworkOptions } from "./solve-network.ts";
import type { TableSource } from "./table-source.ts";

/**
 * The subnet of a run within its budget on this device, with the table that was corrected on the way in the run's folder.
 * @throws LimitError `cli/calibrate-above` where no network met the budget; the corrected table is written all the same
 */
export async function calibratedBy(
  { open, run, options, context }: Road,
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
  context.print(calibrateText(calibrated.report, painter(process.stdout.isTTY)));
  if (calibrated.report.status === "above") throw notMet(calibrated.report, run.path("."));
  return calibrated;
}
