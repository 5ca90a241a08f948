import { UsageError } from "../../core/errors.ts";
import { IMPORTANCE_METHODS } from "../../importance/importance.ts";
import { checkWhole } from "../../pipeline/checks.ts";
import { carrying } from "../../pipeline/open/images.ts";
import { openNetwork } from "../../pipeline/open/network.ts";
import { pruneWhileTraining } from "../../pipeline/train/prune-while-training.ts";
import { runTraining } from "../../pipeline/train/run-training.ts";
import { FINETUNE_DEFAULTS } from "../../pipeline/train/training-defaults.ts";
import { painter } from "../../report/painter.ts";
import { trainingText } from "../../report/training-report.ts";
import { type Command, command } from "../command.ts";
import { RENAMED_TRAINING_OPTIONS, trainingOptions } from "../options/training-options.ts";

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
    [
      "mdp finetune sparse.onnx --keep-zeros --teacher original.onnx --data photos --out runs/s",
      "the zeros of mdp sparsify stay zero",
    ],
    [
      "mdp finetune net.onnx --schedule 4 --budget 50% --device jetson --data photos --epochs 12 --out runs/c",
      "pruned in four steps while it is trained",
    ],
  ],
  options: (yargs) =>
    trainingOptions(yargs, FINETUNE_DEFAULTS)
      .positional("model", {
        type: "string",
        describe: "ONNX file; the embedded default without it",
      })
      .option("keep-zeros", {
        type: "boolean",
        default: false,
        describe: "Weights of convolutions and products that are zero stay zero",
      })
      .option("sparsity", {
        type: "string",
        requiresArg: true,
        describe: "Set the smallest weights to zero during training, up to this share: 80%",
      })
      .option("schedule", {
        type: "number",
        requiresArg: true,
        describe:
          "Prune gradually during training, in this many steps down to --budget; the model is a dense network",
      })
      .option("budget", {
        type: "string",
        requiresArg: true,
        default: "50%",
        describe: "With --schedule: latency budget at the end",
      })
      .option("device", {
        type: "string",
        requiresArg: true,
        describe: "With --schedule: device whose latencies are used",
      })
      .option("table", {
        type: "string",
        requiresArg: true,
        describe: "With --schedule: latency table of mdp profile",
      })
      .option("method", {
        requiresArg: true,
        choices: IMPORTANCE_METHODS,
        default: "magnitude-l2" as const,
        describe: "With --schedule: method that scores the units in every step",
      })
      .conflicts("device", "table")
      .conflicts("schedule", "sparsity"),
  renamed: RENAMED_TRAINING_OPTIONS,
  run: async (options, context) => {
    const open = carrying(await openNetwork(options.model, context), options);
    const { schedule } = options;
    checkWhole(schedule, "--schedule", 1);
    if (schedule !== undefined && options.keepZeros) throw bothSchedules();
    const report =
      schedule === undefined
        ? await runTraining("finetune", open, options, context)
        : await pruneWhileTraining(open, { ...options, schedule }, context);
    context.json(report);
    context.print(`\n${trainingText(report, painter(process.stdout.isTTY))}`);
    return undefined;
  },
});

/** A default of false counts as given where yargs looks for conflicts, so this one is looked for here. */
function bothSchedules(): UsageError {
  return new UsageError({
    code: "cli/usage",
    message:
      "--schedule cuts the network while it trains, and --keep-zeros trains its zeros as they are.",
    where: "--keep-zeros",
    hint: "Give one of them.",
  });
}
