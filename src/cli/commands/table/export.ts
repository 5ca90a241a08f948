import { exportDictionary } from "../../../authors/export-dictionary.ts";
import { InputError, UsageError } from "../../../core/errors.ts";
import { checkWritable, writeFileAtomic, writeJson } from "../../../core/files.ts";
import { type LatencyTable, readTable } from "../../../latency/table.ts";
import { tableCsv } from "../../../latency/tables/table-csv.ts";
import { openNetwork } from "../../../pipeline/open/network.ts";
import { structureHash } from "../../../structure/structure-json.ts";
import { type Command, type Context, command } from "../../command.ts";

export const exportTableCommand: Command = command({
  name: "export <table>",
  takesModel: true,
  describe: "Write a table for other programs: a CSV file, or HALP's dictionary as JSON",
  examples: [
    ["mdp table export t.json --out cells.csv", "one row per cell, units in the columns' names"],
    [
      "mdp table export t.json --as dictionary --model net.onnx --out lut.json",
      "batch_cin_cout_fmap_kernel_stride_groups -> milliseconds",
    ],
  ],
  options: (yargs) =>
    yargs
      .positional("table", { type: "string", demandOption: true, describe: "Latency table" })
      .option("as", {
        choices: ["csv", "dictionary"] as const,
        requiresArg: true,
        describe: "Format [by the file's name: .csv, or .json for a dictionary]",
      })
      .option("model", {
        type: "string",
        requiresArg: true,
        describe: "ONNX file of the table's network; a dictionary needs it for sizes and strides",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "File to write",
      }),
  run: async (options, context) => {
    const { out } = options;
    checkWritable(out);
    const format = options.as ?? formatOf(out);
    const table = readTable(options.table);
    if (format === "csv") {
      writeFileAtomic(out, tableCsv(table));
      const cells = table.ops.reduce((sum, { ms }) => sum + ms.length, 0);
      context.json({ schema: "mdp-table-export/1", format, cells, out });
      context.print(`${cells} cells of ${table.ops.length} operations written to ${out}`);
      return undefined;
    }
    await writeDictionary(table, { ...options, where: options.table }, context);
    return undefined;
  },
});

function formatOf(out: string): "csv" | "dictionary" {
  if (out.endsWith(".csv")) return "csv";
  if (out.endsWith(".json")) return "dictionary";
  throw new UsageError({
    code: "cli/export-format",
    message: `'${out}' doesn't say which format is meant.`,
    where: "--out",
    hint: "Name it .csv or .json, or give --as csv or --as dictionary.",
  });
}

async function writeDictionary(
  table: LatencyTable,
  {
    model,
    out,
    where,
  }: { readonly model?: string | undefined; readonly out: string; readonly where: string },
  context: Context,
): Promise<void> {
  const open = await openNetwork(model, context);
  if (structureHash(open.structure) !== table.network.structureHash) {
    throw new InputError({
      code: "latency/other-network",
      message: `The table was made for network '${table.network.name}', which is not built like '${open.name}'.`,
      where,
      hint: "Name the table's network with --model.",
    });
  }
  const { entries, leftOut, shared } = exportDictionary(table, open.structure, where);
  writeJson(out, entries);
  const cells = Object.keys(entries).length;
  context.json({ schema: "mdp-table-export/1", format: "dictionary", cells, leftOut, shared, out });
  const lines = [
    `${cells} latencies of convolutions written to ${out}`,
    ...(leftOut > 0
      ? [`Note: ${leftOut} operations are no convolutions, which a dictionary has no place for.`]
      : []),
    ...(shared > 0
      ? [`Note: ${shared} keys stand for several convolutions; their mean was written.`]
      : []),
  ];
  context.print(lines.join("\n"));
}
