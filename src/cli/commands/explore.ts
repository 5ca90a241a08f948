import { EXIT } from "../../core/errors.ts";
import { checkWritable, writeFileAtomic } from "../../core/files.ts";
import type { ExploreDocument } from "../../documents/explore.ts";
import { checkWhole } from "../../pipeline/checks.ts";
import { explorerData } from "../../pipeline/explore/explore-network.ts";
import { explorerPage } from "../../pipeline/explore/explorer-page.ts";
import { servePage } from "../../pipeline/explore/serve-page.ts";
import { type Command, command } from "../command.ts";
import { REPEATABLE_LIMITS } from "../options/limit-options.ts";
import { solvedModelOptions } from "../options/solve-options.ts";

export const exploreCommand: Command = command({
  name: "explore [model]",
  describe: "Open a page that solves the program in the browser while budget and limits are moved",
  repeatable: [...REPEATABLE_LIMITS, "with"],
  examples: [
    ["mdp explore --device jetson", "the embedded network, served on this machine alone"],
    ["mdp explore net.onnx --table t.json --out explore.html", "one file that opens from disk"],
    [
      "mdp explore net.onnx --device jetson-xavier --with jetson-nano --out explore.html",
      "with a second device to switch to",
    ],
  ],
  options: (yargs) =>
    solvedModelOptions(yargs)
      .option("with", {
        type: "string",
        array: true,
        nargs: 1,
        requiresArg: true,
        describe: "Another device or table file to switch to (repeatable)",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        describe: "Write the page to this HTML file in place of serving it",
      })
      .option("port", {
        type: "number",
        requiresArg: true,
        describe: "Port of 127.0.0.1 to serve on [one that is free]",
      })
      .conflicts("out", "port"),
  run: async (options, context) => {
    const { out, port } = options;
    checkWhole(port, "--port", 1);
    if (out !== undefined) checkWritable(out);
    const data = await explorerData(options, context);
    const page = explorerPage(data);
    const document = {
      schema: "mdp-explore/1",
      network: data.network.name,
      devices: data.devices.map(({ head }) => head.device.name),
      bytes: Buffer.byteLength(page),
    } as const;
    if (out !== undefined) {
      writeFileAtomic(out, page);
      context.json({ ...document, out, address: null } satisfies ExploreDocument);
      context.print(
        `Written to ${out} (${(document.bytes / 2 ** 20).toFixed(1)} MiB); it opens from disk`,
      );
      return EXIT.done;
    }
    const { address, closed } = await servePage(page, port ?? 0, context.signal);
    context.json({ ...document, out: null, address } satisfies ExploreDocument);
    context.print(
      `Open ${address}\nThe address opens the page on this machine alone. Ctrl-C ends it.`,
    );
    await closed;
    return EXIT.done;
  },
});
