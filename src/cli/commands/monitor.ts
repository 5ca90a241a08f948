import { EXIT } from "../../core/errors.ts";
import { checkWhole, shareOf } from "../../pipeline/checks.ts";
import { openMetrics } from "../../pipeline/metrics/open-metrics.ts";
import { openNetwork } from "../../pipeline/open/network.ts";
import { monitorNetwork } from "../../pipeline/release/monitor-network.ts";
import { monitorText } from "../../report/monitor-report.ts";
import { painter } from "../../report/painter.ts";
import { type Command, command } from "../command.ts";

export const monitorCommand: Command = command({
  name: "monitor <live>",
  describe: "Measure a released network on new items, and tell whether inputs or answers changed",
  examples: [
    [
      "mdp monitor live.onnx --dense dense.onnx --metrics metrics.json --data today",
      "exit code 7 where a requirement is missed",
    ],
  ],
  options: (yargs) =>
    yargs
      .positional("live", { type: "string", demandOption: true, describe: "The released file" })
      .option("dense", {
        type: "string",
        requiresArg: true,
        describe: "The network before pruning, for requirements against it [the released one]",
      })
      .option("metrics", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "metrics.json",
      })
      .option("data", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "New items",
      })
      .option("items", { type: "number", requiresArg: true, describe: "Only so many of them" })
      .option("rate", {
        type: "string",
        requiresArg: true,
        default: "5%",
        describe: "Chance of a false alarm of all comparisons together",
      })
      .option("threads", {
        type: "number",
        requiresArg: true,
        default: 1,
        describe: "Threads of the runtime",
      }),
  run: async (options, context) => {
    checkWhole(options.threads, "--threads", 1);
    checkWhole(options.items, "--items", 1);
    const rate = shareOf(options.rate, "--rate");
    const open = await openNetwork(options.dense ?? options.live);
    const metrics = await openMetrics(options.metrics, open);
    const { live, data, items, threads } = options;
    const report = await monitorNetwork(
      open,
      metrics,
      { live, data, items, threads, rate },
      context,
    );
    context.json(report);
    context.print(monitorText(report, painter(process.stdout.isTTY)));
    if (report.verdict === "changed") {
      context.print(
        "\nmdp prune --metrics ... --from coefficients.json searches again from the old coefficients.",
      );
    }
    return report.verdict === "missed" ? EXIT.metric : undefined;
  },
});
