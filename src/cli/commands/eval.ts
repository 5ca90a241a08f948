import { evaluateModels } from "../../pipeline/evaluate/evaluate-models.ts";
import { evalText } from "../../report/eval-report.ts";
import { painter } from "../../report/painter.ts";
import { OPTIMISATIONS } from "../../runtime/session.ts";
import { TASKS } from "../../tasks/plan.ts";
import { type Command, command } from "../command.ts";
import { DATA_CONFIG, splitOption } from "../options/data-options.ts";

export const evalCommand: Command = command({
  name: "eval <models..>",
  describe: "Measure metrics and latency of one or more networks, side by side",
  examples: [
    ["mdp eval dense.onnx small.onnx --test-data shapes", "top-1, top-5 and interleaved latencies"],
    ["mdp eval net.onnx --batch 8 --threads 1", "latency alone"],
    [
      "mdp eval net.onnx --test-data photos.tar --data-config imagenet.json --images 500",
      "pre-processing from a file",
    ],
    [
      'mdp eval dense.onnx small.onnx --command "python judge.py" --items 20 --no-latency',
      "a metric of your own, with intervals over 20 items and paired differences",
    ],
  ],
  options: (yargs) =>
    yargs
      .positional("models", {
        type: "string",
        array: true,
        demandOption: true,
        describe: "ONNX files, or embedded networks such as :detector",
      })
      .option("test-data", {
        type: "string",
        requiresArg: true,
        describe:
          "Test images: a folder, tar, CIFAR binary, IDX images, drawn set, or a config that names one",
      })
      .option("data-config", DATA_CONFIG)
      .option("split", splitOption("test"))
      .option("task", {
        requiresArg: true,
        choices: TASKS,
        describe: "Task to judge for [found from the data's targets]",
      })
      .option("outputs", {
        type: "string",
        requiresArg: true,
        describe: "Outputs to judge, separated by commas [all]",
      })
      .option("head", {
        type: "string",
        requiresArg: true,
        describe: "Form of a detector's outputs, as JSON or a file of it (docs/tasks.md) [guessed]",
      })
      .option("range", {
        type: "number",
        requiresArg: true,
        describe: "Largest minus smallest value of pictures, for PSNR and SSIM [1]",
      })
      .option("command", {
        type: "string",
        requiresArg: true,
        describe: "Program that judges each network, with its arguments (docs/tasks.md)",
      })
      .option("items", {
        type: "number",
        requiresArg: true,
        describe: "With --command: number of items that it judges on [1]",
      })
      .option("better", {
        requiresArg: true,
        choices: ["higher", "lower"] as const,
        default: "higher" as const,
        describe: "With --command: which values are better",
      })
      .option("seed", {
        type: "number",
        requiresArg: true,
        default: 0,
        describe: "Random seed of the bootstrap, and of --command",
      })
      .option("images", {
        type: "number",
        requiresArg: true,
        describe: "Number of images to evaluate on, chosen at random [all]",
      })
      .option("batch", {
        type: "number",
        requiresArg: true,
        default: 1,
        describe: "Images per timed run",
      })
      .option("threads", {
        type: "number",
        requiresArg: true,
        default: 1,
        describe: "Threads of the runtime",
      })
      .option("repeats", {
        type: "number",
        requiresArg: true,
        describe:
          "Timed runs per network [100; of several, 30 to 120, until their shares are known within 0.3 %]",
      })
      .option("optimisation", {
        requiresArg: true,
        choices: OPTIMISATIONS,
        default: "all" as const,
        describe: "Graph optimisation level of the runtime",
      })
      .option("latency", {
        type: "boolean",
        default: true,
        describe: "Measure the latency; --no-latency skips it",
      }),
  repeatable: ["models"],
  renamed: { data: "test-data", limit: "images" },
  run: async ({ testData: data, images: limit, ...options }, context) => {
    const report = await evaluateModels({ ...options, data, limit }, context);
    context.json(report);
    context.print(evalText(report, painter(process.stdout.isTTY)));
    return undefined;
  },
});
