import type { CalibrateReport } from "../documents/calibrate.ts";
import { percent } from "./amounts.ts";
import { plainTable } from "./format.ts";
import type { Painter } from "./painter.ts";

/** The report as people read it. */
export function calibrateText(report: CalibrateReport, paint: Painter): string {
  const { network, device, budget, tries, best, correction, importanceKept } = report;
  const rows = plainTable(
    ["round", "asked ms", "predicted ms", "measured ms", "dense ms", "of budget", ""],
    ["right", "right", "right", "right", "right", "right", "left"],
  );
  for (const [index, one] of tries.entries()) {
    rows.push([
      String(one.round),
      one.askedMs.toFixed(3),
      one.predictedMs.toFixed(3),
      one.measuredMs.toFixed(3),
      one.denseMs.toFixed(3),
      shareText(one.used),
      index === best ? "<- chosen" : one.used > 1 ? "above" : "",
    ]);
  }
  const kept = importanceKept.chosen / importanceKept.dense;
  const lines = [
    `${network} on ${device}, budget ${budget}`,
    "",
    rows.toString(),
    "",
    `Status      ${statusText(report, paint)}`,
    `Importance  ${percent(kept)} kept`,
  ];
  if (correction !== null) {
    lines.push(
      `Table       corrected by ${correction.networks} measured networks: factor ${correction.factor.toFixed(3)}, ${correction.cells} cells one by one;`,
      `            its error on them ${percent(correction.errorBefore)} before, ${percent(correction.errorAfter)} after`,
    );
  }
  return lines.join("\n");
}

function statusText({ status, chosen, tolerance }: CalibrateReport, paint: Painter): string {
  const used = shareText(chosen?.used ?? Number.NaN);
  switch (status) {
    case "met":
      return `${paint.good("met")}: the network takes ${used} of its budget on the device`;
    case "below":
      return `${paint.warn("below")}: the network takes ${used} of its budget; none was found between that and the tolerance of ${percent(tolerance)}`;
    case "above":
      return `${paint.warn("above")}: the nearest network takes ${used} of its budget`;
    default:
      return status satisfies never;
  }
}

/** With two decimals: a network at 100.04 % of its budget is above it. */
function shareText(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
