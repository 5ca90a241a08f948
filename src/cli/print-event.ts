import type { RunEvent } from "../pipeline/run-context.ts";
import { calibrateText } from "../report/calibrate-report.ts";
import { painter } from "../report/painter.ts";
import { trainingHead } from "../report/training-report.ts";

/** An event of a run as people read it. */
export function eventText(event: RunEvent): string {
  switch (event.kind) {
    case "stage": {
      const { name, seconds, ran } = event;
      return `${name.padEnd(9)} ${seconds.toFixed(1).padStart(7)} s${ran ? "" : "  (done before)"}`;
    }
    case "calibrated":
      return calibrateText(event.report, painter(process.stdout.isTTY));
    case "training":
      return trainingHead(event.plan, event.validates);
    default:
      return event satisfies never;
  }
}
