import { rmSync } from "node:fs";
import { resolve } from "node:path";
import { UsageError } from "../../core/errors.ts";
import { checkWritable, makeScratchFolder } from "../../core/files.ts";
import { writeModel } from "../../onnx/write.ts";
import { type ImportedWeights, importWeights } from "../../pytorch/import/import-weights.ts";
import { makeModuleCheck } from "../../pytorch/import/make-check.ts";
import { PROJECT_FILES } from "../../pytorch/project/project-file.ts";
import { type Command, command } from "../command.ts";

export const importWeightsCommand: Command = command({
  name: "import-weights <project>",
  describe: "Put weights trained in an exported PyTorch project back into the ONNX, and check them",
  examples: [
    ["mdp import-weights project --out trained.onnx", "what its training left in run/"],
    [
      "mdp import-weights project --weights epoch90.safetensors --out trained.onnx",
      "a file of your own: a state_dict as safetensors",
    ],
  ],
  options: (yargs) =>
    yargs
      .positional("project", {
        type: "string",
        demandOption: true,
        describe: "Folder of mdp export --to pytorch",
      })
      .option("weights", {
        type: "string",
        requiresArg: true,
        describe:
          "Trained weights [run/best.safetensors of the project, else run/last.safetensors]",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "ONNX file to write",
      })
      .option("run-module", {
        type: "boolean",
        describe:
          "Where the training left no outputs to compare with, run the project's network.py with Python (MDP_PYTHON). It is code: do so with your own project only",
      }),
  run: async (options, context) => {
    const { project: folder, out } = options;
    checkNotProject(folder, out);
    checkWritable(out);
    const scratch = makeScratchFolder("mdp-check-");
    try {
      const makeCheck =
        options["run-module"] === true
          ? (weights: string): Promise<string> => makeModuleCheck(folder, weights, scratch)
          : undefined;
      const imported = await importWeights(folder, { weights: options.weights, makeCheck });
      writeModel(imported.model, out);
      const { weights, metadata, tensors, zeros, checked } = imported;
      context.json({
        schema: "mdp-import-weights/1",
        folder,
        weights,
        metadata,
        tensors,
        ...(zeros === null ? {} : { zeros }),
        checked,
        out,
      });
      for (const line of importText(imported)) context.print(line);
      context.print(`Written to  ${out}`);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
    return undefined;
  },
});

function importText({
  project,
  weights,
  metadata,
  tensors,
  zeros,
  checked,
}: ImportedWeights): readonly string[] {
  const { epoch, top1 } = metadata;
  const said = [
    ...(epoch === undefined ? [] : [`epoch ${epoch}`]),
    ...(top1 === undefined ? [] : [`top-1 ${top1} % as the training says`]),
  ].join(", ");
  return [
    `Network     ${project.name}, SHA-256 ${project.hashes.onnx.slice(0, 12)}`,
    `Weights     ${weights}: ${tensors} tensors${said === "" ? "" : `; ${said}`}`,
    ...(zeros === null ? [] : [zerosText(zeros)]),
    checked === null
      ? "Check       not compared with the module: there are no outputs of it beside the weights (--run-module makes them)"
      : `Check       outputs on ${checked.images} images equal the module's within ${checked.maxRelative.toExponential(1)} (limit ${checked.limit})`,
  ];
}

function zerosText({ kept, of }: NonNullable<ImportedWeights["zeros"]>): string {
  return kept === of
    ? `Zeros       all ${of} of the sparse weights are zero still`
    : `Zeros       WARNING: ${of - kept} of ${of} zeros of the sparse weights are gone; train.py keeps them unless --no-keep-zeros is given`;
}

function checkNotProject(folder: string, out: string): void {
  if (resolve(folder, PROJECT_FILES.onnx) !== resolve(out)) return;
  throw new UsageError({
    code: "cli/overwrites-model",
    message:
      "The trained network would overwrite the one that the project's weights are checked against.",
    where: "--out",
    hint: "Choose another file name.",
  });
}
