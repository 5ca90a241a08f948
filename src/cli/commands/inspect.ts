import { UsageError } from "../../core/errors.ts";
import { checkWritable, writeJson } from "../../core/files.ts";
import { openNetwork } from "../../pipeline/open/network.ts";
import {
  blockTable,
  dimTable,
  layerTable,
  structureSummary,
} from "../../report/structure-report.ts";
import { structureJson } from "../../structure/structure-json.ts";
import { type Command, command } from "../command.ts";

export const inspectCommand: Command = command({
  name: "inspect [model]",
  describe: "Show what can be pruned in a network: dims, layers and blocks",
  examples: [
    ["mdp inspect resnet50.onnx", "the dims, and why some can't be pruned"],
    ["mdp inspect resnet50.onnx --layers --blocks", "layers and blocks as well"],
    ["mdp inspect net.onnx --bind height=224 --bind width=224", "a network of open input size"],
    ["mdp inspect net.onnx --out structure.json", "for other programs"],
  ],
  options: (yargs) =>
    yargs
      .positional("model", {
        type: "string",
        describe: "ONNX file; the embedded default without it",
      })
      .option("dims", {
        type: "boolean",
        describe: "Table of dims [unless another table is asked for]",
      })
      .option("layers", { type: "boolean", describe: "Table of layers" })
      .option("blocks", { type: "boolean", describe: "Table of blocks" })
      .option("bind", {
        type: "string",
        array: true,
        requiresArg: true,
        describe: "Extent of a named input axis, as name=number",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        describe: "File to write the structure to, as JSON",
      }),
  repeatable: ["bind"],
  run: async (options, context) => {
    if (options.out !== undefined) checkWritable(options.out);
    const open = await openNetwork(options.model, { bind: bindings(options.bind ?? []) });
    const { structure } = open;
    const document = { model: open.path, networkHash: open.hash, ...structureJson(structure) };
    context.json(document);
    context.print(`Network     ${open.name}${open.embedded ? " (the embedded default)" : ""}`);
    context.print(structureSummary(structure));
    const others = options.layers === true || options.blocks === true;
    if (options.dims ?? !others) context.print(`\n${dimTable(structure)}`);
    if (options.layers === true) context.print(`\n${layerTable(structure)}`);
    if (options.blocks === true) context.print(`\n${blockTable(structure)}`);
    if (options.out !== undefined) {
      writeJson(options.out, document);
      context.print(`\nWritten to ${options.out}`);
    }
    return undefined;
  },
});

/**
 * Extents by name from `name=number`.
 * @throws UsageError `cli/bind`
 */
function bindings(texts: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries(
    texts.map((text) => {
      const match = /^(.+)=([1-9]\d*)$/.exec(text);
      if (match?.[1] === undefined) {
        throw new UsageError({
          code: "cli/bind",
          message: `'${text}' binds nothing.`,
          where: "--bind",
          hint: "Write it as name=number, for example --bind height=224.",
        });
      }
      return [match[1], Number(match[2])] as const;
    }),
  );
}
