import { readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { convDictionary, isConvDictionary } from "../../authors/conv-dictionary.ts";
import { dictionaryTable } from "../../authors/dictionary-table.ts";
import { readPickle } from "../../authors/pickle.ts";
import { type PickleValue, pickleText } from "../../authors/pickle-values.ts";
import { areSolverInputs, solverInputs } from "../../authors/solver-inputs.ts";
import { InputError, UsageError } from "../../core/errors.ts";
import { checkWritable, readFailed, writeJson } from "../../core/files.ts";
import { parseInstance } from "../../formulation/problem/instance.ts";
import { parseTable, writeTable } from "../../latency/table.ts";
import { checkWhole } from "../../pipeline/checks.ts";
import { openNetwork } from "../../pipeline/open/network.ts";
import { milliseconds } from "../../report/solve-report.ts";
import { type Command, type Context, command } from "../command.ts";

const MOST_BYTES = 2 ** 29;

interface ImportOptions {
  readonly file: string;
  readonly out: string;
  readonly model?: string | undefined;
  readonly batch?: number | undefined;
  readonly step?: number | undefined;
  readonly deviceName: string;
}

export const importCommand: Command = command({
  name: "import <file>",
  takesModel: true,
  describe: "Turn a pickle that the authors of MDP or HALP published into JSON",
  examples: [
    ["mdp import 28_solver_inputs.pkl --out i28.json", "then mdp solve --instance i28.json"],
    ["mdp import lut.pkl --model net.onnx --out t.json", "then mdp solve net.onnx --table t.json"],
  ],
  options: (yargs) =>
    yargs
      .positional("file", {
        type: "string",
        demandOption: true,
        describe: "Solver inputs of MDP, or a latency dictionary of HALP",
      })
      .option("out", { type: "string", demandOption: true, describe: "JSON file to write" })
      .option("model", {
        type: "string",
        describe: "Network that a latency dictionary becomes a table for",
      })
      .option("batch", { type: "number", describe: "Batch to take from a latency dictionary" })
      .option("step", {
        type: "number",
        describe: "Width of the table's grid in channels [8]",
      })
      .option("device-name", {
        type: "string",
        default: "imported",
        describe: "Name of the device in the table",
      })
      .requiresArg(["out", "model", "batch", "step", "device-name"]),
  run: async (options, context) => {
    checkWhole(options.batch, "--batch", 1);
    checkWhole(options.step, "--step", 1);
    checkWritable(options.out);
    const value = readPickle(readPickleFile(options.file), options.file);
    if (areSolverInputs(value)) importInstance(value, options, context);
    else if (isConvDictionary(value)) await importDictionary(value, options, context);
    else throw unknownContent(value, options.file);
    return undefined;
  },
});

function readPickleFile(path: string): Uint8Array {
  try {
    const { size } = statSync(path);
    if (size > MOST_BYTES) throw new Error(`it has ${size} bytes; at most ${MOST_BYTES} are read`);
    return readFileSync(path);
  } catch (cause) {
    throw readFailed(path, cause);
  }
}

function importInstance(value: PickleValue, options: ImportOptions, context: Context): void {
  for (const name of ["model", "batch", "step"] as const) {
    if (options[name] !== undefined) throw notForInstances(name);
  }
  const name = basename(options.file).replace(/\.(pkl|pickle)$/, "");
  const document = solverInputs(value, name, options.file);
  const { problem } = parseInstance(document, options.file);
  writeJson(options.out, document);
  const [latency] = problem.resources;
  const summary = {
    kind: "instance",
    name,
    groups: document.groups.length,
    layers: document.layers.length,
    blocks: problem.blocks.length,
    budget: document.budget,
  };
  context.json({ schema: "mdp-import/1", ...summary, out: options.out });
  context.print(
    `${name}: solver inputs of ${summary.groups} groups and ${summary.layers} layers in ${summary.blocks} blocks, ` +
      `budget ${document.budget} ${latency?.unit}.\nWritten to ${options.out}; solve it with mdp solve --instance ${options.out}`,
  );
}

const DEFAULT_STEP = 8;

async function importDictionary(
  value: PickleValue,
  options: ImportOptions,
  context: Context,
): Promise<void> {
  const dictionary = convDictionary(value, options.file);
  if (options.model === undefined) throw needsModel(dictionary.size, dictionary.batches);
  const open = await openNetwork(options.model, context);
  const table = dictionaryTable(dictionary, open.structure, {
    batch: options.batch ?? null,
    step: options.step ?? DEFAULT_STEP,
    networkName: open.name,
    deviceName: options.deviceName,
    deviceTitle: `${options.deviceName}, from ${basename(options.file)}`,
    command: context.commandLine,
    where: options.file,
  });
  writeTable(options.out, parseTable(table, options.out));
  context.json({
    schema: "mdp-import/1",
    kind: "table",
    network: open.name,
    operations: table.ops.length,
    batch: table.batch,
    step: table.step,
    denseMs: table.denseMs,
    notes: table.notes,
    out: options.out,
  });
  const lines = [
    `${open.name}: ${table.ops.length} convolutions from a dictionary of ${dictionary.size} latencies, batch ${table.batch}, step ${table.step}.`,
    `The whole network takes ${milliseconds(table.denseMs)}.`,
    ...table.notes.map((note) => `Note: ${note}`),
    `Written to ${options.out}; solve with mdp solve ${options.model} --table ${options.out}`,
  ];
  context.print(lines.join("\n"));
}

function notForInstances(option: string): UsageError {
  return new UsageError({
    code: "cli/import-option",
    message: `--${option} says how a latency dictionary becomes a table; this file holds solver inputs.`,
    where: `--${option}`,
    hint: "Leave it out.",
  });
}

function needsModel(cells: number, batches: readonly number[]): UsageError {
  return new UsageError({
    code: "cli/import-model",
    message: `The file is a dictionary of ${cells} latencies of single convolutions (batch ${batches.join(", ")}): which network is it for?`,
    where: "--model",
    hint: "Name it with --model net.onnx; the table has a time for each of its convolutions.",
  });
}

function unknownContent(value: PickleValue, file: string): InputError {
  return new InputError({
    code: "cli/import-content",
    message: `The pickle holds a ${pickleText(value)}, which is neither solver inputs of MDP nor a latency dictionary of HALP.`,
    where: file,
    hint: "Solver inputs are lists of 13 or 6 items; keys of a dictionary are batch_cin_cout_fmap_kernel_stride[_groups].",
  });
}
