import { UsageError } from "../../core/errors.ts";
import { checkWritable, writeFileAtomic } from "../../core/files.ts";
import type { KnowledgeReport } from "../../documents/knowledge.ts";
import { checkWhole } from "../../pipeline/checks.ts";
import { compareKnowledge } from "../../pipeline/knowledge/compare-knowledge.ts";
import { openNetwork } from "../../pipeline/open/network.ts";
import { knowledgeSvg } from "../../report/figures/spectra-chart.ts";
import { knowledgeText } from "../../report/knowledge-report.ts";
import { type Command, command } from "../command.ts";
import { DATA_CONFIG, splitOption } from "../options/data-options.ts";

export const knowledgeCommand: Command = command({
  name: "knowledge [model] [pruned]",
  describe:
    "Measure what a pruned network keeps of a dense one: mean singular values of weights and outputs",
  examples: [
    ["mdp knowledge dense.onnx pruned.onnx --data photos", "both readings, layer by layer"],
    [
      "mdp knowledge dense.onnx pruned.onnx --figure spectra.svg",
      "weights alone, spectra as a figure",
    ],
    ["mdp knowledge net.onnx --data photos --json", "one network's spectra"],
  ],
  options: (yargs) =>
    yargs
      .positional("model", {
        type: "string",
        describe: "The dense network; the embedded default without it",
      })
      .positional("pruned", {
        type: "string",
        describe: "Network to compare with it: sparse, or pruned structurally",
      })
      .option("data", {
        type: "string",
        requiresArg: true,
        describe: "Images, without labels, for the outputs",
      })
      .option("data-config", DATA_CONFIG)
      .option("split", splitOption("train, where there is one"))
      .option("images", {
        type: "number",
        requiresArg: true,
        default: 256,
        describe: "Images, in batches whose spectra are averaged",
      })
      .option("batch", {
        type: "number",
        requiresArg: true,
        default: 32,
        describe: "Images per matrix of outputs, 2 to 64",
      })
      .option("figure", {
        type: "string",
        requiresArg: true,
        describe: "Write the spectra as SVG",
      })
      .option("threads", {
        type: "number",
        requiresArg: true,
        default: 2,
        describe: "Threads of the runtime",
      })
      .option("seed", {
        type: "number",
        requiresArg: true,
        default: 1,
        describe: "Random seed for the choice of images",
      }),
  run: async (options, context) => {
    for (const name of ["images", "threads"] as const) checkWhole(options[name], `--${name}`, 1);
    checkWhole(options.seed, "--seed", 0);
    if (!(options.batch >= 2 && options.batch <= 64)) {
      throw new UsageError({
        code: "cli/batch",
        message: `--batch is ${options.batch}; 2 to 64 images span a layer's outputs.`,
        where: "--batch",
        hint: "Leave it out for 32.",
      });
    }
    if (options.figure !== undefined) checkWritable(options.figure);
    const dense = await openNetwork(options.model);
    const pruned = options.pruned === undefined ? null : await openNetwork(options.pruned);
    const compared = await compareKnowledge(dense, pruned, options, context);
    const report: KnowledgeReport = { ...compared, figure: options.figure ?? null };
    if (options.figure !== undefined) writeFileAtomic(options.figure, await knowledgeSvg(report));
    context.json(report);
    context.print(knowledgeText(report));
    return undefined;
  },
});
