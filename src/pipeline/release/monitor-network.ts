import { existsSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../core/errors.ts";
import { readFileBytes, readJson, sha256, writeJson } from "../../core/files.ts";
import type { Dataset } from "../../data/dataset.ts";
import { openDataset } from "../../data/dataset.ts";
import { finiteOrNull } from "../../documents/finite.ts";
import type { MonitorReport } from "../../documents/release.ts";
import { driftLines, type Fingerprint, fingerprintOf } from "../../release/drift.ts";
import { judgeGate } from "../../release/gate.ts";
import { archiveOf } from "../../release/ledger.ts";
import type { SampleBatch } from "../../runtime/batches.ts";
import { bindFeeds } from "../../runtime/bind-feeds.ts";
import { openSession } from "../../runtime/session.ts";
import { measure } from "../../tasks/measure.ts";
import { batchesOf, evidenceOfFile, samplesPerRun } from "../metrics/measure-metrics.ts";
import type { OpenMetrics } from "../metrics/open-metrics.ts";
import { preparationOf } from "../open/images.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";

export interface MonitorRequest {
  readonly live: string;
  /** New items: a folder or a config, as `data.path` of the metrics. */
  readonly data: string;
  readonly items: number | undefined;
  readonly threads: number;
  /** Chance that any line is flagged though nothing changed. */
  readonly rate: number;
}

/**
 * Measures a released network on new items and compares inputs and answers with those of the confirm items.
 * @throws InputError `release/nothing-live`, and as `openDataset` and `evidenceOfFile`
 */
export async function monitorNetwork(
  open: OpenNetwork,
  metrics: OpenMetrics,
  request: MonitorRequest,
  context: RunContext,
): Promise<MonitorReport> {
  const { live, threads } = request;
  if (!existsSync(live)) {
    throw new InputError({
      code: "release/nothing-live",
      message: "There is no network at this path.",
      where: live,
      hint: "Release one first: mdp gate dense.onnx small.onnx --metrics metrics.json --release live.onnx",
    });
  }
  const hash = sha256(readFileBytes(live));
  const perRun = samplesPerRun(open);
  const { config } = preparationOf(open, { data: request.data });
  const given: Dataset = await openDataset(request.data, { config, unlabelled: true });
  const count = Math.min(given.count, request.items ?? given.count);
  const indices = Array.from({ length: count }, (_, index) => index);
  context.progress.note(`measuring ${count} new items`);
  const options = { threads, signal: context.signal };
  const hasTargets = given.labels.some((label) => label >= 0) || given.target !== null;
  const usable = metrics.gauges.map(
    (gauge) => gauge.kind === "command" || gauge.target !== "data" || hasTargets,
  );
  const own: OpenMetrics = {
    ...metrics,
    gauges: metrics.gauges.filter((_, index) => usable[index]),
  };
  const items = { set: given, indices, perRun };
  const dense = await evidenceOfFile(open.path, open.path, own, items, options);
  const evidence = await evidenceOfFile(live, open.path, own, items, options);
  const goals = own.gauges.map(({ goal }) => goal);
  // As the gate tests it: against the dense network on the same items, in pairs.
  const judged = judgeGate(goals, dense, evidence, {
    ...{ rate: metrics.rate, attempt: 1, seed: metrics.file.seed },
    strata: hasTargets ? Array.from(given.labels.slice(0, count)) : undefined,
  });
  const lines = goals.map(({ metric }, index): MonitorReport["metrics"][number] => {
    const { name } = metric;
    const line = judged.lines.find((each) => each.name === name);
    const before = metric.pooled(metric.settle?.(dense[index] ?? []) ?? dense[index] ?? []);
    if (line === undefined) {
      const { value, low, high } = measure(metric, evidence[index] ?? []);
      const told = { value: finiteOrNull(value), low: finiteOrNull(low), high: finiteOrNull(high) };
      const nothing = { require: null, limit: null, verdict: "no requirement" } as const;
      return { name, ...nothing, ...told, dense: finiteOrNull(before) };
    }
    const { require, value, bound, farBound, limit } = line;
    return {
      ...{ name, require, value: finiteOrNull(value), limit: finiteOrNull(limit) },
      ...{
        low: finiteOrNull(Math.min(bound, farBound)),
        high: finiteOrNull(Math.max(bound, farBound)),
      },
      dense: finiteOrNull(before),
      verdict: line.verdict === "pass" ? "holds" : line.verdict,
    };
  });
  const reference = await referenceOf(metrics, live, hash, perRun, threads);
  const now = await printOf(given, indices, live, perRun, threads);
  const drift = reference === null ? [] : driftLines(reference, now, request.rate);
  const verdict = lines.some((line) => line.verdict === "missed")
    ? "missed"
    : drift.some(({ isFlagged }) => isFlagged)
      ? "changed"
      : "as before";
  return {
    schema: "mdp-monitor/1",
    ...{ live, sha256: hash, items: count, metrics: lines, verdict },
    drift: drift.map((line) => ({
      ...line,
      reference: finiteOrNull(line.reference),
      now: finiteOrNull(line.now),
      statistic: finiteOrNull(line.statistic),
      p: finiteOrNull(line.p),
    })),
  };
}

/** Inputs and answers on the confirm items, measured once per released network and kept beside it. */
async function referenceOf(
  { confirmSet, dealt }: OpenMetrics,
  live: string,
  hash: string,
  perRun: number,
  threads: number,
): Promise<Fingerprint | null> {
  if (confirmSet === null) return null;
  const path = join(archiveOf(live), `${hash}.reference.json`);
  if (existsSync(path)) {
    const known = readJson(path) as { items?: unknown; print?: Fingerprint };
    if (known.items === dealt.confirmHash && known.print !== undefined) return known.print;
  }
  const print = await printOf(confirmSet, dealt.confirm, live, perRun, threads);
  writeJson(path, { items: dealt.confirmHash, print });
  return print;
}

async function printOf(
  set: Dataset,
  indices: readonly number[],
  model: string,
  perRun: number,
  threads: number,
): Promise<Fingerprint> {
  const session = await openSession(model, { threads });
  try {
    const seen: { batch: SampleBatch; answers: Awaited<ReturnType<typeof session.run>> }[] = [];
    const prints: Fingerprint[] = [];
    for await (const batch of batchesOf(set, indices, perRun)) {
      seen.length = 0;
      seen.push({ batch, answers: await session.run(bindFeeds(session.inputs, batch, model)) });
      prints.push(fingerprintOf(seen));
    }
    return joined(prints);
  } finally {
    await session.close();
  }
}

function joined(prints: readonly Fingerprint[]): Fingerprint {
  const both = (of: "numbers" | "classes"): Record<string, number[]> => {
    const all: Record<string, number[]> = {};
    for (const print of prints) {
      for (const [what, values] of Object.entries(print[of])) {
        all[what] = [...(all[what] ?? []), ...values];
      }
    }
    return all;
  };
  return { numbers: both("numbers"), classes: both("classes") };
}
