import { EXIT } from "../../core/errors.ts";
import { checkWritable, writeFileAtomic } from "../../core/files.ts";
import { checkWhole } from "../../pipeline/checks.ts";
import { openMetrics } from "../../pipeline/metrics/open-metrics.ts";
import { modelPath } from "../../pipeline/open/embedded.ts";
import { openNetwork } from "../../pipeline/open/network.ts";
import { gateNetwork } from "../../pipeline/release/gate-network.ts";
import { gateJunit, gateText } from "../../report/gate-report.ts";
import { painter } from "../../report/painter.ts";
import { type Command, command } from "../command.ts";

export const gateCommand: Command = command({
  name: "gate <dense> <network>",
  describe: "Test a pruned network against metrics.json on items that no search saw; release it",
  examples: [
    [
      "mdp gate dense.onnx small.onnx --metrics metrics.json",
      "exit code 0 pass, 7 missed, 5 undecided",
    ],
    [
      "mdp gate dense.onnx small.onnx --metrics metrics.json --release live.onnx --junit gate.xml",
      "put it in place where it passes, and tell the pipeline",
    ],
  ],
  options: (yargs) =>
    yargs
      .positional("dense", {
        type: "string",
        demandOption: true,
        describe: "The network before pruning",
      })
      .positional("network", {
        type: "string",
        demandOption: true,
        describe: "The network to test",
      })
      .option("metrics", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "metrics.json; see mdp metrics init",
      })
      .option("release", {
        type: "string",
        requiresArg: true,
        describe: "File that the network replaces where it passes; mdp undo takes it back",
      })
      .option("junit", {
        type: "string",
        requiresArg: true,
        describe: "File to write the result to, as JUnit XML",
      })
      .option("threads", {
        type: "number",
        requiresArg: true,
        default: 1,
        describe: "Threads of the runtime",
      }),
  run: async (options, context) => {
    checkWhole(options.threads, "--threads", 1);
    for (const path of [options.release, options.junit])
      if (path !== undefined) checkWritable(path);
    const open = await openNetwork(options.dense);
    const metrics = await openMetrics(options.metrics, open);
    const report = await gateNetwork(
      open,
      metrics,
      {
        ...{
          network: modelPath(options.network),
          release: options.release,
          threads: options.threads,
        },
        ...{ ledgerOf: options.metrics, now: new Date() },
      },
      context,
    );
    if (options.junit !== undefined) writeFileAtomic(options.junit, gateJunit(report));
    context.json(report);
    context.print(gateText(report, painter(process.stdout.isTTY)));
    return exitOf(report.verdict);
  },
});

/** 0 pass, 7 missed, 5 undecided. */
export function exitOf(verdict: "pass" | "missed" | "undecided"): 0 | 5 | 7 {
  if (verdict === "pass") return EXIT.done;
  return verdict === "missed" ? EXIT.metric : EXIT.limit;
}
