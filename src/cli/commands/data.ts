import { DRAWN_SETS, type DrawnName } from "../../data/drawn/files.ts";
import { drawSet } from "../../pipeline/data/draw-set.ts";
import { type Command, command } from "../command.ts";

const SETS = ["shapes", ...(Object.keys(DRAWN_SETS) as DrawnName[])] as const;
const ABOUT = Object.entries(DRAWN_SETS).map(([name, { about }]) => `${name}: ${about}`);

export const dataCommand: Command = command({
  name: "data <set>",
  describe: "Draw a data set that needs no download",
  examples: [
    ["mdp data shapes --out shapes", "12000 training and 2000 test images of 64 x 64"],
    ["mdp data shapes --out look --format png --train 0 --test 100", "a hundred PNGs to look at"],
    [
      "mdp data scenes --out scenes",
      "pictures with boxes (dataset.json) and masks (segmentation.json)",
    ],
    ["mdp data captions --out captions", "pictures, sentences, questions and answers"],
  ],
  options: (yargs) =>
    yargs
      .positional("set", {
        choices: SETS,
        demandOption: true,
        describe: [
          "shapes: ten classes of textured shapes before a cluttered background",
          ...ABOUT,
        ].join("; "),
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
        describe: "Pixels per side, of shapes only [64]",
      })
      .option("train", {
        type: "number",
        requiresArg: true,
        describe: "Samples to train on [12000 shapes; others have their own number]",
      })
      .option("test", {
        type: "number",
        requiresArg: true,
        describe: "Samples to test on [2000 shapes; others have their own number]",
      })
      .option("seed", {
        type: "number",
        requiresArg: true,
        default: 1,
        describe: "Random seed; the same seed gives the same samples",
      })
      .option("format", {
        requiresArg: true,
        choices: ["records", "png"] as const,
        describe:
          "Format of the shapes set: records (one file per split) or png (one folder per class) [records]",
      }),
  run: async (options, context) => {
    const { set, out, size, train, test, seed, format } = options;
    const drawn = await drawSet({ set, out, size, train, test, seed, format }, context.progress);
    const [config = ""] = drawn.configs;
    context.json({ ...drawn, config });
    const sides = drawn.size === null ? "" : ` of ${drawn.size} x ${drawn.size}`;
    const classes = drawn.classes === null ? "" : ` in ${drawn.classes.length} classes`;
    context.print(
      `Drew ${drawn.train} training and ${drawn.test} test ${drawn.size === null ? "samples" : "images"}${sides}${classes} (seed ${seed}) into ${out}`,
    );
    context.print(`Pre-processing and class names are in ${drawn.configs.join(" and ")}`);
    return undefined;
  },
});
