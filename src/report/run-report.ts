import { basename, join } from "node:path";
import type { EvalReport, EvalResult } from "../documents/evaluation.ts";
import type { RunSummary } from "../documents/run.ts";
import { evalHead, ms } from "./eval-report.ts";
import { metricDifference, metricParts, metricText } from "./metric-text.ts";
import type { Painter } from "./painter.ts";
import { proofText } from "./proof-report.ts";
import { count, milliseconds, percent, plainTable, solveText } from "./solve-report.ts";

/** The run as people read it: what was chosen, the proof, what was measured, and whether the prediction held. */
export function runText(summary: RunSummary, paint: Painter): string {
  const { proof } = summary;
  const proven = `Proof       ${proofText(proof)}`;
  return [
    ...basisText(summary),
    solveText(summary.solve, paint),
    proven,
    ...zerosText(summary),
    madeText(summary, paint),
    predictionText(summary, paint),
  ].join("\n\n");
}

/** What was done to single weights. */
function zerosText({ sparsify }: RunSummary): readonly string[] {
  if (sparsify === undefined) return [];
  const { total, proof, images, repair } = sparsify;
  const fit =
    repair === "none" ? "not fitted" : `fitted on ${images} images without labels, for both cuts`;
  return [
    [
      `Zeros       ${count(total.weights - total.nonzeros)} of the ${count(total.weights)} weights that the channels left (${percent(1 - total.nonzeros / Math.max(1, total.weights))}); kept weights ${fit}`,
      `            ${count(proof.zeros)} zeros where the masks say, outputs ${proof.identical ? "the same to the bit as" : `within ${proof.maxRelative.toExponential(1)} of`} the masked network; file with gzip ${(total.gzip.sparse / 1000).toFixed(1)} kB`,
    ].join("\n"),
  ];
}

/** What the change of basis did, where there was one. */
function basisText({ rebase }: RunSummary): readonly string[] {
  if (rebase === undefined) return [];
  const { pairs, refused, images, proof } = rebase;
  const by = images === 0 ? "weights" : `weights and ${images} images`;
  const left = refused.length === 0 ? "" : `; ${refused.length} left as they are`;
  return [
    `Basis       ${pairs.length} products of attention rewritten by ${by}${left}; proven within ${proof.maxRelative.toExponential(1)}`,
  ];
}

/** A map, since a file may be called `constructor`. */
const STAGES: ReadonlyMap<string, string> = new Map([
  ["pruned.onnx", "pruned"],
  ["corrected.onnx", "repaired"],
  ["sparse.onnx", "sparse, repaired"],
  ["finetuned.onnx", "trained"],
]);

/** The network that the run ends with, and how it was made, stage by stage. */
export function madeText(
  { folder, eval: report }: Pick<RunSummary, "folder" | "eval">,
  paint: Painter,
): string {
  const last = basename(report.results.at(-1)?.model ?? "");
  const parts = [evalHead(report), stageTable(report.results, paint), ...differencesText(report)];
  return [`Network     ${join(folder, last)}`, ...parts].join("\n\n");
}

/** Metrics beside the stages; all of them, with intervals, are in eval.json. */
const MOST_METRICS = 4;

/** How the last network stands to the dense one, by the metrics of a task that is no classification. */
function differencesText({ results, task }: EvalReport): readonly string[] {
  const last = results.at(-1);
  if (task == null || last === undefined || last.accuracy !== null) return [];
  const { differences, agreement } = last;
  if (differences == null || results.length < 2) return [];
  const lines = [
    ...differences.map((metric) => `${metric.name} ${metricDifference(metric)}`),
    ...(agreement ?? []).map((metric) => `${metric.name} ${metricText(metric)}`),
  ];
  const [first = "", ...others] = lines;
  return [
    [`To dense    ${first}`, ...others.map((line) => `            ${line}`)].join("\n"),
    `Task        ${task.name}; intervals of 95 %, on the same samples`,
  ];
}

/** What each stage has made of the network, and how good it is. */
function stageTable(results: readonly EvalResult[], paint: Painter): string {
  const [dense] = results;
  const hasAccuracy = dense?.accuracy !== null;
  const metrics = hasAccuracy ? [] : (dense?.metrics ?? []).slice(0, MOST_METRICS);
  const accuracies = hasAccuracy ? ["top-1", "top-5"] : metrics.map(({ name }) => name);
  const head = ["stage", "file", "MB", ...accuracies, "median ms", "of dense"];
  const right = head.slice(2).map((): "right" => "right");
  const table = plainTable(head, ["left", "left", ...right]);
  for (const [index, result] of results.entries()) {
    const { model, bytes, accuracy, latency } = result;
    const file = basename(model);
    table.push([
      index === 0 ? "dense" : (STAGES.get(file) ?? file),
      paint.bar(file),
      (bytes / 1e6).toFixed(2),
      ...(accuracy === null
        ? metrics.map((_, at) => {
            const metric = result.metrics?.[at];
            return metric === undefined ? "" : metricParts(metric).value;
          })
        : [percent(accuracy.top1), percent(accuracy.top5)]),
      ...(latency === null ? ["", ""] : [ms(latency.medianMs), percent(latency.ofFirst)]),
    ]);
  }
  return table.toString();
}

/** Predicted against measured; only where the table was measured with the same runtime as the evaluation. */
function predictionText({ solve, eval: measured }: RunSummary, paint: Painter): string {
  const [dense, chosen] = [measured.results[0]?.latency, measured.results.at(-1)?.latency];
  if (dense === null || dense === undefined || chosen === null || chosen === undefined) return "";
  if (solve.table.origin === "predicted") {
    return `These were measured on this machine; what is said of ${solve.device.name} above is predicted.`;
  }
  const predictedShare = solve.latencyMs.chosen / solve.latencyMs.dense;
  const error = chosen.ofFirst / predictedShare - 1;
  const text = `${error >= 0 ? "+" : ""}${percent(error)}`;
  return [
    `Predicted   ${milliseconds(solve.latencyMs.chosen)} of ${milliseconds(solve.latencyMs.dense)} (${percent(predictedShare)})`,
    `Measured    ${milliseconds(chosen.medianMs)} of ${milliseconds(dense.medianMs)} (${percent(chosen.ofFirst)} turn by turn): ${Math.abs(error) <= 0.05 ? paint.good(text) : paint.warn(text)} against the prediction`,
    ...speedText(dense.medianMs / solve.latencyMs.dense, predictedShare, chosen.ofFirst, measured),
  ].join("\n");
}

/** From this difference of the dense network's time on, the table was measured on what is in effect another machine. */
const OTHER_SPEED = 0.1;

/**
 * That the machine runs at another speed than the table knows, which no drift of some per cent is: shares of the dense time differ
 * between a processor's speeds, as memory keeps its own.
 */
export function speedText(
  times: number,
  predictedShare: number,
  measuredShare: number,
  { load }: Pick<EvalReport, "load">,
): readonly string[] {
  if (Math.abs(times - 1) <= OTHER_SPEED) return [];
  const why =
    load?.isLoaded === true ? "it is loaded now" : "its clock or its power mode is another one now";
  return [
    `Speed       The dense network takes ${times.toFixed(2)} times as long as when the table was measured: ${why}.`,
    `            Of the dense time the network takes ${percent(predictedShare)} at the table's speed by prediction, ${percent(measuredShare)} at this one as measured.`,
    `            For both speeds: measure a second table now (mdp profile), and add --limit "latency('SECOND.json') <= ..."`,
  ];
}
