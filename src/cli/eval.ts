import { basename } from "node:path";
import type { Painter } from "../report/painter.ts";
import { painter } from "../report/painter.ts";
import { percent, plainTable } from "../report/solve-report.ts";
import { OPTIMISATIONS } from "../runtime/session.ts";
import { type Command, command } from "./command.ts";
import { type EvalReport, evaluateModels } from "./evaluate-models.ts";

export const evalCommand: Command = command({
  name: "eval <models..>",
  describe: "Accuracy and latency of one or more networks, side by side",
  examples: [
    ["mdp eval dense.onnx small.onnx --data shapes", "top-1, top-5 and interleaved latencies"],
    ["mdp eval net.onnx --batch 8 --threads 1", "latency alone"],
    [
      "mdp eval net.onnx --data photos.tar --data-config imagenet.json --limit 500",
      "pre-processing from a file",
    ],
  ],
  options: (yargs) =>
    yargs
      .positional("models", { type: "string", array: true, demandOption: true })
      .option("data", {
        type: "string",
        describe: "Folder, tar, CIFAR binary, IDX images, drawn set, or a config that names one",
      })
      .option("data-config", {
        type: "string",
        describe: "Pre-processing, as JSON (docs/datasets.md)",
      })
      .option("split", { type: "string", describe: "Of data with splits [test]" })
      .option("limit", { type: "number", describe: "Only so many images, chosen at random" })
      .option("batch", {
        type: "number",
        default: 1,
        describe: "Images per timed run",
      })
      .option("threads", { type: "number", default: 1, describe: "Threads of the runtime" })
      .option("repeats", { type: "number", default: 60, describe: "Timed runs per network" })
      .option("optimisation", {
        choices: OPTIMISATIONS,
        default: "all" as const,
        describe: "How far the runtime rewrites the network",
      })
      .option("latency", {
        type: "boolean",
        default: true,
        describe: "Measure it? (--no-latency)",
      }),
  run: async (options, context) => {
    const report = await evaluateModels(options, context);
    context.json(report);
    context.print(evalText(report, painter(process.stdout.isTTY)));
    return undefined;
  },
});

/** What was measured, as people read it. Ratios are to the first network. */
export function evalText(report: EvalReport, paint: Painter): string {
  const { results, batch, threads } = report;
  const lines: string[] = [];
  if (report.data !== null) lines.push(`Data     ${report.data}, ${report.images} images`);
  const first = results[0];
  if (first?.latency) {
    lines.push(
      `Latency  batch ${batch}, ${threads} thread${threads === 1 ? "" : "s"}, ${report.runtime}, optimisation ${report.optimisation}, interleaved`,
    );
  }
  return [...lines, "", resultTable(report, paint)].join("\n");
}

function resultTable({ results }: EvalReport, paint: Painter): string {
  const first = results[0];
  const hasAccuracy = first?.accuracy !== null;
  const hasLatency = first?.latency !== null;
  const head = [
    "network",
    "MB",
    ...(hasAccuracy ? ["top-1", "top-5"] : []),
    ...(hasLatency ? ["median ms", "p90 ms", "p99 ms", "of the first"] : []),
  ];
  const table = plainTable(head, ["left", ...head.slice(1).map((): "right" => "right")]);
  for (const { model, bytes, accuracy, latency } of results) {
    const share = (latency?.medianMs ?? 0) / (first?.latency?.medianMs ?? 1);
    table.push([
      paint.bar(basename(model)),
      (bytes / 1e6).toFixed(2),
      ...(accuracy === null ? [] : [percent(accuracy.top1), percent(accuracy.top5)]),
      ...(latency === null
        ? []
        : [ms(latency.medianMs), ms(latency.p90Ms), ms(latency.p99Ms), percent(share)]),
    ]);
  }
  return table.toString();
}

function ms(value: number): string {
  return value < 10 ? value.toFixed(3) : value.toFixed(2);
}
