import { EXIT } from "../../core/errors.ts";
import { checkWritable } from "../../core/files.ts";
import { guardInputs } from "../../core/guarded-files.ts";
import type { ReportDocument } from "../../documents/report.ts";
import { reportInputs } from "../../pipeline/report/read-subjects.ts";
import { writeReport } from "../../pipeline/report/write-report.ts";
import { type Command, command } from "../command.ts";

export const reportCommand: Command = command({
  name: "report <runs..>",
  describe: "Write one HTML page about runs, frontiers, comparisons and tables",
  repeatable: ["runs"],
  examples: [
    ["mdp report runs/net --out report.html", "a run of mdp prune"],
    ["mdp report runs/net frontier --out report.html", "a run and a frontier of mdp sweep"],
    ["mdp report runs/net --out report.html --card MODEL_CARD.md", "with a model card in Markdown"],
  ],
  options: (yargs) =>
    yargs
      .positional("runs", {
        type: "string",
        array: true,
        demandOption: true,
        describe: "Folders of mdp prune, sweep or compare, or JSON documents",
      })
      .option("out", {
        type: "string",
        default: "report.html",
        describe: "HTML file to write; it opens from disk and loads nothing from any host",
      })
      .option("card", { type: "string", describe: "Write a model card in Markdown to this file" }),
  run: async ({ runs, out, card, force }, context) => {
    // What lies in the folders is read too.
    if (force !== true) guardInputs(reportInputs(runs));
    for (const path of [out, card]) if (path !== undefined) checkWritable(path);
    const written = await writeReport({ paths: runs, out, card });
    const subjects = written.subjects.map(({ title, warnings }) => ({ title, warnings }));
    const document: ReportDocument = {
      schema: "mdp-report/1",
      out,
      card: card ?? null,
      bytes: written.bytes,
      subjects,
    };
    context.json(document);
    for (const { title, warnings } of subjects) {
      for (const warning of warnings) context.print(`Warning     ${title}: ${warning}`);
    }
    const size = (written.bytes / 1024).toFixed(0);
    context.print(
      `Written to ${out} (${size} KiB)${card === undefined ? "" : `, card in ${card}`}`,
    );
    return EXIT.done;
  },
});
