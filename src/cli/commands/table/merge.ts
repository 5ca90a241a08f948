import { checkWritable } from "../../../core/files.ts";
import { parseTable, writeTableBySize } from "../../../latency/table.ts";
import { mergeTables } from "../../../latency/tables/merge.ts";
import { namedTable } from "../../../latency/tables/same-setting.ts";
import { coverageOf } from "../../../latency/tables/summary.ts";
import { milliseconds } from "../../../report/amounts.ts";
import { coverageText } from "../../../report/table-report.ts";
import { type Command, command } from "../../command.ts";

export const mergeTableCommand: Command = command({
  name: "merge <first> <second>",
  describe:
    "Merge two tables of one network and device; measured cells go before interpolated and predicted ones",
  examples: [
    ["mdp table merge monday.json tuesday.json --out both.json", "at the speed of the first"],
  ],
  options: (yargs) =>
    yargs
      .positional("first", { type: "string", demandOption: true, describe: "Latency table" })
      .positional("second", {
        type: "string",
        demandOption: true,
        describe: "Second latency table",
      })
      .option("align", {
        type: "boolean",
        default: true,
        describe:
          "Scale the second table to the first one's speed by their dense networks; --no-align keeps it",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "Table to write; .gz is added where it is large",
      }),
  run: async (options, context) => {
    checkWritable(options.out);
    const [first, second] = [namedTable(options.first), namedTable(options.second)];
    const { table, both, speed } = mergeTables(first, second, {
      align: options.align,
      command: context.commandLine,
    });
    const checked = parseTable(table, options.out);
    const path = writeTableBySize(options.out, checked);
    const coverage = coverageOf(table.ops);
    const before = [first, second].map(({ table: { ops } }) => coverageOf(ops).cells);
    context.json({ schema: "mdp-table-merge/1", out: path, both, speed, coverage, cells: before });
    context.print(
      [
        `${coverage.cells} cells of ${before.join(" and ")}: ${coverageText(coverage)}`,
        `in both     ${both.better} taken from the better founded one, ${both.averaged} averaged, ${both.apart} more than 10 % apart`,
        `speed       the second's times multiplied by ${speed.toFixed(4)}`,
        `dense       ${milliseconds(table.denseMs)}; the merged table is not validated`,
        `Written to  ${path}`,
      ].join("\n"),
    );
    return undefined;
  },
});
