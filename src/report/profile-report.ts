import type { ProfileResult } from "../latency/measure/profile-local.ts";
import type { Validation } from "../latency/measure/validate.ts";
import type { LatencyTable } from "../latency/table.ts";
import { loadWarning } from "../runtime/machine-load.ts";
import { percent, plainTable } from "./solve-report.ts";

/** What people read after a network was measured. */
export function profileText(result: ProfileResult): string {
  const { table, validation } = result;
  const { device, network } = table;
  const cells = table.ops.reduce((sum, op) => sum + op.ms.length, 0);
  const measured = table.ops.reduce((sum, op) => sum + countOf(op.origin, "m"), 0);
  const lines = [
    `${network.name} on ${device.model} (${device.name}), ${table.runtime.name} ${table.runtime.version}`,
    `batch ${table.batch}, ${table.threads} thread(s), ${table.precision}, optimisation ${table.optimisation}, step ${table.step}`,
    "",
    `dense network   ${table.denseMs.toFixed(3)} ms`,
    `networks run    ${table.runs} (${result.resumed} from an earlier run), ${table.repeats} counted runs each or more, ${result.seconds.toFixed(0)} s in all`,
    `table           ${table.ops.length} operations, ${cells} cells: ${percent(result.ownCells)} measured, ${percent(Math.max(0, measured / cells - result.ownCells))} known from operations that do the same, the rest fitted`,
    `fixed part      ${table.fixedMs.toFixed(3)} ms`,
    `reference       varied by ${percent(table.spread ?? 0)} (90 % - 10 % quantile)`,
    "",
    largestOps(table),
  ];
  if (result.curve.length > 0) lines.push("", curveText(result));
  if (validation !== null) lines.push("", validationText(validation));
  const warning = result.load === null ? null : loadWarning(result.load);
  lines.push(
    "",
    ...(warning === null ? [] : [`WARNING: ${warning}`]),
    ...table.notes.map((note) => `note: ${note}`),
    `Table written to ${result.tablePath}`,
  );
  return lines.join("\n");
}

function countOf(text: string, letter: string): number {
  return text.split(letter).length - 1;
}

const SHOWN = 8;

/** The operations that take most in the dense network. */
function largestOps(table: LatencyTable): string {
  const largest = table.ops
    .map((op) => ({ op, dense: op.ms.at(-1) ?? 0, least: op.ms[0] ?? 0 }))
    .sort((a, b) => b.dense - a.dense)
    .slice(0, SHOWN);
  const rows = plainTable(
    ["largest operations", "kind", "axes", "dense ms", "least ms"],
    ["left", "left", "left", "right", "right"],
  );
  for (const { op, dense, least } of largest) {
    const axes = op.counts.map((counts) => `${counts[0]}..${counts.at(-1)}`).join(" x ");
    rows.push([shortened(op.label), op.kind, axes, dense.toFixed(4), least.toFixed(4)]);
  }
  return rows.toString();
}

function shortened(label: string): string {
  return label.length <= 48 ? label : `...${label.slice(-45)}`;
}

const MOST_POINTS = 12;
const BAR = 40;

/** Error against number of runs, as a table with bars; every n-th point where there are many, the last one always. */
function curveText({ curve, reached }: ProfileResult): string {
  const every = Math.ceil(curve.length / MOST_POINTS);
  const shown = curve.filter((_, index) => (curve.length - 1 - index) % every === 0);
  const highest = Math.max(...shown.map(({ meanError }) => meanError));
  const rows = plainTable(
    ["networks", "mean error", "worst", ""],
    ["right", "right", "right", "left"],
  );
  for (const { runs, meanError, worstError } of shown) {
    const bar = "#".repeat(Math.max(1, Math.round((BAR * meanError) / highest)));
    rows.push([String(runs), percent(meanError), percent(worstError), bar]);
  }
  const last = curve.at(-1);
  return [
    `error against networks run, on the latest ${last?.networks ?? 0} random ones, each predicted before it was measured:`,
    rows.toString(),
    reached === true
      ? "The target was reached."
      : "The target was NOT reached: --runs or --max-minutes ended it. Give the same command with more of them to go on.",
  ].join("\n");
}

function validationText(validation: Validation): string {
  const rows = plainTable(
    ["network", "dropped", "predicted ms", "measured ms", "error"],
    ["right", "left", "right", "right", "right"],
  );
  for (const [index, network] of validation.networks.entries()) {
    rows.push([
      String(index + 1),
      `${network.droppedBlocks} blocks, ${network.droppedLayers} layers`,
      network.predictedMs.toFixed(3),
      network.measuredMs.toFixed(3),
      percent(network.error),
    ]);
  }
  return [
    rows.toString(),
    "",
    `prediction of ${validation.networks.length} networks that were not used for the table:`,
    `  as measured                     mean error ${percent(validation.plainMeanError)}, worst ${percent(validation.plainWorstError)}`,
    `  without the machine's drift     mean error ${percent(validation.meanError)}, worst ${percent(validation.worstError)}, bias ${percent(validation.bias)}`,
    `  drift: the machine took ${validation.drift.toFixed(3)} times as long as when the table was measured`,
  ].join("\n");
}
