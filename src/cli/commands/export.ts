import { UsageError } from "../../core/errors.ts";
import { checkWritable } from "../../core/files.ts";
import { checkNewFolder } from "../../core/folders.ts";
import { withGraph } from "../../onnx/model.ts";
import { writeModel } from "../../onnx/write.ts";
import { cutModel, type Sizes } from "../../pipeline/export/export-model.ts";
import { type ExportedProject, exportProject } from "../../pipeline/export/export-project.ts";
import { proofText } from "../../report/proof-report.ts";
import { count, percent } from "../../report/solve-report.ts";
import type { Proof } from "../../subnet/prove.ts";
import type { Subnet } from "../../subnet/subnet.ts";
import { type Command, command } from "../command.ts";

export const exportCommand: Command = command({
  name: "export [model]",
  describe: "Write the smaller network of a subnet, proven against the masked original",
  examples: [
    ["mdp export net.onnx --subnet subnet.json --out smaller.onnx", "what mdp solve chose"],
    ["mdp export net.onnx --subnet subnet.json --out s.onnx --runs 10", "proven on ten inputs"],
    [
      "mdp export net.onnx --data-config cifar10.json --out carrying.onnx",
      "the whole network, carrying its pre-processing",
    ],
    [
      "mdp export sparse.onnx --to pytorch --teacher net.onnx --out project",
      "a sparse network, taught by the dense one",
    ],
    [
      "mdp export net.onnx --subnet subnet.json --to pytorch --out project",
      "a folder to train with torchrun, and to come back from with mdp import-weights",
    ],
  ],
  options: (yargs) =>
    yargs
      .positional("model", {
        type: "string",
        describe: "ONNX file that the subnet was solved for; the embedded default without it",
      })
      .option("model", {
        type: "string",
        requiresArg: true,
        describe:
          "ONNX file that the subnet was solved for; the embedded default without it. Also as --model",
      })
      .option("subnet", {
        type: "string",
        requiresArg: true,
        describe: "File of mdp solve --out; the whole network without it",
      })
      .option("to", {
        requiresArg: true,
        choices: ["onnx", "pytorch"] as const,
        default: "onnx" as const,
        describe:
          "Kind of output: an ONNX file, or a PyTorch project (modules, weights, training script)",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "ONNX file to write, or new folder for the project",
      })
      .option("data-config", {
        type: "string",
        requiresArg: true,
        describe:
          "Config of the images; the written network carries its pre-processing (docs/datasets.md)",
      })
      .option("teacher", {
        type: "string",
        requiresArg: true,
        describe:
          "With --to pytorch: ONNX file to learn from, of the same structure, such as the dense network of a sparse one",
      })
      .option("runs", {
        type: "number",
        requiresArg: true,
        default: 2,
        describe: "Number of random inputs that the proof runs",
      })
      .option("proof-inputs", {
        type: "string",
        requiresArg: true,
        describe: "JSON file of inputs to prove it on; random ones without it (docs/proof.md)",
      })
      .option("seed", {
        type: "number",
        requiresArg: true,
        default: 0,
        describe: "Random seed of the proof's inputs",
      }),
  run: async (options, context) => {
    const { seed, out, to } = options;
    checkTogether(to, options);
    if (to === "pytorch") checkNewFolder(out);
    else checkWritable(out);
    const { open, subnet, cut, proof, sizes } = await cutModel(options, context);
    const { dataConfig, teacher } = options;
    const project =
      to === "onnx"
        ? null
        : await exportProject(
            open,
            { out, subnet, subnetFile: options.subnet, cut, dataConfig, teacher, seed },
            context,
          );
    if (to === "onnx") writeModel(withGraph(open.model, cut), out);
    const { path: model } = open;
    const subnetPath = options.subnet ?? null;
    const shown = project === null ? {} : { pytorch: projectJson(project) };
    context.json({ model, subnet: subnetPath, out, ...sizes, proof, ...shown });
    for (const line of exportText(sizes, subnet, proof)) context.print(line);
    if (project !== null) for (const line of projectText(project)) context.print(line);
    context.print(`Written to  ${out}`);
    return undefined;
  },
});

function checkTogether(
  to: "onnx" | "pytorch",
  options: {
    readonly subnet?: string | undefined;
    readonly dataConfig?: string | undefined;
    readonly teacher?: string | undefined;
  },
): void {
  if (options.teacher !== undefined && (to === "onnx" || options.subnet !== undefined)) {
    throw new UsageError({
      code: "cli/usage",
      message:
        to === "onnx"
          ? "An ONNX file has no teacher."
          : "With a subnet, the network that it was cut from is the teacher.",
      where: "--teacher",
      hint: "Give --teacher with --to pytorch and without --subnet.",
    });
  }
  if (to === "onnx" && options.subnet === undefined && options.dataConfig === undefined) {
    throw new UsageError({
      code: "cli/no-subnet",
      message:
        "Neither a subnet nor pre-processing is named: the file would be the network as it is.",
      where: "--subnet",
      hint: "Name the file of mdp solve --out with --subnet. With --data-config the whole network is written, carrying its pre-processing.",
    });
  }
}

function exportText(
  { before, after }: Sizes,
  subnet: Subnet,
  proof: Proof | null,
): readonly string[] {
  const line = (name: string, unit: "parameters" | "macs"): string =>
    `${name} ${count(before[unit])} -> ${count(after[unit])} (${percent(after[unit] / before[unit])})`;
  return [
    line("Parameters ", "parameters"),
    line("MACs       ", "macs"),
    `Dropped     ${subnet.droppedBlocks.length} blocks, ${subnet.droppedLayers.length} layers`,
    proof === null
      ? "Proof       nothing to prove: the network is whole"
      : `Proof       ${proofText(proof)}`,
  ];
}

function projectText({ project, student, teacher, check }: ExportedProject): readonly string[] {
  const apart =
    check === null
      ? "not run: there is no Python with PyTorch here (MDP_PYTHON names one). Run check.py in the project."
      : `as their ONNX within ${Math.max(...Object.values(check.differences).map((value) => value ?? Number.POSITIVE_INFINITY)).toExponential(1)} (limit ${check.limit}), run in PyTorch ${check.torch}`;
  const training =
    project.task === "classification"
      ? `for ${project.classes} classes; images ${project.data === null ? "as train.py is told (no --data-config was given)" : "as the data config says"}`
      : "train_samples.py, by a dataset.json of version 2; train.py is for one image in, one row of class scores out";
  return [
    `Student     network.py, ${student.lines} lines, ${project.parameters.length} tensors`,
    `Teacher     teacher.py, ${teacher.lines} lines`,
    `Modules     ${apart}`,
    `Training    ${training}`,
  ];
}

function projectJson({ project, student, teacher, check }: ExportedProject): unknown {
  const { task, classes, hashes } = project;
  return { task, classes, hashes, lines: [student.lines, teacher.lines], check };
}
