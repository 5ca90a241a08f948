import { basename } from "node:path";
import { UsageError } from "../core/errors.ts";
import { readFileBytes } from "../core/files.ts";
import { type DatasetConfig, readDatasetConfig } from "../data/config.ts";
import { type Dataset, openDataset } from "../data/dataset.ts";
import { type Accuracy, evaluate } from "../data/evaluate.ts";
import { painter } from "../report/painter.ts";
import { plainTable } from "../report/solve-report.ts";
import { randomFeeds } from "../runtime/feeds.ts";
import {
  OPTIMISATIONS,
  openSession,
  runtimeVersion,
  type Session,
  type SessionOptions,
} from "../runtime/session.ts";
import { type Timing, timeSessions } from "../runtime/timing.ts";
import { command } from "./command.ts";

/** One network's line: what was measured of it. */
export interface EvalResult {
  readonly model: string;
  readonly bytes: number;
  readonly accuracy: Accuracy | null;
  readonly latency: Omit<Timing, "samplesMs"> | null;
}

export const evalCommand = command({
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
      .option("batch", { type: "number", default: 1, describe: "Images per timed run" })
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
    for (const option of ["limit", "batch", "threads", "repeats"] as const) {
      positiveCount(options[option], option);
    }
    const sessions: Session[] = [];
    try {
      const settings: SessionOptions = {
        threads: options.threads,
        optimisation: options.optimisation,
      };
      for (const path of options.models) sessions.push(await openSession(path, settings));
      const dataset = await datasetFor(options, sessions);
      const classifiers = options.models.map((name, index) => ({
        name,
        session: at(sessions, index),
      }));
      const accuracies =
        dataset === null
          ? null
          : await evaluate(classifiers, dataset, { ...context, limit: options.limit });
      const timings = options.latency ? await timed(sessions, options, context) : null;
      const results = options.models.map(
        (model, index): EvalResult => ({
          model,
          bytes: readFileBytes(model).byteLength,
          accuracy: accuracies?.[index] ?? null,
          latency: withoutSamples(timings?.[index]),
        }),
      );
      const { batch, threads, optimisation } = options;
      const runtime = `onnxruntime-node ${runtimeVersion()}`;
      context.json({
        data: dataset?.path ?? null,
        runtime,
        batch,
        threads,
        optimisation,
        results,
      });
      if (dataset !== null) {
        context.print(`Data     ${dataset.path}, ${accuracies?.[0]?.count ?? 0} images`);
      }
      if (timings !== null) {
        context.print(
          `Latency  batch ${batch}, ${threads} thread${threads === 1 ? "" : "s"}, ${runtime}, optimisation ${optimisation}, interleaved`,
        );
      }
      context.print(`\n${resultTable(results, painter(process.stdout.isTTY).bar)}`);
    } finally {
      for (const session of sessions) await session.close();
    }
    return undefined;
  },
});

interface DataOptions {
  readonly data?: string | undefined;
  readonly dataConfig?: string | undefined;
  readonly split?: string | undefined;
}

async function datasetFor(
  options: DataOptions,
  sessions: readonly Session[],
): Promise<Dataset | null> {
  if (options.data === undefined && options.dataConfig === undefined) return null;
  const given = options.dataConfig === undefined ? {} : readDatasetConfig(options.dataConfig);
  const opened = await openDataset(options.data, { config: given, split: options.split });
  if (opened.config.size !== undefined || opened.config.crop !== undefined) return opened;
  // Images of any size are brought to the size that the network asks for, unless the config says how.
  const size = networkSize(sessions);
  if (size === null) return opened;
  const config: DatasetConfig = { ...given, size };
  return openDataset(options.data, { config, split: options.split });
}

function networkSize(sessions: readonly Session[]): [number, number] | null {
  const [height, width] = sessions[0]?.inputs[0]?.shape.slice(2) ?? [];
  return typeof height === "number" && typeof width === "number" && height > 0 && width > 0
    ? [height, width]
    : null;
}

async function timed(
  sessions: readonly Session[],
  options: { readonly batch: number; readonly repeats: number },
  context: { readonly progress: { step: (label: string, done: number, total: number) => void } },
): Promise<Timing[]> {
  return timeSessions(
    sessions.map((session) => ({
      session,
      feeds: randomFeeds(session.inputs, { batch: options.batch }),
    })),
    {
      repeats: options.repeats,
      onRound: (done, total) => context.progress.step("timing", done, total),
    },
  );
}

function withoutSamples(timing: Timing | undefined): Omit<Timing, "samplesMs"> | null {
  if (timing === undefined) return null;
  const { samplesMs: _, ...quantiles } = timing;
  return quantiles;
}

/** Ratios are to the first network. */
function resultTable(results: readonly EvalResult[], accent: (text: string) => string): string {
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
      accent(basename(model)),
      (bytes / 1e6).toFixed(2),
      ...(accuracy === null ? [] : [percent(accuracy.top1), percent(accuracy.top5)]),
      ...(latency === null
        ? []
        : [ms(latency.medianMs), ms(latency.p90Ms), ms(latency.p99Ms), percent(share)]),
    ]);
  }
  return table.toString();
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function ms(value: number): string {
  return value < 10 ? value.toFixed(3) : value.toFixed(2);
}

function at(sessions: readonly Session[], index: number): Session {
  const session = sessions[index];
  if (session === undefined) throw new RangeError(`no session ${index}`);
  return session;
}

function positiveCount(value: number | undefined, option: string): void {
  if (value === undefined || (Number.isInteger(value) && value > 0)) return;
  throw new UsageError({
    code: "cli/not-a-count",
    message: `${value} is no whole number above 0.`,
    where: `--${option}`,
    hint: `Give a whole number, such as --${option} 8.`,
  });
}
