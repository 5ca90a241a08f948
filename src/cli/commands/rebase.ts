import { checkWritable } from "../../core/files.ts";
import { checkWhole } from "../../pipeline/checks.ts";
import { carrying } from "../../pipeline/open/images.ts";
import { openNetwork } from "../../pipeline/open/network.ts";
import { rebaseOpened } from "../../pipeline/rebase/rebase-network.ts";
import { rebaseText } from "../../report/rebase-report.ts";
import { type Command, command } from "../command.ts";

export const rebaseCommand: Command = command({
  name: "rebase <model>",
  describe: "Write the same transformer with the columns of its heads sorted by importance",
  examples: [
    ["mdp rebase vit.onnx --out rebased.onnx", "by the weights alone"],
    [
      "mdp rebase vit.onnx --data photos --out rebased.onnx",
      "by what the columns do on images, which prunes better",
    ],
  ],
  options: (yargs) =>
    yargs
      .positional("model", { type: "string", demandOption: true, describe: "ONNX file" })
      .option("out", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "ONNX file to write",
      })
      .option("data", {
        type: "string",
        requiresArg: true,
        describe: "Images, as for mdp eval; their labels are not used",
      })
      .option("data-config", {
        type: "string",
        requiresArg: true,
        describe: "Pre-processing, as JSON (docs/datasets.md)",
      })
      .option("split", {
        type: "string",
        requiresArg: true,
        describe: "Split of the data to use [train, where there is one]",
      })
      .option("images", {
        type: "number",
        requiresArg: true,
        default: 256,
        describe: "Images to look at, chosen at random",
      })
      .option("seed", {
        type: "number",
        requiresArg: true,
        default: 1,
        describe: "Random seed for the choice of images and the proof's inputs",
      }),
  run: async (options, context) => {
    checkWhole(options.images, "--images", 1);
    checkWhole(options.seed, "--seed", 0);
    checkWritable(options.out);
    const open = carrying(await openNetwork(options.model), options);
    const { rebased, proof, images } = await rebaseOpened(open, options, options.out, context);
    const { pairs, refused } = rebased;
    context.json({ schema: "mdp-rebase/1", out: options.out, images, pairs, refused, proof });
    context.print(rebaseText({ out: options.out, images, pairs, refused, proof }));
    return undefined;
  },
});
