import { rmSync } from "node:fs";
import { checkWritable, writeFileAtomic } from "../../core/files.ts";
import {
  IMPORTANCE_METHODS,
  type Importance,
  type ImportanceMethod,
  importanceText,
  LABEL_SOURCES,
  type LabelSource,
  NORMALISATIONS,
  scoreUnits,
} from "../../importance/importance.ts";
import { checkWhole } from "../../pipeline/checks.ts";
import { openNetwork } from "../../pipeline/open/network.ts";
import { scoreByChoice } from "../../pipeline/score/choose-scoring.ts";
import { SCORE_DEFAULTS, scoreOpened } from "../../pipeline/score/score-network.ts";
import { plainTable } from "../../report/solve-report.ts";
import { type Command, command } from "../command.ts";
import { DATA_CONFIG, splitOption } from "../options/data-options.ts";

const ALIASES: Readonly<Record<string, ImportanceMethod>> = {
  l1: "magnitude-l1",
  l2: "magnitude-l2",
};

export const scoreCommand: Command = command({
  name: "score [model]",
  describe: "Score how much each unit of a network is worth",
  examples: [
    [
      "mdp score net.onnx --data photos",
      "the same score as mdp prune: measured, or by gradients where the network is large",
    ],
    [
      "mdp score net.onnx --out importance.json",
      "without images: squared weights, each layer brought to a best unit of 1",
    ],
    ["mdp score net.onnx --method bn-scale --out importance.json", "scales of BatchNormalization"],
    [
      "mdp score net.onnx --method taylor-bn --data photos --data-config imagenet.json",
      "gradients on 1024 images; the same command again goes on where it was stopped",
    ],
    [
      "mdp score net.onnx --method sensitivity --data photos --out importance.json",
      "measured: what the network's answers lose without some units, a block, a layer",
    ],
    [
      "mdp score net.onnx --method sensitivity --repaired --data photos",
      "and repaired before it is measured: takes minutes, and may keep more where half is cut",
    ],
    [
      "mdp score net.onnx --method fisher --data photos --labels self",
      "images without labels: the network's own answers stand for them",
    ],
    [
      "mdp score :captions --method cross-modal --data captions --out importance.json",
      "two towers: measured by how similar pairs stay, both embeddings and what fuses them",
    ],
    [
      "mdp score net.onnx --method random --seed 3 --out importance.json",
      "random scores, as a baseline",
    ],
  ],
  options: (yargs) =>
    yargs
      .positional("model", {
        type: "string",
        describe: "ONNX file; the embedded default without it",
      })
      .option("method", {
        requiresArg: true,
        choices: ["auto", ...IMPORTANCE_METHODS, "l1", "l2"],
        default: "auto",
        describe:
          "Method that scores the units; auto measures cuts or takes gradients where images are named, as mdp prune does",
      })
      .option("normalisation", {
        requiresArg: true,
        choices: NORMALISATIONS,
        describe: "Divisor of a layer's scores [max for magnitudes, none otherwise]",
      })
      .option("data", {
        type: "string",
        requiresArg: true,
        describe:
          "Images for the methods that need data: folder, tar, CIFAR binary, IDX, drawn set",
      })
      .option("data-config", DATA_CONFIG)
      .option("split", splitOption("train"))
      .option("images", {
        type: "number",
        requiresArg: true,
        describe: "Images to score on, chosen at random, whole batches [1024; sensitivity 128]",
      })
      .option("batch", {
        type: "number",
        requiresArg: true,
        describe:
          "Images per batch; taylor-*, hessian are of its mean loss [32, or as the network fixes]",
      })
      .option("pairs", {
        type: "string",
        requiresArg: true,
        describe: "For cross-modal: the two embeddings [two outputs of different inputs]",
      })
      .option("fused", {
        type: "string",
        requiresArg: true,
        describe: "For cross-modal: outputs that depend on both [all that do]",
      })
      .option("labels", {
        requiresArg: true,
        choices: LABEL_SOURCES,
        default: SCORE_DEFAULTS.labels as LabelSource,
        describe: "Labels of the loss: those of the data, or the network's own best class",
      })
      .option("outputs", {
        type: "string",
        requiresArg: true,
        describe:
          "For sensitivity: values to compare with the whole network's, separated by commas [all outputs]",
      })
      .option("repaired", {
        type: "boolean",
        default: false,
        describe:
          "For sensitivity: repair every cut by itself on half of the images before it is measured on the others",
      })
      .option("threads", {
        type: "number",
        requiresArg: true,
        describe: "Threads of the runtime [sensitivity: the machine's, at most 4; otherwise 1]",
      })
      .option("seed", {
        type: "number",
        requiresArg: true,
        default: 0,
        describe: "Random seed for the choice of images and for random scores",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        default: "importance.json",
        describe: "File to write",
      }),
  renamed: { samples: "images" },
  run: async (options, context) => {
    checkWhole(options.seed, "--seed", 0);
    checkWritable(options.out);
    const open = await openNetwork(options.model, context);
    const partialPath = `${options.out}.partial.json`;
    const request = { ...options, ...namesIn(options) };
    const importance =
      options.method === "auto"
        ? await scoreByChoice(open, request, context, partialPath)
        : await scoreOpened(
            open,
            { ...request, method: methodNamed(options.method) },
            context,
            partialPath,
          );
    writeFileAtomic(options.out, importanceText(importance));
    rmSync(partialPath, { force: true });
    context.json(importance);
    context.print(`Network     ${open.name}${open.embedded ? " (the embedded default)" : ""}`);
    context.print(
      `Importance  ${importance.method}, normalisation ${importance.normalisation}, ${importance.dims.length} dims`,
    );
    context.print(imagesLine(importance));
    const pinned = new Set(
      open.structure.dims.filter((dim) => dim.pinned !== null).map((dim) => dim.name),
    );
    context.print(summary(importance, pinned));
    context.print(`\nWritten to ${options.out}`);
    return undefined;
  },
});

