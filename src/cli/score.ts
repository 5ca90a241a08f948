import { checkWritable, writeFileAtomic } from "../core/files.ts";
import {
  IMPORTANCE_METHODS,
  type Importance,
  type ImportanceMethod,
  importanceText,
  NORMALISATIONS,
  scoreUnits,
} from "../importance/importance.ts";
import { scoreNetwork } from "../importance/score.ts";
import { plainTable } from "../report/solve-report.ts";
import { type Command, command } from "./command.ts";
import { openNetwork } from "./network.ts";
import { checkWhole } from "./numbers.ts";

const ALIASES: Readonly<Record<string, ImportanceMethod>> = {
  l1: "magnitude-l1",
  l2: "magnitude-l2",
};

export const scoreCommand: Command = command({
  name: "score [model]",
  describe: "Score how much each unit of a network is worth",
  examples: [
    [
      "mdp score net.onnx --out importance.json",
      "squared weights, each layer brought to a best unit of 1",
    ],
    ["mdp score net.onnx --method bn-scale --out importance.json", "scales of BatchNormalization"],
    ["mdp score net.onnx --method random --seed 3 --out importance.json", "the baseline"],
  ],
  options: (yargs) =>
    yargs
      .positional("model", {
        type: "string",
        describe: "ONNX file; the embedded default without it",
      })
      .option("method", {
        requiresArg: true,
        choices: [...IMPORTANCE_METHODS, "l1", "l2"],
        default: "magnitude-l2",
        describe: "How units are scored; l1 and l2 are short for the magnitudes",
      })
      .option("normalisation", {
        requiresArg: true,
        choices: NORMALISATIONS,
        describe: "What a layer's scores are divided by [max for magnitudes, none otherwise]",
      })
      .option("seed", {
        type: "number",
        requiresArg: true,
        default: 0,
        describe: "For the random method",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        default: "importance.json",
        describe: "File to write",
      }),
  run: async (options, context) => {
    checkWhole(options.seed, "--seed", 0);
    checkWritable(options.out);
    const open = await openNetwork(options.model);
    const method = ALIASES[options.method] ?? (options.method as ImportanceMethod);
    const importance = scoreNetwork(open.structure, {
      method,
      normalisation: options.normalisation,
      seed: options.seed,
      networkHash: open.hash,
    });
    writeFileAtomic(options.out, importanceText(importance));
    context.json(importance);
    context.print(`Network     ${open.name}${open.embedded ? " (the embedded default)" : ""}`);
    context.print(
      `Importance  ${importance.method}, normalisation ${importance.normalisation}, ${importance.dims.length} dims\n`,
    );
    const pinned = new Set(
      open.structure.dims.filter((dim) => dim.pinned !== null).map((dim) => dim.name),
    );
    context.print(summary(importance, pinned));
    context.print(`\nWritten to ${options.out}`);
    return undefined;
  },
});

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
