import { checkWhole } from "../../pipeline/checks.ts";
import { undo } from "../../release/place.ts";
import { type Command, command } from "../command.ts";

export const undoCommand: Command = command({
  name: "undo <live>",
  describe: "Put the network back that was in place before, byte by byte",
  examples: [
    ["mdp undo live.onnx", "the one before the present one; again: the one before that"],
    ["mdp undo live.onnx --to 3", "that of entry 3 of mdp history"],
  ],
  options: (yargs) =>
    yargs
      .positional("live", { type: "string", demandOption: true, describe: "The released file" })
      .option("to", {
        type: "number",
        requiresArg: true,
        describe: "Number of an entry of the history",
      }),
  run: async ({ live, to }, context) => {
    checkWhole(to, "--to", 1);
    const entry = await undo(live, to ?? null, new Date());
    context.json({ live, ...entry });
    context.print(`${live} is again the network with SHA-256 ${entry.sha256}.`);
    return undefined;
  },
});
