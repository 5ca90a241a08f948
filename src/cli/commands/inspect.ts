import { checkWritable, writeFileAtomic, writeJson } from "../../core/files.ts";
import { openNetwork } from "../../pipeline/open/network.ts";
import { componentsOf } from "../../pipeline/solve/given-limits.ts";
import { componentFigure, componentText } from "../../report/component-report.ts";
import {
  blockTable,
  dimTable,
  layerTable,
  structureSummary,
} from "../../report/structure-report.ts";
import { COMPONENT_RULES } from "../../structure/components/find-components.ts";
import { withComponents } from "../../structure/find-structure.ts";
import { structureJson } from "../../structure/structure-json.ts";
import { type Command, command } from "../command.ts";

export const inspectCommand: Command = command({
  name: "inspect [model]",
  describe: "Show what can be pruned in a network: dims, layers, blocks and components",
  examples: [
    ["mdp inspect resnet50.onnx", "the dims, and why some can't be pruned"],
    ["mdp inspect resnet50.onnx --layers --blocks", "layers and blocks as well"],
    [
      "mdp inspect agent.onnx --components auto --graph parts.svg",
      "the parts, and what joins them",
    ],
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
        describe: "Print the table of dims [unless another table is asked for]",
      })
      .option("layers", { type: "boolean", describe: "Print the table of layers" })
      .option("blocks", { type: "boolean", describe: "Print the table of blocks" })
      .option("components", {
        choices: COMPONENT_RULES,
        describe:
          "Print the table of components, found from names (or the graph, where names say nothing)",
      })
      .option("component", {
        type: "string",
        array: true,
        nargs: 1,
        requiresArg: true,
        describe: "Name a component by a regular expression of its layers: head=fc.* (repeatable)",
      })
      .option("graph", {
        type: "string",
        requiresArg: true,
        describe: "File to draw the components to, as SVG",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        describe: "File to write the structure to, as JSON",
      }),
  repeatable: ["component"],
  run: async (options, context) => {
    for (const path of [options.out, options.graph]) if (path !== undefined) checkWritable(path);
    const named = componentsOf({ component: options.component });
    const open = await openNetwork(options.model, context);
    const structure = withComponents(open.structure, named, options.components);
    const document = { model: open.path, networkHash: open.hash, ...structureJson(structure) };
    context.json(document);
    context.print(`Network     ${open.name}${open.embedded ? " (the embedded default)" : ""}`);
    context.print(structureSummary(structure));
    const isAskedForParts =
      options.components !== undefined || named.size > 0 || options.graph !== undefined;
    const others = options.layers === true || options.blocks === true || isAskedForParts;
    if (options.dims ?? !others) context.print(`\n${dimTable(structure)}`);
    if (options.layers === true) context.print(`\n${layerTable(structure)}`);
    if (options.blocks === true) context.print(`\n${blockTable(structure)}`);
    if (isAskedForParts) context.print(`\n${componentText(structure)}`);
    if (options.graph !== undefined) {
      writeFileAtomic(options.graph, componentFigure(structure, `Components of ${open.name}`));
      context.print(`\nDrawn to ${options.graph}`);
    }
    if (options.out !== undefined) {
      writeJson(options.out, document);
      context.print(`\nWritten to ${options.out}`);
    }
    return undefined;
  },
});
