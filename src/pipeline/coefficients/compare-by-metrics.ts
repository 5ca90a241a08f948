import { limitOf } from "../../coefficients/goals/requirement.ts";
import { evidenceOf, type JudgedBatch } from "../../coefficients/masked-runs.ts";
import type { Candidate } from "../../coefficients/optimise.ts";
import { finiteOrNull } from "../../documents/finite.ts";
import { keepAll, type Subnet } from "../../subnet/subnet.ts";
import { measure, measureDifference } from "../../tasks/measure.ts";
import { batchesOf, samplesPerRun } from "../metrics/measure-metrics.ts";
import { type OpenMetrics, openMetrics } from "../metrics/open-metrics.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import type { SolveNetworkOptions } from "../solve/asked-network.ts";
import type { TableSource } from "../tables/table-source.ts";
import { chosenOf, sizesOf } from "./coefficients-report.ts";
import { type Bench, openBench, type SearchSettings, searchNetwork } from "./search-network.ts";

/** One way to choose a subnet, and what it reached on the confirm items without repair. */
export interface MethodByMetrics {
  readonly name: string;
  readonly parameters: number;
  readonly latencyMs: number;
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

/** Uniform, threshold, the importance's program and coefficients within the same limits, on items that no search saw. */
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
    const measured: (readonly (readonly unknown[])[])[] = [];
    for (const [index, { subnet }] of named.entries()) {
      measured.push(await confirmEvidence(bench, metrics, subnet));
      context.progress.step("confirming", index + 1, named.length);
    }
    const own = measured.at(-1) ?? [];
    return named.map(({ name, subnet }, index): MethodByMetrics => {
      const size = sizesOf(open, source, subnet);
      return {
        name,
        parameters: size.parameters.kept,
        latencyMs: size.latencyMs.kept,
        metrics: bench.goals.map(({ metric, require }, at) => {
          const evidence = measured[index]?.[at] ?? [];
          const { value, low, high } = measure(metric, evidence);
          const dense = measured[0]?.[at] ?? [];
          const before = metric.pooled(metric.settle?.(dense) ?? dense);
          const limit = require === null ? null : limitOf(require, before, metric.unit);
          const isOther = name !== "coefficients" && name !== "dense";
          const difference = isOther ? measureDifference(metric, evidence, own[at] ?? []) : null;
          const told = (each: { value: number; low: number; high: number }) => ({
            value: finiteOrNull(each.value),
            low: finiteOrNull(each.low),
            high: finiteOrNull(each.high),
          });
          return {
            name: metric.name,
            ...told({ value, low, high }),
            limit,
            behind: difference === null ? null : told(difference),
          };
        }),
      };
    });
  } finally {
    await bench.close();
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
