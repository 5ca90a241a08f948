import { EXIT } from "../../core/errors.ts";
import { readJson } from "../../core/files.ts";
import { diffText } from "../../report/diff-report.ts";
import { painter } from "../../report/painter.ts";
import { compareSubnets } from "../../subnet/compare-subnets.ts";
import { parseSubnetFile, type SubnetFile } from "../../subnet/subnet-file.ts";
import { type Command, command } from "../command.ts";

export const diffCommand: Command = command({
  name: "diff <first> <second>",
  describe: "Compare two subnets of one network",
  examples: [
    [
      "mdp diff a.subnet.json b.subnet.json",
      "dims, blocks and layers that differ, and why they may",
    ],
    [
      "mdp diff frontier/subnet-50pct.json frontier/subnet-40pct.json",
      "what the next budget costs",
    ],
  ],
  options: (yargs) =>
    yargs
      .positional("first", {
        type: "string",
        demandOption: true,
        describe: "subnet.json of mdp solve",
      })
      .positional("second", { type: "string", demandOption: true, describe: "Second subnet.json" }),
  run: async ({ first, second }, context) => {
    const files = [first, second] as const;
    const read = (file: string): SubnetFile => parseSubnetFile(readJson(file), file);
    const difference = compareSubnets(read(first), read(second), files);
    context.json({ ...difference, files });
    context.print(diffText(difference, files, painter(process.stdout.isTTY)));
    return EXIT.done;
  },
});
