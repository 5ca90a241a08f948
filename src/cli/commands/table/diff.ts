import { InputError } from "../../../core/errors.ts";
import { diffTables } from "../../../latency/tables/diff.ts";
import { namedTable } from "../../../latency/tables/same-setting.ts";
import { shareOf } from "../../../pipeline/checks.ts";
import { diffText } from "../../../report/table-report.ts";
import { type Command, command } from "../../command.ts";

export const diffTableCommand: Command = command({
  name: "diff <first> <second>",
  describe: "How two tables of one network differ: drift, and the cells that moved beyond it",
  examples: [
    ["mdp table diff before.json after.json", "has the device changed, or only its speed?"],
    ["mdp table diff measured.json predicted.json --threshold 20%", "how far a prediction is off"],
  ],
  options: (yargs) =>
    yargs
      .positional("first", { type: "string", demandOption: true, describe: "Latency table" })
      .positional("second", {
        type: "string",
        demandOption: true,
        describe: "Second latency table",
      })
      .option("threshold", {
        type: "string",
        requiresArg: true,
        default: "5%",
        describe: "List the cells that differ by more than this share",
      }),
  run: async (options, context) => {
    const threshold = shareOf(options.threshold, "--threshold");
    const [first, second] = [namedTable(options.first), namedTable(options.second)];
    if (first.table.network.structureHash !== second.table.network.structureHash) {
      throw new InputError({
        code: "latency/other-setting",
        message: `The tables are of two networks: '${first.table.network.name}' and '${second.table.network.name}' are built differently.`,
        where: `${options.first}, ${options.second}`,
        hint: "Compare tables of one network.",
      });
    }
    const diff = diffTables(first.table, second.table, threshold);
    context.json({
      schema: "mdp-table-diff/1",
      first: options.first,
      second: options.second,
      ...diff,
    });
    context.print(diffText(diff, [options.first, options.second]));
    return undefined;
  },
});
