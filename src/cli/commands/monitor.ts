import { join } from "node:path";
import { EXIT } from "../../core/errors.ts";
import { checkWritable, writeFileAtomic } from "../../core/files.ts";
import { checkWhole, shareOf } from "../../pipeline/checks.ts";
import { openMetrics } from "../../pipeline/metrics/open-metrics.ts";
import { openNetwork } from "../../pipeline/open/network.ts";
import { monitorNetwork } from "../../pipeline/release/monitor-network.ts";
import { pruneAgain } from "../../pipeline/release/prune-again.ts";
import { approvalPage, coefficientsText } from "../../report/coefficients-report.ts";
import { gateText } from "../../report/gate-report.ts";
import { monitorText } from "../../report/monitor-report.ts";
import { painter } from "../../report/painter.ts";
import { type Command, command } from "../command.ts";
import { exitOf } from "./gate.ts";

export const monitorCommand: Command = command({
  name: "monitor <live>",
  describe: "Measure a released network on new items, and tell whether inputs or answers changed",
  examples: [
    [
      "mdp monitor live.onnx --dense dense.onnx --metrics metrics.json --data today",
      "exit code 7 where a requirement is missed",
    ],
    [
      "mdp monitor live.onnx --dense dense.onnx --metrics metrics.json --data today --again run --out run-2",
      "where something changed, prune again from the coefficients of the earlier run",
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
        describe: "metrics.json: what the network must still do; see mdp metrics init",
      })
      .option("data", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "New items, as for mdp eval",
      })
      .option("again", {
        type: "string",
        requiresArg: true,
        describe:
          "Folder of the earlier run: where a requirement is missed or something changed, prune again on the new items",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        describe: "With --again: folder of the new run",
      })
      .option("release", {
        type: "boolean",
        default: false,
        describe: "With --again: release the new network to the same file where the gate passes",
      })
      .implies("again", "out")
      .option("items", {
        type: "number",
        requiresArg: true,
        describe: "Number of new items to measure [all]",
      })
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
    if (options.out !== undefined) checkWritable(join(options.out, "run.json"));
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
    const exit = report.verdict === "missed" ? EXIT.metric : undefined;
    const { again, out } = options;
    if (report.verdict === "as before") return exit;
    if (again === undefined || out === undefined) {
      context.print(
        "\nWith --again RUN --out NEW the network is pruned again on these items, from the coefficients of the run.",
      );
      return exit;
    }
    const release = options.release ? live : undefined;
    const request = { run: again, out, metrics: options.metrics, items: data, release };
    const made = await pruneAgain(request, context);
    const approval = join(out, "approval.md");
    writeFileAtomic(approval, approvalPage(made.coefficients, made.gate, made.reasons));
    context.print(`\n${coefficientsText(made.coefficients)}`);
    context.print(`\n${gateText(made.gate, painter(process.stdout.isTTY))}`);
    context.print(`\nNetwork     ${made.network}\nApproval    ${approval}`);
    return exitOf(made.gate.verdict);
  },
});
