import type { Argv } from "yargs";
import type { Command, CommonOptions } from "../command.ts";
import { diffTableCommand } from "./table/diff.ts";
import { exportTableCommand } from "./table/export.ts";
import { importTableCommand } from "./table/import.ts";
import { mergeTableCommand } from "./table/merge.ts";
import { plotTableCommand } from "./table/plot.ts";
import { showTableCommand } from "./table/show.ts";

const ACTIONS: readonly Command[] = [
  showTableCommand,
  diffTableCommand,
  mergeTableCommand,
  plotTableCommand,
  importTableCommand,
  exportTableCommand,
];

/** `mdp table <action>`: latency tables as things that can be looked at, compared, joined and carried elsewhere. */
export const tableCommand: Command = (parser) => {
  parser.command(
    "table <action>",
    "Look at latency tables, compare, merge, draw, import and export them",
    (yargs: Argv<CommonOptions>) => {
      for (const add of ACTIONS) add(yargs);
      return yargs
        .example("mdp table show table.json --op conv1", "its operations, and the cells of some")
        .example(
          "mdp table diff monday.json friday.json",
          "drift, and the cells that moved beyond it",
        )
        .example("mdp table plot table.json --op conv2 --out conv2.svg", "times over both widths")
        .demandCommand(1, "What is to be done with the table?");
    },
    () => {},
  );
};
