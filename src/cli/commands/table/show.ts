import { readTable, tableHash } from "../../../latency/table.ts";
import { operationsNamed } from "../../../pipeline/tables/table-operations.ts";
import { cellsText, summaryOf, tableText } from "../../../report/table-report.ts";
import { type Command, command } from "../../command.ts";

export const showTableCommand: Command = command({
  name: "show <table>",
  describe: "Show a table's header and operations; --op shows cells",
  examples: [
    ["mdp table show t.json", "provenance, coverage, error, and a line per operation"],
    ["mdp table show t.json --op layer1", "the times of the operations whose names match"],
  ],
  options: (yargs) =>
    yargs
      .positional("table", {
        type: "string",
        demandOption: true,
        describe: "Latency table, compressed or not",
      })
      .option("op", {
        type: "string",
        requiresArg: true,
        describe: "Regular expression of operations whose cells are shown",
      }),
  run: async (options, context) => {
    const table = readTable(options.table);
    if (options.op !== undefined) {
      const ops = operationsNamed(table, options.op, options.table);
      context.json({ schema: "mdp-table-cells/1", path: options.table, ops });
      context.print(ops.map(cellsText).join("\n\n"));
      return undefined;
    }
    const summary = summaryOf(options.table, table, tableHash(table), Date.now());
    context.json(summary);
    context.print(tableText(summary));
    return undefined;
  },
});
