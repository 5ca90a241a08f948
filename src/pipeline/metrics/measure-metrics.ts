import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Judge } from "../../coefficients/judge.ts";
import {
  type AnswerMetric,
  evidenceOf,
  type JudgedBatch,
  type MaskedRuns,
} from "../../coefficients/masked-runs.ts";
import { InputError } from "../../core/errors.ts";
import { makeScratchFolder } from "../../core/files.ts";
import type { Dataset } from "../../data/dataset.ts";
import { withGraph } from "../../onnx/model.ts";
import { writeModel } from "../../onnx/write.ts";
import type { SampleBatch } from "../../runtime/batches.ts";
import { bindFeeds } from "../../runtime/bind-feeds.ts";
import type { Feeds } from "../../runtime/session.ts";
import { openSession } from "../../runtime/session.ts";
import { cutGraph } from "../../subnet/cut.ts";
import { keepAll, type Subnet } from "../../subnet/subnet.ts";
import { runCommandMetric } from "../../tasks/command-metric.ts";
import type { OpenNetwork } from "../open/network.ts";
import { onCopy } from "./model-copy.ts";
import type { Gauge, OpenMetrics } from "./open-metrics.ts";

/** Evidence by metric, in the order of the metrics file. */
export type AllEvidence = readonly (readonly unknown[])[];

const CHUNK = 64;

/** Samples per run: what the network fixes, or 64. */
export function samplesPerRun({ structure }: OpenNetwork): number {
  const extents = structure.graph.inputs.flatMap(({ shape }) => shape?.slice(0, 1) ?? []);
  const fixed = extents.find((extent) => typeof extent === "number");
  return typeof fixed === "number" ? fixed : CHUNK;
}

/** The named samples in batches that the network takes. */
export async function* batchesOf(
  dataset: Dataset,
  indices: readonly number[],
  size: number,
): AsyncGenerator<SampleBatch> {
  for (
    let start = 0;
    start + size <= indices.length || (size === CHUNK && start < indices.length);
    start += size
  ) {
    yield await dataset.samples(indices.slice(start, start + size));
  }
}

function answerMetrics(gauges: readonly Gauge[]): readonly AnswerMetric[] {
  return gauges.flatMap((gauge) =>
    gauge.kind === "answers" ? [{ metric: gauge.goal.metric, target: gauge.target }] : [],
  );
}

/** Evidence of answers and of commands, put back into the order of the gauges. */
function merged<E>(
  gauges: readonly Gauge[],
  fromAnswers: readonly E[],
  fromCommand: (gauge: Extract<Gauge, { kind: "command" }>) => E,
): readonly E[] {
  let next = 0;
  return gauges.map((gauge) => {
    if (gauge.kind === "command") return fromCommand(gauge);
    next += 1;
    return fromAnswers[next - 1] as E;
  });
}

/**
 * Runs every command of the metrics once, each on a copy of the model's file.
 * @throws InputError `tasks/command-failed`, `metrics/command-lacks`
 */
async function commandEvidence(
  { gauges, folder, file }: OpenMetrics,
  model: string,
  items: readonly number[],
  signal: AbortSignal,
): Promise<(gauge: Extract<Gauge, { kind: "command" }>) => readonly unknown[]> {
  const results = new Map<string, Awaited<ReturnType<typeof runCommandMetric>>>();
  for (const gauge of gauges) {
    if (gauge.kind !== "command") continue;
    const key = JSON.stringify(gauge.command);
    if (results.has(key)) continue;
    const { command, timeoutSeconds } = gauge;
    const run = { command, items, seed: file.seed, timeoutSeconds, folder, signal };
    results.set(key, await onCopy(model, (copy) => runCommandMetric({ ...run, model: copy })));
  }
  return (gauge) => {
    const given = results.get(JSON.stringify(gauge.command));
    const values =
      given?.get(gauge.of) ??
      (gauge.of === "" && given?.size === 1 ? [...given.values()][0] : undefined);
    if (values === undefined) {
      throw new InputError({
        code: "metrics/command-lacks",
        message: `The command of metric '${gauge.goal.metric.name}' gives ${[...(given?.keys() ?? [])].map((name) => `'${name}'`).join(", ") || "nothing"}, not '${gauge.of}'.`,
        where: gauge.command.join(" "),
        hint: `Say which one is meant: "of": "${[...(given?.keys() ?? [])][0] ?? "return"}".`,
      });
    }
    return values.kind === "items" ? values.values : [values.value];
  };
}

