import { painter } from "../../report/painter.ts";
import { trainingText } from "../../report/training-report.ts";
import { type Command, command } from "../command.ts";
import { openNetwork } from "../network.ts";
import { runTraining } from "../run-training.ts";
import { FINETUNE_DEFAULTS, trainingOptions } from "../training-options.ts";

export const finetuneCommand: Command = command({
  name: "finetune [model]",
  describe: "Train a network further, such as one that was pruned",
  examples: [
    [
      "mdp finetune pruned.onnx --teacher original.onnx --data photos --out runs/tuned",
      "the original's scores and inner values teach beside the labels",
    ],
    [
      "mdp finetune net.onnx --data cifar.tar.gz --val-data test.bin --epochs 10 --lr 0.02 --out runs/a",
      "labels alone, ten epochs",
    ],
    [
      "mdp finetune net.onnx --data photos --optimizer adamw --ema 0.999 --mixup 0.2 --out runs/b",
      "AdamW, averaged weights, mixed images",
    ],
  ],
  options: (yargs) =>
    trainingOptions(yargs, FINETUNE_DEFAULTS).positional("model", {
      type: "string",
      describe: "ONNX file; the embedded default without it",
    }),
  run: async (options, context) => {
    const open = await openNetwork(options.model);
    const report = await runTraining("finetune", open, options, context);
    context.json(report);
    context.print(`\n${trainingText(report, painter(process.stdout.isTTY))}`);
    return undefined;
  },
});
