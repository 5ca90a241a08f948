import { joinFiles } from "../../pipeline/pair/join-files.ts";
import { joinText } from "../../report/pair-report.ts";
import { type Command, command } from "../command.ts";

export const joinCommand: Command = command({
  name: "join <first> <second>",
  describe: "Write two networks whose embeddings are compared as one, to be pruned as one problem",
  examples: [
    [
      "mdp join image.onnx text.onnx --out joined.onnx",
      "the width of both embeddings is one dim; mdp split takes the result apart",
    ],
    [
      "mdp join image.onnx text.onnx --pairs image_embeds,text_embeds --embeddings-only --out j.onnx",
      "without the other outputs, which would fix the widths before them",
    ],
  ],
  options: (yargs) =>
    yargs
      .positional("first", { type: "string", demandOption: true, describe: "ONNX file" })
      .positional("second", { type: "string", demandOption: true, describe: "ONNX file" })
      .option("pairs", {
        type: "string",
        requiresArg: true,
        describe: "The two embeddings, FIRST,SECOND [the outputs of one width]",
      })
      .option("embeddings-only", {
        type: "boolean",
        default: false,
        describe: "Leave out all other outputs",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "ONNX file to write",
      }),
  run: async ({ first, second, pairs, embeddingsOnly, out }, context) => {
    const named = pairs?.split(",").map((name) => name.trim());
    const pair = joinFiles({ files: [first, second], pairs: named, embeddingsOnly, out }, context);
    context.json({ schema: "mdp-join/1", out, pair });
    context.print(joinText(pair, out));
    return undefined;
  },
});
