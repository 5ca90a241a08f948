import { existsSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { InputError } from "../../../core/errors.ts";
import { checkWritable } from "../../../core/files.ts";
import { writeDocument } from "../../../documents/document.ts";
import { METRICS } from "../../../documents/metrics.ts";
import { draftMetrics, openForMetrics } from "../../../pipeline/metrics/suggest-metrics.ts";
import { openNetwork } from "../../../pipeline/open/network.ts";
import { type Command, command } from "../../command.ts";

export const initMetricsCommand: Command = command({
  name: "init [model]",
  describe: "Write a metrics.json from network and data, to be edited",
  examples: [
    ["mdp metrics init net.onnx --data parts --out metrics.json", "then edit what it requires"],
  ],
  options: (yargs) =>
    yargs
      .positional("model", {
        type: "string",
        describe: "ONNX file; the embedded default without it",
      })
      .option("data", {
        type: "string",
        requiresArg: true,
        describe: "Items to measure on; see mdp eval",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        default: "metrics.json",
        describe: "File to write",
      }),
  run: async ({ model, data, out }, context) => {
    if (existsSync(out)) {
      throw new InputError({
        code: "metrics/there-already",
        message: "The file is there already, and somebody may have edited it.",
        where: out,
        hint: "Name another one with --out.",
      });
    }
    checkWritable(out);
    const open = await openNetwork(model);
    const set = data === undefined ? null : await openForMetrics(data, open);
    const path = data === undefined ? "" : relative(dirname(resolve(out)), resolve(data)) || ".";
    const draft = draftMetrics(open, set === null ? null : { path, set });
    writeDocument(METRICS, out, draft);
    context.json({ out, ...draft });
    context.print(`Written to ${out}:`);
    for (const { name, require, maximize } of draft.metrics) {
      context.print(
        `  ${name}: ${require ?? (maximize === undefined ? "reported only" : `maximize, weight ${maximize}`)}`,
      );
    }
    context.print(
      `\nEdit it, then: mdp prune${model === undefined ? "" : ` ${model}`} --metrics ${out} --budget 50% --device local --out run`,
    );
    return undefined;
  },
});
