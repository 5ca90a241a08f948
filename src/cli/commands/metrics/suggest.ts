import { finiteOrNull } from "../../../documents/finite.ts";
import type { SuggestedReport } from "../../../documents/metrics.ts";
import { checkWhole } from "../../../pipeline/checks.ts";
import { rankMetrics } from "../../../pipeline/metrics/rank-metrics.ts";
import { openForMetrics } from "../../../pipeline/metrics/suggest-metrics.ts";
import { openNetwork } from "../../../pipeline/open/network.ts";
import { figure } from "../../../report/amounts.ts";
import { percent, plainTable } from "../../../report/solve-report.ts";
import { type Command, command } from "../../command.ts";

export const suggestMetricsCommand: Command = command({
  name: "suggest [model]",
  describe:
    "Measure what can be measured, how early it reacts to pruning, and what says the same; propose three",
  examples: [["mdp metrics suggest net.onnx --data parts --items 500", "on 500 items"]],
  options: (yargs) =>
    yargs
      .positional("model", {
        type: "string",
        describe: "ONNX file; the embedded default without it",
      })
      .option("data", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "Items to measure on",
      })
      .option("items", {
        type: "number",
        requiresArg: true,
        default: 300,
        describe: "How many of them",
      })
      .option("threads", {
        type: "number",
        requiresArg: true,
        default: 1,
        describe: "Threads of the runtime",
      }),
  run: async ({ model, data, items, threads }, context) => {
    checkWhole(items, "--items", 8);
    checkWhole(threads, "--threads", 1);
    const open = await openNetwork(model);
    const set = await openForMetrics(data, open);
    const ranked = await rankMetrics(open, set, { items, threads }, context);
    const told = ranked.map((each) => ({
      ...each,
      ...{ value: finiteOrNull(each.value) },
      ...{ low: finiteOrNull(each.low), high: finiteOrNull(each.high) },
    }));
    const report: SuggestedReport = {
      ...{ schema: "mdp-suggested/1", network: open.name, items, metrics: told },
    };
    context.json(report);
    const table = plainTable(
      ["", "metric", "value", "from", "to", "reacts at", "moves with"],
      ["left", "left", "right", "right", "right", "right", "left"],
    );
    for (const { spec, value, low, high, reactsAt, movesWith, isProposed } of ranked) {
      table.push([
        isProposed ? "*" : "",
        spec.name,
        figure(value),
        figure(low),
        figure(high),
        reactsAt === null ? "never" : `${percent(reactsAt)} gone`,
        movesWith ?? "",
      ]);
    }
    context.print(table.toString());
    context.print("\n* proposed. In metrics.json:\n");
    for (const { spec, isProposed } of ranked)
      if (isProposed) context.print(`  ${JSON.stringify(spec)}`);
    return undefined;
  },
});
