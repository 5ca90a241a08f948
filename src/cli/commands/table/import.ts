import { InputError } from "../../../core/errors.ts";
import { checkWritable } from "../../../core/files.ts";
import { parseTable, writeTableBySize } from "../../../latency/table.ts";
import { coverageOf } from "../../../latency/tables/summary.ts";
import { checkWhole } from "../../../pipeline/checks.ts";
import { openNetwork } from "../../../pipeline/open/network.ts";
import { importTable } from "../../../pipeline/tables/import-table.ts";
import { milliseconds } from "../../../report/amounts.ts";
import { coverageText } from "../../../report/table-report.ts";
import { type Command, command } from "../../command.ts";

export const importTableCommand: Command = command({
  name: "import <file>",
  takesModel: true,
  describe:
    "Make a table from others' measurements: CSV, dictionaries of HALP and MDP, kernels of nn-Meter, profiles of trtexec",
  examples: [
    [
      "mdp table import cells.csv --model net.onnx --out t.json",
      "columns op, channels_1, channels_2, ms",
    ],
    ["mdp table import lut.pkl --model net.onnx --batch 64 --out t.json", "a dictionary of HALP"],
    [
      "mdp table import profile.json --layers layers.json --base predicted.json --model net.onnx --out t.json",
      "trtexec's --exportProfile corrects a table",
    ],
  ],
  options: (yargs) =>
    yargs
      .positional("file", {
        type: "string",
        demandOption: true,
        describe: "File with the measurements; the format is recognised",
      })
      .option("model", {
        type: "string",
        requiresArg: true,
        describe: "ONNX file of the network; the embedded default without it",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "Table to write; .gz is added where it is large",
      })
      .option("batch", {
        type: "number",
        requiresArg: true,
        describe: "Images per run that were measured",
      })
      .option("precision", {
        type: "string",
        requiresArg: true,
        describe: "Precision that was measured, such as float16 [not stated]",
      })
      .option("step", {
        type: "number",
        requiresArg: true,
        describe: "Width of the grid that a dictionary becomes, in channels [8]",
      })
      .option("device-name", {
        type: "string",
        requiresArg: true,
        default: "imported",
        describe: "Name of the device in the table",
      })
      .option("base", {
        type: "string",
        requiresArg: true,
        describe: "Table that a profile of one network corrects",
      })
      .option("layers", {
        type: "string",
        requiresArg: true,
        describe: "trtexec's --exportLayerInfo beside its profile",
      })
      .option("subnet", {
        type: "string",
        requiresArg: true,
        describe: "The profile is of this subnet, not of the whole network",
      }),
  run: async (options, context) => {
    checkWhole(options.batch, "--batch", 1);
    checkWhole(options.step, "--step", 1);
    checkWritable(options.out);
    const open = await openNetwork(options.model, context);
    const { kind, table } = importTable(open, options.file, {
      ...options,
      command: context.commandLine,
      date: new Date().toISOString(),
    });
    const path = writeTableBySize(options.out, parseTable(table, options.file));
    const coverage = coverageOf(table.ops);
    if (coverage.cells === 0) throw nothingRead(options.file);
    context.json({
      schema: "mdp-table-import/1",
      kind,
      network: open.name,
      operations: table.ops.length,
      coverage,
      denseMs: table.denseMs,
      notes: table.notes,
      out: path,
    });
    context.print(
      [
        `${open.name}: ${table.ops.length} operations from ${kind}, batch ${table.batch}, ${coverage.cells} cells: ${coverageText(coverage)}`,
        `The whole network takes ${milliseconds(table.denseMs)}.`,
        ...table.notes.map((note) => `Note: ${note}`),
        `Written to ${path}`,
      ].join("\n"),
    );
    return undefined;
  },
});

function nothingRead(where: string): InputError {
  return new InputError({
    code: "latency/nothing-imported",
    message: "Nothing in the file is of an operation of this network.",
    where,
    hint: "Name the network that was measured with --model.",
  });
}
