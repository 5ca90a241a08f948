// Writes the reference of all commands, docs/commands.md, from their help. A test compares.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { COMMAND_GROUPS } from "../src/cli/command-list.ts";
import { commandHelp } from "../src/cli/parse.ts";
import { packageRoot } from "../src/core/files.ts";

/** The page as Markdown. */
export async function commandsPage(): Promise<string> {
  const parts: string[] = [
    "# Commands",
    "",
    "Generated from the help of each command by `npx tsx scripts/write-commands.ts`.",
    "Exit codes: 0 done, 1 internal error, 2 usage, 3 bad or unsupported input, 4 infeasible budget, 5 limit reached without an answer,",
    "6 verification failed, 7 a required metric was missed, 130 interrupted.",
    "",
  ];
  for (const { title, commands } of COMMAND_GROUPS) {
    parts.push(`## ${title}`, "");
    for (const listed of commands) {
      const help = (await commandHelp(listed, 110)).trimEnd();
      parts.push(`### mdp ${listed.word}`, "", "```", help, "```", "");
    }
  }
  return `${parts.join("\n").trimEnd()}\n`;
}

if (process.argv[1] === import.meta.filename) {
  writeFileSync(join(packageRoot(), "docs/commands.md"), await commandsPage());
}
