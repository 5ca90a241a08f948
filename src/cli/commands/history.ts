import { settledHistory } from "../../release/place.ts";
import { historyText } from "../../report/monitor-report.ts";
import { type Command, command } from "../command.ts";

export const historyCommand: Command = command({
  name: "history <live>",
  describe: "List what was released to a file, what was undone and what was tried",
  examples: [["mdp history live.onnx", "numbers that mdp undo --to takes"]],
  options: (yargs) =>
    yargs.positional("live", { type: "string", demandOption: true, describe: "The released file" }),
  run: async ({ live }, context) => {
    const entries = await settledHistory(live, new Date());
    context.json({ schema: "mdp-history/1", live, entries });
    context.print(historyText(live, entries));
    return undefined;
  },
});
