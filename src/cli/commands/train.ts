import { openNetwork } from "../../pipeline/open/network.ts";
import { runTraining } from "../../pipeline/train/run-training.ts";
import { TRAIN_DEFAULTS } from "../../pipeline/train/training-defaults.ts";
import { painter } from "../../report/painter.ts";
import { trainingText } from "../../report/training-report.ts";
import { type Command, command } from "../command.ts";
import { RENAMED_TRAINING_OPTIONS, trainingOptions } from "../options/training-options.ts";

export const trainCommand: Command = command({
  name: "train [model]",
  describe: "Train a network's architecture from random weights",
  examples: [
    ["mdp train --out runs/default --flip all", "the embedded network on its drawn set"],
    ["mdp train net.onnx --data photos --epochs 60 --out runs/net", "a network of your own"],
  ],
  options: (yargs) =>
    trainingOptions(yargs, TRAIN_DEFAULTS).positional("model", {
      type: "string",
      describe:
        "ONNX file whose architecture is trained from random weights; the embedded default without it",
    }),
  renamed: RENAMED_TRAINING_OPTIONS,
  run: async (options, context) => {
    const open = await openNetwork(options.model, context);
    const report = await runTraining("train", open, options, context);
    context.json(report);
    context.print(`\n${trainingText(report, painter(process.stdout.isTTY))}`);
    return undefined;
  },
});
