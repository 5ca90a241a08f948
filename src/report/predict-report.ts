import type { PredictReport } from "../documents/predict.ts";
import { milliseconds, percent } from "./amounts.ts";
import { plainTable, shortened } from "./format.ts";
import type { Painter } from "./painter.ts";
import { tidy } from "./solve-report.ts";

const MOST_STAIRS = 8;
const MOST_OBSERVATIONS = 12;

/** The report as people read it. */
export function predictText(report: PredictReport, paint: Painter): string {
  const { network, device, latencyMs, deviation } = report;
  const { predicted, level, low, high } = latencyMs;
  const head = [
    `Network     ${network.name} (${network.path})`,
    `Device      ${device.name} (${device.title}), ${report.precision}, batch ${report.batch}`,
    `Latency     ${paint.warn("PREDICTED")} ${milliseconds(predicted)}; ${percent(level)} between ${milliseconds(low)} and ${milliseconds(high)}`,
    `Error       standard deviation ${percent(deviation.common)} common to all operations, ${percent(deviation.own)} of their own in the sum`,
    `            ${report.how}`,
  ].join("\n");
  const parts = [head, kindsText(report), stairsText(report), fitText(report)];
  const notes = report.notes.map((note) => `Note        ${note}`).join("\n");
  return [...parts, notes]
    .filter((part) => part !== "")
    .map(tidy)
    .join("\n\n");
}

function kindsText({ kinds, latencyMs, callMs }: PredictReport): string {
  const table = plainTable(
    ["kind", "operations", "ms", "share", `${percent(latencyMs.level)} between`],
    ["left", "right", "right", "right", "right"],
  );
  for (const { kind, operations, ms, lowMs, highMs } of kinds) {
    const between = `${milliseconds(lowMs)} and ${milliseconds(highMs)}`;
    table.push([
      kind,
      String(operations),
      milliseconds(ms),
      percent(ms / latencyMs.predicted),
      between,
    ]);
  }
  table.push([
    "the call itself",
    "",
    milliseconds(callMs),
    percent(callMs / latencyMs.predicted),
    "",
  ]);
  return table.toString();
}

function stairsText({ stairs }: PredictReport): string {
  if (stairs.length === 0) return "";
  const lines = stairs.slice(0, MOST_STAIRS).map(({ op, axis, jumps, period, largest, costMs }) => {
    const where =
      period === null
        ? `at ${jumps.slice(0, 6).join(", ")}${jumps.length > 6 ? " ..." : ""}`
        : `every ${period} from ${jumps[0]}`;
    return `  ${shortened(op)}: channels ${axis} jump ${where}, by up to ${percent(largest)}${costMs === undefined ? "" : ` (${milliseconds(costMs)})`}`;
  });
  const more = stairs.length - lines.length;
  return [
    "Stairs (predicted; the most expensive first)",
    ...lines,
    ...(more > 0 ? [`  and ${more} more (--json lists all)`] : []),
  ].join("\n");
}

function fitText({ fit }: PredictReport): string {
  if (fit === undefined) return "";
  const constants = plainTable(
    ["constant", "fitted", "± before", "± after"],
    ["left", "right", "right", "right"],
  );
  for (const { name, value, before, after } of fit.constants) {
    constants.push([name, String(Number(value.toPrecision(3))), percent(before), percent(after)]);
  }
  const worst = [...fit.observations].sort((a, b) => Math.abs(b.error) - Math.abs(a.error));
  const lines = worst
    .slice(0, MOST_OBSERVATIONS)
    .map(
      ({ name, ms, error }) =>
        `  ${shortened(name)}: ${milliseconds(ms)}, predicted ${percent(Math.abs(error))} ${error < 0 ? "too short" : "too long"}`,
    );
  const count = fit.observations.length;
  return [
    `Fitted to ${count} observation${count === 1 ? "" : "s"}, met within ${percent(fit.scatter)}; the worst first`,
    ...lines,
    ...surpriseLines(fit.surprise),
    "",
    constants.toString(),
  ].join("\n");
}

function surpriseLines(surprise: NonNullable<PredictReport["fit"]>["surprise"]): string[] {
  if (surprise === null) return [];
  const { factor, stated } = surprise;
  return [
    "",
    `Surprising  What was observed takes ${factor.toFixed(2)} times what the device's description says, whose error is stated as ${percent(stated)}. It is believed. Is it this device, in the power mode that you will use, and the batch and precision given?`,
  ];
}
