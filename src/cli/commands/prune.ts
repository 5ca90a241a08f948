import { join } from "node:path";
import { writeFileAtomic } from "../../core/files.ts";
import type { Progress } from "../../core/progress.ts";
import { IMPORTANCE_METHODS } from "../../importance/importance.ts";
import { refuseMetricLimits } from "../../pipeline/metrics/metric-limits.ts";
import { pruneByMetrics, refuseWithoutMetrics } from "../../pipeline/prune/prune-by-metrics.ts";
import { pruneModel } from "../../pipeline/prune/prune-model.ts";
import { approvalPage, coefficientsText } from "../../report/coefficients-report.ts";
import { gateText } from "../../report/gate-report.ts";
import { painter } from "../../report/painter.ts";
import { splitText } from "../../report/pair-report.ts";
import { runText } from "../../report/run-report.ts";
import { type Command, command } from "../command.ts";
import { finetuneOptions } from "../options/finetune-options.ts";
import { REPEATABLE_LIMITS } from "../options/limit-options.ts";
import { searchOptions } from "../options/metrics-options.ts";
import { robustOption } from "../options/robust-option.ts";
import { solveOptions } from "../options/solve-options.ts";
import { exitOf } from "./gate.ts";

export const pruneCommand: Command = command({
  name: "prune [model] [second]",
  describe:
    "Run the whole pipeline into one folder: score, profile, solve, export, repair, train, evaluate",
  examples: [
    ["mdp prune --device local --out runs/default", "the embedded network on this machine"],
    [
      "mdp prune --device local --finetune --out runs/default",
      "and trained further, with the original as its teacher",
    ],
    [
      "mdp prune image.onnx text.onnx --data pairs.json --device local --out runs/pair",
      "two networks whose embeddings are compared, as one problem (docs/vision-language.md)",
    ],
    [
      "mdp prune net.onnx --device local --batch 8 --budget 50% --data photos --out runs/net",
      "your own; the same command again resumes where it stopped",
    ],
  ],
  repeatable: [...REPEATABLE_LIMITS, "coefficients"],
  options: (yargs) =>
    searchOptions(finetuneOptions(robustOption(solveOptions(yargs))))
      .option("release", {
        type: "string",
        requiresArg: true,
        describe: "With --metrics: file that the network replaces where the gate passes",
      })
      .positional("model", {
        type: "string",
        describe: "ONNX file; the embedded default without it",
      })
      .positional("second", {
        type: "string",
        describe: "ONNX file of the network that it is compared with: both are pruned as one",
      })
      .option("pairs", {
        type: "string",
        requiresArg: true,
        describe:
          "Two embeddings, FIRST,SECOND: of two networks, or what cross-modal compares [the outputs of one width]",
      })
      .option("embeddings-only", {
        type: "boolean",
        default: false,
        describe: "With two networks: leave out all other outputs",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "Folder to write the run to",
      })
      .option("method", {
        requiresArg: true,
        choices: ["auto", ...IMPORTANCE_METHODS] as const,
        default: "auto" as const,
        describe:
          "Method that scores the units, without --importance; auto: sensitivity, gradients for large networks, magnitude-l2 without images",
      })
      .option("repaired", {
        type: "boolean",
        default: false,
        describe:
          "For sensitivity: repair every cut by itself before it is measured, which takes minutes",
      })
      .option("data", {
        type: "string",
        requiresArg: true,
        describe: "Training images, to score, repair and train on [the train split of --test-data]",
      })
      .option("test-data", {
        type: "string",
        requiresArg: true,
        describe:
          "Test images, to judge the result on [the test split of --data, or --data itself]",
      })
      .option("train", { type: "string", requiresArg: true, hidden: true })
      .option("correct", {
        type: "boolean",
        default: true,
        describe:
          "Repair the pruned network where there are images, without labels; --no-correct skips it",
      })
      .option("rebase", {
        type: "boolean",
        default: true,
        describe:
          "Bring attention into the basis of its singular vectors first (mdp rebase); --no-rebase prunes its columns as they are",
      })
      .option("calibrate", {
        type: "boolean",
        default: false,
        describe:
          "Measure the network, correct the table and solve again until this device meets the budget",
      })
      .option("tolerance", {
        type: "string",
        requiresArg: true,
        default: "2%",
        describe: "Largest distance below the budget that is accepted after calibration",
      })
      .option("data-config", {
        type: "string",
        requiresArg: true,
        describe: "Pre-processing of the images, as a JSON file",
      })
      .option("proof-inputs", {
        type: "string",
        requiresArg: true,
        describe:
          "JSON file of inputs to prove the pruned network on, instead of images or random ones",
      })
      .option("test-images", {
        type: "number",
        requiresArg: true,
        describe: "Number of test images to evaluate on, chosen at random [all]",
      })
      .option("threads", {
        type: "number",
        requiresArg: true,
        default: 1,
        describe: "Threads of the runtime",
      })
      .option("runs", {
        type: "number",
        requiresArg: true,
        default: 200,
        describe: "Number of networks to profile at most",
      })
      .option("max-minutes", {
        type: "number",
        requiresArg: true,
        default: 4,
        describe: "Longest time to profile, in minutes",
      })
      .option("target-error", {
        type: "string",
        requiresArg: true,
        default: "2%",
        describe:
          "Stop profiling at this mean error on unseen networks, such as 1%; none goes on to --runs networks",
      })
      .option("validate", {
        type: "number",
        requiresArg: true,
        default: 10,
        describe: "Number of networks to validate the table on",
      })
      .option("seed", {
        type: "number",
        requiresArg: true,
        default: 1,
        describe: "Random seed of all stages",
      }),
  renamed: { images: "test-images" },
  run: async (given, context) => {
    const options = { ...given, ...placesOf(given, context.progress), images: given.testImages };
    const written = Object.fromEntries(
      Object.entries(given).filter(([name]) => /^[a-z]+(-[a-z]+)*$/.test(name)),
    );
    const { metrics } = options;
    if (metrics !== undefined) {
      const made = await pruneByMetrics({ ...options, metrics }, written, context);
      const approval = join(options.out, "approval.md");
      writeFileAtomic(approval, approvalPage(made.coefficients, made.gate, made.reasons));
      context.json(made);
      context.print(`\n${coefficientsText(made.coefficients)}`);
      context.print(`\n${gateText(made.gate, painter(process.stdout.isTTY))}`);
      context.print(`\nNetwork     ${made.network}\nApproval    ${approval}`);
      return exitOf(made.gate.verdict);
    }
    refuseWithoutMetrics(options);
    refuseMetricLimits(options.limit);
    const summary = await pruneModel(options, written, context);
    context.json(summary);
    context.print(`\n${runText(summary, painter(process.stdout.isTTY))}`);
    if (summary.parts !== undefined) context.print(`\n${splitText(summary.parts)}`);
    return undefined;
  },
});

interface Places {
  readonly data?: string | undefined;
  readonly testData?: string | undefined;
  /** The former name of `data`, beside which `data` named the test images. */
  readonly train?: string | undefined;
}

/** Where the stages find test images (`data`) and, where those are others, training images (`train`). */
function placesOf(
  { data, testData, train }: Places,
  progress: Progress,
): { readonly data: string | undefined; readonly train: string | undefined } {
  if (train !== undefined) {
    progress.note(
      "warning: --train is now --data, and --data beside it is now --test-data; the former names will go in 0.3.",
    );
    return { data: data ?? testData, train };
  }
  return { data: testData ?? data, train: testData === undefined ? undefined : data };
}
