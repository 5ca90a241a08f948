import { GRANULARITIES } from "../../coefficients/groups.ts";
import { UsageError } from "../../core/errors.ts";
import { checkWritable, writeFileAtomic } from "../../core/files.ts";
import { checkWhole } from "../../pipeline/checks.ts";
import { groupWidths } from "../../pipeline/coefficients/narrow-groups.ts";
import { openBench } from "../../pipeline/coefficients/search-network.ts";
import { openMetrics } from "../../pipeline/metrics/open-metrics.ts";
import { openNetwork } from "../../pipeline/open/network.ts";
import { checkSolveOptions, solveNetworkOptions } from "../../pipeline/solve/solve-settings.ts";
import { noTable, tableFor } from "../../pipeline/tables/table-source.ts";
import { groupsCsv, groupsText } from "../../report/coefficients-report.ts";
import { groupsFigure } from "../../report/figures/groups-chart.ts";
import { type Command, command } from "../command.ts";
import { REPEATABLE_LIMITS } from "../options/limit-options.ts";
import { solvedModelOptions } from "../options/solve-options.ts";

export const groupsCommand: Command = command({
  name: "groups [model]",
  describe: "Show what narrowing each group alone does to every metric, and what it saves",
  examples: [
    ["mdp groups net.onnx --metrics metrics.json --device jetson", "every group at three widths"],
    [
      "mdp groups net.onnx --metrics m.json --device jetson --levels 7 --csv groups.csv --figure groups.svg",
      "more widths, as files",
    ],
  ],
  repeatable: REPEATABLE_LIMITS,
  options: (yargs) =>
    solvedModelOptions(yargs)
      .option("metrics", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "metrics.json: what the network must still do; see mdp metrics init",
      })
      .option("granularity", {
        choices: GRANULARITIES,
        default: "auto" as const,
        describe: "What counts as a group",
      })
      .option("levels", {
        type: "number",
        requiresArg: true,
        default: 3,
        describe: "Number of widths to measure per group",
      })
      .option("csv", {
        type: "string",
        requiresArg: true,
        describe: "File to write the table to, as CSV",
      })
      .option("figure", { type: "string", requiresArg: true, describe: "File to draw to, as SVG" })
      .option("threads", {
        type: "number",
        requiresArg: true,
        default: 1,
        describe: "Threads of the runtime",
      }),
  run: async (options, context) => {
    await checkSolveOptions(options);
    checkWhole(options.levels, "--levels", 1);
    checkWhole(options.threads, "--threads", 1);
    for (const path of [options.csv, options.figure]) if (path !== undefined) checkWritable(path);
    if (options.device === undefined && options.table === undefined) throw noTable();
    if (options.levels > MOST_LEVELS) throw tooManyLevels(options.levels);
    const open = await openNetwork(options.model);
    const source = tableFor(open, { ...options, commandLine: context.commandLine });
    const settings = solveNetworkOptions({ ...options, budget: "none" }, source.table.step);
    const metrics = await openMetrics(options.metrics, open);
    const bench = await openBench(open, source, metrics, settings, options, context);
    try {
      const report = await groupWidths(bench, options, context);
      context.json(report);
      context.print(groupsText(report));
      if (options.csv !== undefined) writeFileAtomic(options.csv, groupsCsv(report));
      if (options.figure !== undefined) writeFileAtomic(options.figure, await groupsFigure(report));
      for (const path of [options.csv, options.figure]) {
        if (path !== undefined) context.print(`\nWritten to ${path}`);
      }
    } finally {
      await bench.close();
    }
    return undefined;
  },
});

const MOST_LEVELS = 32;

function tooManyLevels(levels: number): UsageError {
  return new UsageError({
    code: "cli/not-a-count",
    message: `--levels is ${levels}; at most ${MOST_LEVELS} widths are measured per group.`,
    where: "--levels",
    hint: "Seven show the course of a curve.",
  });
}
