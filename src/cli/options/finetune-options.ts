import type { Argv } from "yargs";

/** Options of the last stage but one. */
export function finetuneOptions<T>(yargs: Argv<T>): Argv<T & FinetuneOptions> {
  return yargs
    .option("finetune", {
      type: "boolean",
      default: false,
      describe: "Fine-tune the result with the original network as teacher",
    })
    .option("epochs", {
      type: "number",
      requiresArg: true,
      default: 3,
      describe: "With --finetune: number of epochs",
    })
    .option("lr", {
      type: "number",
      requiresArg: true,
      describe: "With --finetune: the learning rate [0.02]",
    });
}

interface FinetuneOptions {
  readonly finetune: boolean;
  readonly epochs: number;
  readonly lr: number | undefined;
}
