import { resolve } from "node:path";
import { UsageError } from "../../core/errors.ts";
import { checkWritable, readJson } from "../../core/files.ts";
import type { SparsifyReport } from "../../documents/sparsify.ts";
import { RATES } from "../../formulation/sparsity/rates.ts";
import { SPARSE_FORMATS } from "../../formulation/sparsity/sparse-problem.ts";
import { writeModel } from "../../onnx/write.ts";
import { checkPositive, checkWhole } from "../../pipeline/checks.ts";
import { carrying } from "../../pipeline/open/images.ts";
import { type OpenNetwork, openNetwork } from "../../pipeline/open/network.ts";
import { componentsOf, limitRequest } from "../../pipeline/solve/given-limits.ts";
import { judgeSparse } from "../../pipeline/sparsify/judge.ts";
import type { SparsifyRequest } from "../../pipeline/sparsify/request.ts";
import { type CutFirst, sparsifyOpened } from "../../pipeline/sparsify/sparsify-network.ts";
import { painter } from "../../report/painter.ts";
import { sparsifyText } from "../../report/sparsify-report.ts";
import { parseSubnet } from "../../subnet/subnet-file.ts";
import { type Command, command } from "../command.ts";
import { sparseOptions, sparseRequest } from "../options/sparse-options.ts";

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
  renamed: { test: "test-data", judge: "test-images" },
  options: (yargs) =>
    sparseOptions(yargs)
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
        describe: 'Constraint: "bytes <= 25%", "nonzeros(\'layer1\') >= 30%" (repeatable)',
      })
      .option("soft", {
        ...{ type: "string", array: true, nargs: 1, requiresArg: true },
        describe: "Constraint that may be exceeded at the price of its --penalty (repeatable)",
      })
      .option("penalty", {
        ...{ type: "string", array: true, nargs: 1, requiresArg: true },
        describe: 'Damage per excess of a --soft: "0.01 per 10k" (repeatable)',
      })
      .option("component", {
        ...{ type: "string", array: true, nargs: 1, requiresArg: true },
        describe: "Name a component by a regular expression of its layers: head=fc.* (repeatable)",
      })
      .option("rates", {
        requiresArg: true,
        choices: RATES,
        default: "program" as const,
        describe:
          "Rule for the sparsity of each layer; program finds the best rates by measured damage, proven",
      })
      .option("format", {
        requiresArg: true,
        choices: SPARSE_FORMATS,
        default: "zeros" as const,
        describe:
          "Format of the weights: zeros in ordinary initializers, or ONNX sparse_initializer where that is smaller",
      })
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
      .option("looks", {
        type: "number",
        requiresArg: true,
        default: 2,
        describe: "Number of fits of a layer that a Relu follows",
      })
      .option("damages", {
        type: "string",
        requiresArg: true,
        describe: "damages.json of mdp damages, instead of measuring them",
      })
      .option("passes", {
        type: "number",
        requiresArg: true,
        default: 1,
        describe:
          "Passes over the network in which its zeros come, with a fit of all layers in each",
      })
      .option("refine", {
        type: "number",
        requiresArg: true,
        default: 0,
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
      }),
  run: async (options, context) => {
    checkWhole(options.testImages, "--test-images", 0);
    checkWhole(options.refine, "--refine", 0);
    checkWhole(options.looks, "--looks", 1);
    checkWhole(options.passes, "--passes", 1);
    checkPositive(options.memory, "--memory");
    checkPositive(options.timeLimit, "--time-limit");
    checkWritable(options.out);
    const request: SparsifyRequest = {
      ...options,
      limits: { ...limitRequest(options), minimize: null },
      components: componentsOf(options),
      ...sparseRequest(options),
      timeLimitSeconds: options.timeLimit,
    };
    const open = carrying(await openNetwork(options.model), options);
    checkNotSource(open.path, options.out);
    const first = options.subnet === undefined ? null : cutFirst(options.subnet, open);
    const sparsified = await sparsifyOpened(open, request, context, first);
    writeModel(sparsified.model, options.out);
    const judging = { ...request, test: options.testData, limit: options.testImages };
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

/** A subnet, with the densities that were chosen with it. */
function cutFirst(path: string, { structure }: OpenNetwork): CutFirst {
  const { subnet, notes } = parseSubnet(readJson(path), structure, path);
  const { densities } = notes;
  return { subnet, densities: densities === undefined ? null : new Map(Object.entries(densities)) };
}

function checkNotSource(model: string, out: string): void {
  if (resolve(model) !== resolve(out)) return;
  throw new UsageError({
    code: "cli/overwrites-model",
    message: "The sparse network would overwrite the network that it is made from.",
    where: "--out",
    hint: "Choose another file name.",
  });
}
