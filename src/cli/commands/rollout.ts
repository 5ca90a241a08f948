import { UsageError } from "../../core/errors.ts";
import { checkWhole } from "../../pipeline/checks.ts";
import { pendulumRollouts } from "../../pipeline/rollout/pendulum.ts";
import { type Command, command } from "../command.ts";

export const rolloutCommand: Command = command({
  name: "rollout <world>",
  describe: "Run an agent in a simulation and print its rewards, as a command metric",
  examples: [
    [
      "mdp rollout pendulum --model :agent --items 0,1,2 --seed 1",
      "three episodes of ten seconds; the last line is JSON with a number per episode",
    ],
  ],
  options: (yargs) =>
    yargs
      .positional("world", {
        choices: ["pendulum"] as const,
        demandOption: true,
        describe: "pendulum: swing a rod up with a weak motor, and hold it",
      })
      .option("model", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "ONNX file of an agent, or :agent",
      })
      .option("items", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "Episode numbers, separated by commas; each one stands for a start state",
      })
      .option("seed", {
        type: "number",
        requiresArg: true,
        default: 1,
        describe: "Random seed of the start states",
      }),
  run: async ({ model, items, seed }, context) => {
    checkWhole(seed, "--seed", 0);
    const found = await pendulumRollouts({ model, items: itemsOf(items), seed });
    context.json(found);
    context.print(JSON.stringify(found));
    return undefined;
  },
});

function itemsOf(text: string): readonly number[] {
  const items = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (items.every((item) => Number.isInteger(item) && item >= 0)) return items;
  throw new UsageError({
    code: "cli/items",
    message: `'${text}' is no list of episodes.`,
    where: "--items",
    hint: "Write whole numbers from 0 on with commas between: 0,1,2.",
  });
}
