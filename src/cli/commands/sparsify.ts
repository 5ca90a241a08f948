import { resolve } from "node:path";
import { UsageError } from "../../core/errors.ts";
import { checkWritable, readJson } from "../../core/files.ts";
import type { SparsifyReport } from "../../documents/sparsify.ts";
import { RATES } from "../../formulation/sparsity/rates.ts";
import { SPARSE_FORMATS } from "../../formulation/sparsity/sparse-problem.ts";
import { LABEL_SOURCES } from "../../importance/importance.ts";
import { SPARSE_SCORES } from "../../importance/sparse/scores.ts";
import { writeModel } from "../../onnx/write.ts";
import { checkPositive, checkWhole, regularExpression } from "../../pipeline/checks.ts";
import { carrying } from "../../pipeline/open/images.ts";
import { openNetwork } from "../../pipeline/open/network.ts";
import { componentsOf, limitRequest } from "../../pipeline/solve/given-limits.ts";
import { judgeSparse } from "../../pipeline/sparsify/judge.ts";
import type { SparsifyRequest } from "../../pipeline/sparsify/request.ts";
import { sparsifyOpened } from "../../pipeline/sparsify/sparsify-network.ts";
import { painter } from "../../report/painter.ts";
import { sparsifyText } from "../../report/sparsify-report.ts";
import { parseSubnet } from "../../subnet/subnet-file.ts";
import { type Command, command } from "../command.ts";

