import { rmSync } from "node:fs";
import { join } from "node:path";
import { limitOf } from "../../coefficients/goals/requirement.ts";
import { evidenceOf, type JudgedBatch } from "../../coefficients/masked-runs.ts";
import type { Candidate } from "../../coefficients/optimise.ts";
import { makeScratchFolder } from "../../core/files.ts";
import { finiteOrNull } from "../../documents/finite.ts";
import { withGraph } from "../../onnx/model.ts";
import { writeModel } from "../../onnx/write.ts";
import { keepAll, type Subnet } from "../../subnet/subnet.ts";
import { measure, measureDifference } from "../../tasks/measure.ts";
import {
  type AllEvidence,
  batchesOf,
  evidenceOfFile,
  samplesPerRun,
} from "../metrics/measure-metrics.ts";
import { type OpenMetrics, openMetrics } from "../metrics/open-metrics.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import type { SolveNetworkOptions } from "../solve/asked-network.ts";
import type { TableSource } from "../tables/table-source.ts";
import { chosenOf, sizesOf } from "./coefficients-report.ts";
import { repairSubnet } from "./repair-best.ts";
import { type Bench, openBench, type SearchSettings, searchNetwork } from "./search-network.ts";

/** One way to choose a subnet, and what it reached on the confirm items, without repair and after the same one. */
export interface MethodByMetrics {
  readonly name: string;
  readonly parameters: number;
  readonly latencyMs: number;
  /** After repair; null of the dense network, and where nothing could be repaired. */
  readonly repaired: MethodByMetrics["metrics"] | null;
  readonly metrics: readonly {
    readonly name: string;
    readonly value: number | null;
    readonly low: number | null;
    readonly high: number | null;
    readonly limit: number | null;
    /** Coefficients less this method, in the metric's unit, with the paired 95 % interval. */
    readonly behind: {
      readonly value: number | null;
      readonly low: number | null;
      readonly high: number | null;
    } | null;
  }[];
}

/** Uniform, threshold, the importance's program and coefficients within the same limits, without repair and after the same one, on items that no search saw. */
export async function compareByMetrics(
  open: OpenNetwork,
  source: TableSource,
  settings: SolveNetworkOptions,
  request: { readonly metrics: string; readonly search: SearchSettings },
  context: RunContext,
): Promise<readonly MethodByMetrics[]> {
  const metrics = await openMetrics(request.metrics, open);
  const bench = await openBench(open, source, metrics, settings, request.search, context);
  try {
    const found = await searchNetwork(bench, settings, request.search, context);
    const chosen = chosenOf(found);
    const named: readonly { readonly name: string; readonly subnet: Subnet }[] = [
      { name: "dense", subnet: keepAll(open.structure) },
      ...found.baselines.map((each: Candidate) => ({
        name: each.evaluation.from,
        subnet: each.subnet,
      })),
      { name: "coefficients", subnet: chosen.subnet },
    ];
    const measured: AllEvidence[] = [];
    for (const [index, { subnet }] of named.entries()) {
      measured.push(await confirmEvidence(bench, metrics, subnet));
      context.progress.step("confirming", index + 1, named.length);
    }
    const repaired = await repairedEvidence(bench, named, request.search, context);
    return named.map(({ name, subnet }, index): MethodByMetrics => {
      const size = sizesOf(open, source, subnet);
      const told = (all: readonly (AllEvidence | null)[]): MethodByMetrics["metrics"] | null => {
        const [own, best] = [all[index] ?? null, all.at(-1) ?? null];
        if (own === null || best === null) return null;
        const isOther = name !== "coefficients" && name !== "dense";
        return metricsOf(bench, own, measured[0] ?? [], isOther ? best : null);
      };
      return {
        name,
        parameters: size.parameters.kept,
        latencyMs: size.latencyMs.kept,
        metrics: told(measured) ?? [],
        repaired: name === "dense" ? null : told(repaired),
      };
    });
  } finally {
    await bench.close();
  }
}

/** A subnet's metrics, and how far it is behind another one. */
function metricsOf(
  bench: Bench,
  own: AllEvidence,
  dense: AllEvidence,
  best: AllEvidence | null,
): MethodByMetrics["metrics"] {
  const told = (each: { value: number; low: number; high: number }) => ({
    value: finiteOrNull(each.value),
    low: finiteOrNull(each.low),
    high: finiteOrNull(each.high),
  });
  return bench.goals.map(({ metric, require }, at) => {
    const evidence = own[at] ?? [];
    const whole = dense[at] ?? [];
    const before = metric.pooled(metric.settle?.(whole) ?? whole);
    const difference = best === null ? null : measureDifference(metric, evidence, best[at] ?? []);
    return {
      name: metric.name,
      ...told(measure(metric, evidence)),
      limit: require === null ? null : limitOf(require, before, metric.unit),
      behind: difference === null ? null : told(difference),
    };
  });
}

/** The confirm items of every subnet after the same repair; null of what can't be repaired, and of the dense network. */
async function repairedEvidence(
  bench: Bench,
  named: readonly { readonly name: string; readonly subnet: Subnet }[],
  { threads, seed }: SearchSettings,
  context: RunContext,
): Promise<readonly (AllEvidence | null)[]> {
  const { open, metrics } = bench;
  const { confirmSet: set, dealt } = metrics;
  const items = { set, indices: dealt.confirm, perRun: samplesPerRun(open) };
  const folder = makeScratchFolder("mdp-compared-");
  try {
    const all: (AllEvidence | null)[] = [];
    for (const [index, { name, subnet }] of named.entries()) {
      context.progress.step("repairing", index, named.length);
      const made =
        name === "dense"
          ? null
          : await repairSubnet(bench, subnet, { data: null, threads, seed }, context);
      if (made === null) {
        all.push(null);
        continue;
      }
      const path = join(folder, "repaired.onnx");
      writeModel(withGraph(open.model, made.graph), path);
      const { signal } = context;
      all.push(await evidenceOfFile(path, open.path, metrics, items, { threads, signal }));
    }
    return all;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Masked runs on the confirm items; commands judge on their numbers. */
async function confirmEvidence(
  bench: Bench,
  metrics: OpenMetrics,
  subnet: Subnet,
): Promise<readonly (readonly unknown[])[]> {
  const { confirmSet, dealt, gauges } = metrics;
  const list = gauges.flatMap((gauge) =>
    gauge.kind === "answers" ? [{ metric: gauge.goal.metric, target: gauge.target }] : [],
  );
  const needsDense = list.some(({ target }) => target === "dense");
  async function* batches(): AsyncGenerator<JudgedBatch> {
    if (confirmSet === null) return;
    for await (const batch of batchesOf(confirmSet, dealt.confirm, samplesPerRun(bench.open))) {
      const whole = needsDense
        ? await bench.runs.answers(keepAll(bench.open.structure), batch)
        : null;
      yield { batch, dense: whole };
    }
  }
  const answers = await evidenceOf(batches(), list, (batch) => bench.runs.answers(subnet, batch));
  return bench.judgeCommands(subnet, dealt.confirm, answers);
}