/** The choices are checked by the option. */
function methodNamed(name: string): ImportanceMethod {
  return ALIASES[name] ?? (name as ImportanceMethod);
}

function namesIn({
  pairs,
  fused,
  outputs,
}: Readonly<Partial<Record<"pairs" | "fused" | "outputs", string | undefined>>>) {
  const names = (text: string | undefined) => text?.split(",").map((name) => name.trim());
  return { pairs: names(pairs), fused: names(fused), outputs: names(outputs) };
}

function imagesLine({ data }: Importance): string {
  if (data === undefined) return "";
  const labels = data.labels === null ? "" : `, labels of the ${LABELS_OF[data.labels]}`;
  const repaired =
    data.repaired === true ? "; half of them repaired each cut, the others judged it" : "";
  return `Images      ${data.images} in batches of ${data.batch}${labels}${repaired}\n`;
}

const LABELS_OF = { data: "data set", self: "network itself" } as const;

/** Per dim that can be pruned: how uneven its units are, which is what pruning lives on. */
function summary(importance: Importance, pinned: ReadonlySet<string>): string {
  const head = ["dim", "units", "layers", "total", "least", "median", "most"];
  const table = plainTable(head, ["left", "right", "right", "right", "right", "right", "right"]);
  for (const dim of importance.dims) {
    if (pinned.has(dim.dim)) continue;
    const scores = scoreUnits(dim).sort();
    const at = (share: number): string =>
      (scores[Math.round(share * (scores.length - 1))] ?? 0).toPrecision(3);
    const total = scores.reduce((sum, score) => sum + score, 0).toPrecision(4);
    table.push([dim.dim, dim.units, dim.layers.length, total, at(0), at(0.5), at(1)]);
  }
  return table.toString();
}
