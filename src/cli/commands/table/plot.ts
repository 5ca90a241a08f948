import { UsageError } from "../../../core/errors.ts";
import { checkWritable, writeFileAtomic } from "../../../core/files.ts";
import { type LatencyOp, readTable } from "../../../latency/table.ts";
import { operationsNamed } from "../../../pipeline/tables/table-operations.ts";
import {
  heatMapSvg,
  PLOT_COLUMNS,
  type PlotColumn,
  stairsSvg,
} from "../../../report/figures/table-chart.ts";
import { type Command, command } from "../../command.ts";

export const plotTableCommand: Command = command({
  name: "plot <table>",
  describe: "Draw an operation's times as SVG: a map over its two widths, or stairs over one",
  examples: [
    ["mdp table plot t.json --op layer1.0.conv1 --out map.svg", "one colour per cell"],
    [
      "mdp table plot t.json --op layer1.0.conv1 --view stairs --out stairs.svg",
      "times over widths",
    ],
  ],
  options: (yargs) =>
    yargs
      .positional("table", { type: "string", demandOption: true, describe: "Latency table" })
      .option("op", {
        type: "string",
        requiresArg: true,
        describe:
          "Name of the operation, or a regular expression that matches one [the one of most cells]",
      })
      .option("view", {
        choices: ["map", "stairs"] as const,
        requiresArg: true,
        describe: "Kind of figure [map where there are two widths]",
      })
      .option("column", {
        choices: PLOT_COLUMNS,
        requiresArg: true,
        default: "ms" as const,
        describe: "Column of the table to draw",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "SVG file to write",
      }),
  run: async (options, context) => {
    checkWritable(options.out);
    const table = readTable(options.table);
    const shaped = table.ops.filter(({ axes }) => axes.length > 0);
    const op =
      options.op === undefined
        ? largest(shaped)
        : onlyOne(
            operationsNamed({ ...table, ops: shaped }, options.op, options.table),
            options.op,
          );
    if (op === undefined) throw nothingToDraw(options.table);
    const column: PlotColumn = options.column;
    if (op[column] === undefined) throw noColumn(column, options.table);
    const view = options.view ?? (op.axes.length === 2 ? "map" : "stairs");
    if (view === "map" && op.axes.length !== 2) throw notTwo(op, options.table);
    const draw = view === "map" ? heatMapSvg : stairsSvg;
    writeFileAtomic(options.out, await draw(table, op, column));
    context.json({ schema: "mdp-table-plot/1", op: op.label, view, column, out: options.out });
    context.print(`${op.kind} '${op.label}' as ${view} written to ${options.out}`);
    return undefined;
  },
});

function largest(ops: readonly LatencyOp[]): LatencyOp | undefined {
  return [...ops].sort(
    (a, b) => b.ms.length - a.ms.length || (b.ms.at(-1) ?? 0) - (a.ms.at(-1) ?? 0),
  )[0];
}

function onlyOne(ops: readonly LatencyOp[], text: string): LatencyOp | undefined {
  if (ops.length < 2) return ops[0];
  throw new UsageError({
    code: "cli/several-operations",
    message: `'${text}' matches ${ops.length} operations: ${ops
      .slice(0, 5)
      .map(({ label }) => label)
      .join(", ")}${ops.length > 5 ? ", ..." : ""}.`,
    where: "--op",
    hint: "A figure shows one: write its whole name, or a regular expression that only it matches.",
  });
}

function nothingToDraw(where: string): UsageError {
  return new UsageError({
    code: "cli/no-operation",
    message: "No operation of the table is shaped by a width.",
    where,
    hint: "mdp table show lists its operations.",
  });
}

function noColumn(column: string, where: string): UsageError {
  return new UsageError({
    code: "cli/no-column",
    message: `The table has no column '${column}'.`,
    where,
    hint: "mdp table show names its columns; devices that give energy or memory have them.",
  });
}

function notTwo({ label, axes }: LatencyOp, where: string): UsageError {
  return new UsageError({
    code: "cli/plot-view",
    message: `'${label}' is shaped by ${axes.length === 1 ? "one width" : `${axes.length} widths`}; a map has two.`,
    where,
    hint: "Draw it with --view stairs.",
  });
}
