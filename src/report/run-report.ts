import type { Proof } from "../subnet/prove.ts";
import { type EvalReport, evalText } from "./eval-report.ts";
import type { Painter } from "./painter.ts";
import { milliseconds, percent, type SolveReport, solveText } from "./solve-report.ts";

/** What a whole run has to say, from the files in its folder. */
export interface RunSummary {
  readonly schema: "mdp-summary/1";
  readonly folder: string;
  readonly solve: SolveReport;
  readonly proof: Proof;
  readonly eval: EvalReport;
}

/** The run as people read it: what was chosen, the proof, what was measured, and whether the prediction held. */
export function runText(summary: RunSummary, paint: Painter): string {
  const { proof } = summary;
  const proven = `Proof       equal to the masked original on ${proof.runs} random inputs: within ${proof.maxRelative.toExponential(1)} (relative)`;
  return [
    solveText(summary.solve, paint),
    `${proven}\nNetwork     ${summary.folder}/pruned.onnx`,
    evalText(summary.eval, paint),
    promiseText(summary, paint),
  ].join("\n\n");
}

/** Predicted against measured; only where the table was measured with the same runtime as the evaluation. */
function promiseText({ solve, eval: measured }: RunSummary, paint: Painter): string {
  const [dense, chosen] = measured.results.map((result) => result.latency?.medianMs ?? Number.NaN);
  if (dense === undefined || chosen === undefined) return "";
  if (solve.table.origin === "predicted") {
    return `These were measured on this machine; what is said of ${solve.device.name} above is predicted.`;
  }
  const error = chosen / solve.latencyMs.chosen - 1;
  const text = `${error >= 0 ? "+" : ""}${percent(error)}`;
  const promisedShare = solve.latencyMs.chosen / solve.latencyMs.dense;
  return [
    `Promised    ${milliseconds(solve.latencyMs.chosen)} of ${milliseconds(solve.latencyMs.dense)} (${percent(promisedShare)})`,
    `Measured    ${milliseconds(chosen)} of ${milliseconds(dense)} (${percent(chosen / dense)}): ${Math.abs(error) <= 0.05 ? paint.good(text) : paint.warn(text)} against the promise`,
  ].join("\n");
}
