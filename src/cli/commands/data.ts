import { join } from "node:path";
import { writeShapeSet } from "../../data/shape-files.ts";
import { SHAPE_NAMES } from "../../data/shapes.ts";
import { checkWhole } from "../../pipeline/checks.ts";
import { type Command, command } from "../command.ts";

export const dataCommand: Command = command({
  name: "data <set>",
  describe: "Draw a labelled image set that needs no download",
  examples: [
    ["mdp data shapes --out shapes", "12000 training and 2000 test images of 64 x 64"],
    ["mdp data shapes --out look --format png --train 0 --test 100", "a hundred PNGs to look at"],
  ],
  options: (yargs) =>
    yargs
      .positional("set", {
        choices: ["shapes"] as const,
        demandOption: true,
        describe: "shapes: ten classes of textured shapes before a cluttered background",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "Folder to write to",
      })
      .option("size", {
        type: "number",
        requiresArg: true,
        default: 64,
        describe: "Pixels per side",
      })
      .option("train", {
        type: "number",
        requiresArg: true,
        default: 12000,
        describe: "Images to train on",
      })
      .option("test", {
        type: "number",
        requiresArg: true,
        default: 2000,
        describe: "Images to test on",
      })
      .option("seed", {
        type: "number",
        requiresArg: true,
        default: 1,
        describe: "Another seed, other images",
      })
      .option("format", {
        requiresArg: true,
        choices: ["records", "png"] as const,
        default: "records" as const,
        describe: "records: one file per split, the same bytes everywhere; png: a folder per class",
      }),
  run: async (options, context) => {
    const { size, train, test, seed, format, out } = options;
    checkWhole(size, "--size", 8);
    checkWhole(train, "--train", 0);
    checkWhole(test, "--test", 0);
    checkWhole(seed, "--seed", 0);
    await writeShapeSet(out, { size, train, test, seed, format }, context.progress);
    const config = join(out, "dataset.json");
    context.json({ out, config, size, train, test, seed, format, classes: SHAPE_NAMES });
    context.print(
      `Drew ${train} training and ${test} test images of ${size} x ${size} in ${SHAPE_NAMES.length} classes (seed ${seed}) into ${out}`,
    );
    context.print(`Pre-processing and class names are in ${config}`);
    return undefined;
  },
});
