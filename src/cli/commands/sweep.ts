import { EXIT, type ExitCode } from "../../core/errors.ts";
import type { SweepReport } from "../../documents/sweep.ts";
import { SWEPT } from "../../pipeline/sparsify/zeros-subjects.ts";
import { SWEEP_DEFAULTS, sweepModel } from "../../pipeline/sweep/sweep-model.ts";
import { painter } from "../../report/painter.ts";
import { sweepText } from "../../report/sweep-report.ts";
import { type Command, command } from "../command.ts";
import { REPEATABLE_LIMITS } from "../options/limit-options.ts";
import { solvedModelOptions } from "../options/solve-options.ts";

export const sweepCommand: Command = command({
  name: "sweep [model]",
  describe: "Find the best subnet for each of many budgets: importance against latency",
  examples: [
    ["mdp sweep --device jetson", "ten budgets from 90% to 20%"],
    [
      "mdp sweep net.onnx --table t.json --from 80% --to 30% --points 6 --out frontier",
      "a network of your own",
    ],
    ["mdp sweep net.onnx --table t.json --budgets 12ms,9ms,6ms", "these three"],
    [
      'mdp sweep net.onnx --damages damages.json --from 50% --to 10% --limit "bytes <= 40%" --out zeros',
      "single weights alone, without a device: zeros against damage",
    ],
    ["mdp sweep --instance FILE.json --jobs 2", "a published instance, in two threads"],
  ],
  repeatable: REPEATABLE_LIMITS,
  options: (yargs) =>
    solvedModelOptions(yargs)
      .hide("budget")
      .option("budgets", {
        type: "string",
        requiresArg: true,
        describe: "Budgets, separated by commas, such as 90%,70%,12ms",
      })
      .option("from", {
        type: "string",
        default: SWEEP_DEFAULTS.from as string,
        requiresArg: true,
        describe: "Largest budget",
      })
      .option("to", {
        type: "string",
        default: SWEEP_DEFAULTS.to as string,
        requiresArg: true,
        describe: "Smallest budget",
      })
      .option("points", {
        type: "number",
        default: SWEEP_DEFAULTS.points as number,
        requiresArg: true,
        describe: "Number of budgets, evenly spaced",
      })
      .option("of", {
        requiresArg: true,
        choices: SWEPT,
        describe: "With --damages and no device: what the budgets are of [nonzeros]",
      })
      .option("jobs", {
        type: "number",
        default: SWEEP_DEFAULTS.jobs as number,
        requiresArg: true,
        describe: "Number of threads; it does not change the points",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        describe: "Folder for sweep.csv, .json, .svg and a subnet file per point",
      })
      .option("instance", {
        type: "string",
        requiresArg: true,
        describe: "Published instance to sweep instead of a network",
      })
      .conflicts("instance", ["model", "device", "table", "importance", "damages"]),
  run: async (options, context) => {
    const report = await sweepModel(options, context);
    const { out } = options;
    context.json(report);
    context.print(sweepText(report, painter(process.stdout.isTTY)));
    if (out !== undefined) context.print(`\nWritten to ${out}: ${writtenText(report)}`);
    return exitCode(report);
  },
});

function writtenText({ points }: SweepReport): string {
  const subnets = points.filter(({ subnet }) => subnet !== null).length;
  const figure = points.some(({ latency }) => latency !== null) ? [", sweep.svg"] : [];
  const files = subnets === 0 ? "" : ` and ${subnets} subnet file${subnets === 1 ? "" : "s"}`;
  return `sweep.csv, sweep.json${figure.join("")}${files}`;
}

/** Infeasible budgets are points like others; only where there is nothing else, the sweep failed as a solve would. */
function exitCode({ points, complete }: SweepReport): ExitCode {
  if (!complete) return EXIT.interrupted;
  if (points.every(({ status }) => status === "infeasible")) return EXIT.infeasible;
  return points.some(({ latency }) => latency !== null) ? EXIT.done : EXIT.limit;
}
