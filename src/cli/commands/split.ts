import { checkWhole } from "../../pipeline/checks.ts";
import { splitFile } from "../../pipeline/pair/split-file.ts";
import { splitText } from "../../report/pair-report.ts";
import { type Command, command } from "../command.ts";

export const splitCommand: Command = command({
  name: "split <model>",
  describe: "Take a joined network apart into its two files, checked against it",
  examples: [["mdp split pruned.onnx --out pruned", "pruned/image.onnx and pruned/text.onnx"]],
  options: (yargs) =>
    yargs
      .positional("model", {
        type: "string",
        demandOption: true,
        describe: "ONNX file of mdp join, or what was made of it",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "Folder to write both files to",
      })
      .option("seed", {
        type: "number",
        requiresArg: true,
        default: 1,
        describe: "Random seed of the inputs that both are compared on",
      }),
  run: async ({ model, out, seed }, context) => {
    checkWhole(seed, "--seed", 0);
    const parts = await splitFile(model, out, { seed, bind: context.bind });
    context.json({ schema: "mdp-split/1", model, parts });
    context.print(splitText(parts));
    return undefined;
  },
});
