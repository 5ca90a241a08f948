import { correctModel } from "../../pipeline/correct/correct-model.ts";
import { CORRECT_DEFAULTS } from "../../pipeline/correct/correct-network.ts";
import { correctText } from "../../report/correct-report.ts";
import { painter } from "../../report/painter.ts";
import { CORRECTION_METHODS } from "../../subnet/correct/correct.ts";
import { type Command, command } from "../command.ts";
import { DATA_CONFIG, splitOption } from "../options/data-options.ts";

export const correctCommand: Command = command({
  name: "correct [model]",
  describe: "Write the smaller network of a subnet, repaired on images without labels",
  examples: [
    [
      "mdp correct net.onnx --subnet subnet.json --data photos --out corrected.onnx",
      "cut, proven, and every layer fitted to what the dense network gives",
    ],
    [
      "mdp correct net.onnx --subnet s.json --data train --test-data test --images 500 --out c.onnx",
      "on 500 images; accuracy on others",
    ],
    [
      "mdp correct net.onnx --subnet s.json --data train --method bn --out c.onnx",
      "only the statistics of BatchNormalization are computed again",
    ],
  ],
  options: (yargs) =>
    yargs
      .positional("model", {
        type: "string",
        describe: "ONNX file that the subnet was solved for; the embedded default without it",
      })
      .option("subnet", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "File of mdp solve --out",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "ONNX file to write",
      })
      .option("data", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "Images to repair on, as for mdp eval; their labels are not used",
      })
      .option("data-config", DATA_CONFIG)
      .option("split", splitOption("train, where there is one"))
      .option("test-data", {
        type: "string",
        requiresArg: true,
        describe:
          "Labelled images to judge with [the test split of --data, or what --images leaves of it]",
      })
      .option("test-images", {
        type: "number",
        requiresArg: true,
        default: 2000,
        describe: "Number of images to evaluate on; 0 skips the evaluation",
      })
      .option("method", {
        requiresArg: true,
        choices: CORRECTION_METHODS,
        default: CORRECT_DEFAULTS.correction,
        describe:
          "Fit weights and biases, measure the BatchNormalization statistics again, or both in turn",
      })
      .option("images", {
        type: "number",
        requiresArg: true,
        default: CORRECT_DEFAULTS.images,
        describe: "Images to repair on, chosen at random",
      })
      .option("positions", {
        type: "number",
        requiresArg: true,
        describe: "Output positions per image and layer [as many as a layer's size asks for]",
      })
      .option("ridge", {
        type: "number",
        requiresArg: true,
        default: CORRECT_DEFAULTS.ridge,
        describe:
          "Least ridge towards the old weights, relative to the mean variance of the inputs; images held out of the fit raise it layer by layer",
      })
      .option("looks", {
        type: "number",
        requiresArg: true,
        default: CORRECT_DEFAULTS.looks,
        describe:
          "Number of fits of a layer that a Relu or Clip follows; from the second fit on, only outputs within its bounds count",
      })
      .option("target", {
        requiresArg: true,
        choices: ["stream", "layer"] as const,
        default: "stream" as const,
        describe:
          "Fit the last layer of a branch to the residual sum, or every layer to its own output",
      })
      .option("memory", {
        type: "number",
        requiresArg: true,
        default: CORRECT_DEFAULTS.memory,
        describe: "Memory for values between layers, in GiB; fewer images are used above it",
      })
      .option("threads", {
        type: "number",
        requiresArg: true,
        describe: "Threads of the runtime [the machine's, at most 4]",
      })
      .option("proof-inputs", {
        type: "string",
        requiresArg: true,
        describe: "JSON file of inputs to prove the cut on, instead of images",
      })
      .option("seed", {
        type: "number",
        requiresArg: true,
        default: 1,
        describe: "Random seed for the choice of images and positions",
      }),
  renamed: { test: "test-data", limit: "test-images" },
  run: async (options, context) => {
    const report = await correctModel(options, context);
    context.json(report);
    context.print(correctText(report, painter(process.stdout.isTTY)));
    return undefined;
  },
});