export const sparsifyCommand: Command = command({
  name: "sparsify [model]",
  describe:
    "Remove single weights; the exact program chooses the rates, the kept weights are fitted without labels",
  examples: [
    [
      "mdp sparsify net.onnx --sparsity 80% --data photos --out sparse.onnx",
      "the best rate for every layer, proven; kept weights fitted on photos",
    ],
    [
      'mdp sparsify net.onnx --limit "bytes <= 25%" --limit "nonzeros(\'layer1\') >= 30%" --data photos --out s.onnx',
      "limits instead of one share",
    ],
    [
      "mdp sparsify net.onnx --pattern 2:4 --data photos --out s24.onnx",
      "what sparse tensor cores run faster (docs/sparsity.md)",
    ],
    [
      "mdp sparsify net.onnx --sparsity 50% --score magnitude --repair none --out s.onnx",
      "without any images",
    ],
  ],
  repeatable: ["limit", "soft", "penalty", "component"],
  options: (yargs) =>
    yargs
      .positional("model", {
        type: "string",
        describe: "ONNX file; the embedded default without it",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "ONNX file to write",
      })
      .option("subnet", {
        type: "string",
        requiresArg: true,
        describe: "File of mdp solve --out: cut this first; one repair makes up for both",
      })
      .option("sparsity", {
        type: "string",
        requiresArg: true,
        describe: "Share of the layers' weights to remove: 80% or 0.8",
      })
      .option("limit", {
        ...{ type: "string", array: true, nargs: 1, requiresArg: true },
        describe: 'Must hold: "bytes <= 25%", "nonzeros(\'layer1\') >= 30%" (repeatable)',
      })
      .option("soft", {
        ...{ type: "string", array: true, nargs: 1, requiresArg: true },
        describe: "May be exceeded at the price of its --penalty (repeatable)",
      })
      .option("penalty", {
        ...{ type: "string", array: true, nargs: 1, requiresArg: true },
        describe: 'Damage per excess of a --soft: "0.01 per 10k" (repeatable)',
      })
      .option("component", {
        ...{ type: "string", array: true, nargs: 1, requiresArg: true },
        describe: "Name a component by a regular expression of its layers: head=fc.* (repeatable)",
      })
      .option("score", {
        requiresArg: true,
        choices: SPARSE_SCORES,
        default: "magnitude" as const,
        describe: "Score that ranks the weights of a layer",
      })
      .option("rates", {
        requiresArg: true,
        choices: RATES,
        default: "program" as const,
        describe:
          "Rule for the sparsity of each layer; program finds the best rates by measured damage, proven",
      })
      .option("pattern", {
        type: "string",
        requiresArg: true,
        default: "none",
        describe: "Sparsity pattern: none, 2:4, another N:M, channel-block or channel-block:8",
      })
      .option("repair", {
        requiresArg: true,
        choices: ["least-squares", "none"] as const,
        describe: "Fit the kept weights [least-squares with --data, none without]",
      })
      .option("format", {
        requiresArg: true,
        choices: SPARSE_FORMATS,
        default: "zeros" as const,
        describe:
          "Format of the weights: zeros in ordinary initializers, or ONNX sparse_initializer where that is smaller",
      })
      .option("keep-dense", {
        type: "string",
        requiresArg: true,
        describe: "Layers that keep all weights, as a regular expression of their names",
      })
      .option("data", {
        type: "string",
        requiresArg: true,
        describe: "Images, as for mdp eval; labels only for --labels data and to judge with",
      })
      .option("data-config", {
        type: "string",
        requiresArg: true,
        describe: "Pre-processing of the images, as a JSON file (docs/datasets.md)",
      })
      .option("split", {
        type: "string",
        requiresArg: true,
        describe: "Split of the data to use [train, where there is one]",
      })
      .option("test", {
        type: "string",
        requiresArg: true,
        describe:
          "Labelled images to judge with [the test split of --data, or what --images leaves of it]",
      })
      .option("judge", {
        type: "number",
        requiresArg: true,
        default: 2000,
        describe: "Number of images to evaluate on; 0 skips the evaluation",
      })
      .option("images", {
        type: "number",
        requiresArg: true,
        default: 512,
        describe: "Images to fit, score and measure on, chosen at random",
      })
      .option("damage-images", {
        type: "number",
        requiresArg: true,
        default: 128,
        describe: "Number of images that run for every damage measurement",
      })
      .option("batch", {
        type: "number",
        requiresArg: true,
        default: 32,
        describe: "Images per batch of gradients and of spectra, 2 to 64",
      })
      .option("labels", {
        requiresArg: true,
        choices: LABEL_SOURCES,
        default: "self" as const,
        describe: "For snip and afr: the data's labels, or the network's own best class",
      })
      .option("ridge", {
        type: "number",
        requiresArg: true,
        default: 0.01,
        describe: "Ridge towards the old weights, relative to the mean variance of the inputs",
      })
      .option("looks", {
        type: "number",
        requiresArg: true,
        default: 2,
        describe: "Number of fits of a layer that a Relu follows",
      })
      .option("rounds", {
        type: "number",
        requiresArg: true,
        default: 1,
        describe: "Rounds in which a layer's mask is found, with a fit after each",
      })
      .option("refine", {
        type: "number",
        requiresArg: true,
        default: 4,
        describe:
          "How often, at most, rates are measured again around themselves and solved again; 0: never",
      })
      .option("memory", {
        type: "number",
        requiresArg: true,
        default: 2,
        describe: "Memory for values between layers, in GiB; fewer images are used above it",
      })
      .option("time-limit", {
        type: "number",
        requiresArg: true,
        describe: "Time limit of the program, in seconds",
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
        describe: "Random seed for the choice of images and positions",
      }),
  run: async (options, context) => {
    for (const name of ["images", "looks", "rounds", "threads"] as const)
      checkWhole(options[name], `--${name}`, 1);
    checkWhole(options.damageImages, "--damage-images", 1);
    for (const name of ["judge", "seed", "refine"] as const)
      checkWhole(options[name], `--${name}`, 0);
    checkPositive(options.memory, "--memory");
    checkPositive(options.timeLimit, "--time-limit");
    if (!(options.ridge >= 0)) checkPositive(options.ridge, "--ridge");
    checkWritable(options.out);
    const request: SparsifyRequest = {
      ...options,
      limits: { ...limitRequest(options), minimize: null },
      components: componentsOf(options),
      repair: options.repair ?? (options.data === undefined ? "none" : "least-squares"),
      keepDense: regularExpression(options.keepDense, "--keep-dense"),
      measured: options.damageImages,
      timeLimitSeconds: options.timeLimit,
    };
    const open = carrying(await openNetwork(options.model), options);
    checkNotSource(open.path, options.out);
    const subnet =
      options.subnet === undefined
        ? null
        : parseSubnet(readJson(options.subnet), open.structure, options.subnet).subnet;
    const sparsified = await sparsifyOpened(open, request, context, subnet);
    writeModel(sparsified.model, options.out);
    const judging = { ...request, test: options.test, limit: options.judge };
    const judged = await judgeSparse(open, sparsified, judging, context);
    const report: SparsifyReport = {
      ...sparsified.report,
      out: options.out,
      accuracy: judged?.accuracy ?? null,
      judgedOn: judged?.judgedOn ?? null,
    };
    context.json(report);
    context.print(sparsifyText(report, painter(process.stdout.isTTY)));
    return undefined;
  },
});

function checkNotSource(model: string, out: string): void {
  if (resolve(model) !== resolve(out)) return;
  throw new UsageError({
    code: "cli/overwrites-model",
    message: "The sparse network would overwrite the network that it is made from.",
    where: "--out",
    hint: "Choose another file name.",
  });
}
