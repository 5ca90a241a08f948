import { COMMAND_GROUPS } from "./command-list.ts";

const WIDEST = 110;

/** What `mdp`, `mdp -h` and `mdp --help` print: the commands in groups. */
export function helpText(columns: number): string {
  const width = Math.min(WIDEST, columns);
  const groups = COMMAND_GROUPS.map(({ title, commands }) => {
    const lines = commands.map(({ usage, summary }) => entry(`mdp ${usage}`, summary, width));
    return `${title}\n${lines.join("\n")}`;
  });
  return `mdp <command>

Prunes a trained ONNX network to a latency budget: which channels, layers and blocks stay.

${groups.join("\n\n")}

Options of every command
${entry("--json", "Print one JSON document and nothing else", width)}
${entry("--quiet", "Print no progress on standard error", width)}
${entry("--config FILE", "A JSON file with any of the options", width)}
${entry("-h, --help", "Help; after a command, the options of that command", width)}
${entry("-v, --version", "The version", width)}

mdp completion prints a completion script for your shell.
First try: mdp solve --device jetson (the embedded network at half its latency).
`;
}

const NAME_WIDTH = 28;

function entry(name: string, text: string, width: number): string {
  const room = Math.max(24, width - NAME_WIDTH - 4);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines
    .map((part, index) => `  ${(index === 0 ? name : "").padEnd(NAME_WIDTH)}  ${part}`)
    .join("\n");
}
