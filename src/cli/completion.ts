import yargs from "yargs";
import { LISTED_COMMANDS } from "./command-list.ts";

/**
 * `mdp completion` prints a script for bash or zsh; the script calls mdp with `--get-yargs-completions` and the words so
 * far. Commands are known without loading them; options are those of the command that is called.
 */
export async function complete(args: readonly string[]): Promise<void> {
  const parser = yargs([...args])
    .scriptName("mdp")
    .completion("completion", "Print a completion script for bash or zsh")
    .exitProcess(false);
  const called = LISTED_COMMANDS.find(({ word }) => args.includes(word));
  if (called === undefined) {
    for (const { usage, summary } of LISTED_COMMANDS) parser.command(usage, summary);
  } else {
    const add = await called.load();
    add(
      parser
        .option("json", { type: "boolean" })
        .option("quiet", { type: "boolean" })
        .option("force", { type: "boolean" }),
    );
  }
  await parser.parseAsync();
}