/** Measures subnets on the items of the search. */
export interface SearchJudge {
  readonly judge: Judge;
  readonly batches: readonly JudgedBatch[];
  /** Evidence of all metrics: what answers said, and commands run on a subnet and items. */
  readonly withCommands: (
    subnet: Subnet,
    items: readonly number[],
    fromAnswers: AllEvidence,
  ) => Promise<AllEvidence>;
  readonly close: () => void;
}

/** The search's judge: masked runs for answers, a network's file for commands. Close it. */
export async function searchJudge(
  open: OpenNetwork,
  metrics: OpenMetrics,
  runs: MaskedRuns,
  signal: AbortSignal,
): Promise<SearchJudge> {
  const { gauges, searchSet, dealt } = metrics;
  const batches: JudgedBatch[] = [];
  if (searchSet !== null) {
    const needsDense = gauges.some((gauge) => gauge.kind === "answers" && gauge.target === "dense");
    for await (const batch of batchesOf(searchSet, dealt.search, samplesPerRun(open))) {
      const dense = needsDense ? await runs.answers(keepAll(open.structure), batch) : null;
      batches.push({ batch, dense });
    }
  }
  const folder = makeScratchFolder("mdp-candidate-");
  const hasCommands = gauges.some(({ kind }) => kind === "command");
  const answers =
    (subnet: Subnet) =>
    (batch: SampleBatch): Promise<Feeds> =>
      runs.answers(subnet, batch);
  const list = answerMetrics(gauges);
  const first = batches.slice(0, Math.max(1, Math.round(batches.length / 4)));
  const isWorthIt = list.length > 0 && (hasCommands || batches.length >= 4);
  const withCommands: SearchJudge["withCommands"] = async (subnet, items, fromAnswers) => {
    if (!hasCommands) return fromAnswers;
    const path = join(folder, "candidate.onnx");
    writeModel(withGraph(open.model, cutGraph(open.structure, subnet)), path);
    const from = await commandEvidence(metrics, path, items, signal);
    return merged<readonly unknown[]>(gauges, fromAnswers, from);
  };
  return {
    batches,
    withCommands,
    judge: {
      part: isWorthIt
        ? async (subnet) =>
            merged<readonly unknown[] | null>(
              gauges,
              await evidenceOf(first, list, answers(subnet)),
              () => null,
            )
        : null,
      whole: async (subnet) =>
        withCommands(subnet, dealt.search, await evidenceOf(batches, list, answers(subnet))),
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Every metric of a network's file on items of a data set; commands get the same numbers. */
export async function evidenceOfFile(
  path: string,
  dense: string,
  metrics: OpenMetrics,
  items: {
    readonly set: Dataset | null;
    readonly indices: readonly number[];
    readonly perRun: number;
  },
  options: { readonly threads: number; readonly signal: AbortSignal },
): Promise<AllEvidence> {
  const { gauges } = metrics;
  const list = answerMetrics(gauges);
  let fromAnswers: AllEvidence = [];
  if (items.set !== null && list.length > 0) {
    const { set } = items;
    const needsDense = list.some(({ target }) => target === "dense");
    const session = await openSession(path, { threads: options.threads });
    const other = needsDense ? await openSession(dense, { threads: options.threads }) : null;
    const run = (of: typeof session, batch: SampleBatch): Promise<Feeds> =>
      of.run(bindFeeds(of.inputs, batch, path));
    try {
      async function* judged(): AsyncGenerator<JudgedBatch> {
        for await (const batch of batchesOf(set, items.indices, items.perRun)) {
          yield { batch, dense: other === null ? null : await run(other, batch) };
        }
      }
      fromAnswers = await evidenceOf(judged(), list, (batch) => run(session, batch));
    } finally {
      await session.close();
      await other?.close();
    }
  }
  const from = await commandEvidence(metrics, path, items.indices, options.signal);
  return merged(gauges, fromAnswers, from);
}
