import { resolve } from "node:path";
import { UsageError } from "../core/errors.ts";
import { checkWritable, readJson } from "../core/files.ts";
import { withGraph } from "../onnx/model.ts";
import { writeModel } from "../onnx/write.ts";
import { count, percent } from "../report/solve-report.ts";
import { macCount, parameterCount } from "../structure/counts.ts";
import { cutGraph } from "../subnet/cut.ts";
import { proveCut } from "../subnet/prove.ts";
import { unitCounts } from "../subnet/subnet.ts";
import { parseSubnet } from "../subnet/subnet-file.ts";
import { type Command, command } from "./command.ts";
import { openNetwork } from "./network.ts";
import { checkWhole } from "./numbers.ts";

export const exportCommand: Command = command({
  name: "export [model]",
  describe: "Write the smaller network of a subnet, proven against the masked original",
  examples: [
    ["mdp export net.onnx --subnet subnet.json --out smaller.onnx", "what mdp solve chose"],
    ["mdp export net.onnx --subnet subnet.json --out s.onnx --runs 10", "proven on ten inputs"],
  ],
  options: (yargs) =>
    yargs
      .positional("model", {
        type: "string",
        describe: "ONNX file that the subnet was solved for; the embedded default without it",
      })
      .option("model", { type: "string", requiresArg: true, describe: "The same, as an option" })
      .option("subnet", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "File of mdp solve --out",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "ONNX file to write",
      })
      .option("runs", {
        type: "number",
        requiresArg: true,
        default: 2,
        describe: "Random inputs to prove it on",
      })
      .option("seed", {
        type: "number",
        requiresArg: true,
        default: 0,
        describe: "For those inputs",
      }),
  run: async (options, context) => {
    const { seed, runs, out } = options;
    checkWhole(runs, "--runs", 1);
    checkWhole(seed, "--seed", 0);
    checkWritable(out);
    const open = await openNetwork(options.model);
    const { model, structure } = open;
    checkNotSource(open.path, out);
    const { subnet, notes } = parseSubnet(readJson(options.subnet), structure, options.subnet);
    if (notes.networkHash !== undefined && notes.networkHash !== open.hash) {
      context.progress.note(
        `The subnet was solved for other weights of this network (${notes.networkHash.slice(0, 12)}, here ${open.hash.slice(0, 12)}).`,
      );
    }
    const cut = cutGraph(structure, subnet);
    context.progress.step("proving", 0, 1);
    const proof = await proveCut(model, structure, subnet, cut, { seed, runs });
    context.progress.step("proving", 1, 1);
    writeModel(withGraph(model, cut), out);
    const kept = { ...subnet, units: unitCounts(subnet) };
    const before = { parameters: parameterCount(structure), macs: macCount(structure) };
    const after = { parameters: parameterCount(structure, kept), macs: macCount(structure, kept) };
    context.json({ model: open.path, subnet: options.subnet, out, before, after, proof });
    const line = (name: string, unit: "parameters" | "macs"): string =>
      `${name} ${count(before[unit])} -> ${count(after[unit])} (${percent(after[unit] / before[unit])})`;
    context.print(line("Parameters ", "parameters"));
    context.print(line("MACs       ", "macs"));
    context.print(
      `Dropped     ${subnet.droppedBlocks.length} blocks, ${subnet.droppedLayers.length} layers`,
    );
    context.print(
      `Proof       ${proof.values} values on ${runs} random inputs equal the masked original: outputs within ${proof.maxRelative.toExponential(1)}, layers within ${proof.layersRelative.toExponential(1)} (relative)`,
    );
    context.print(`Written to  ${out}`);
    return undefined;
  },
});

function checkNotSource(model: string, out: string): void {
  if (resolve(model) !== resolve(out)) return;
  throw new UsageError({
    code: "cli/overwrites-model",
    message: "The smaller network would overwrite the network that it is made from.",
    where: "--out",
    hint: "Choose another file name.",
  });
}
