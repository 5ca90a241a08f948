import { evidenceOf, type JudgedBatch, openMaskedRuns } from "../../coefficients/masked-runs.ts";
import type { Dataset } from "../../data/dataset.ts";
import type { MetricSpec } from "../../documents/metrics.ts";
import { rankUnits, scoreUnits } from "../../importance/importance.ts";
import { scoreNetwork } from "../../importance/score.ts";
import { keepAll, type Subnet } from "../../subnet/subnet.ts";
import { measure } from "../../tasks/measure.ts";
import { spearman } from "../../tasks/statistics/correlation.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import { batchesOf, samplesPerRun } from "./measure-metrics.ts";
import { metricOf } from "./metric-of.ts";
import { possibleMetrics } from "./suggest-metrics.ts";

/** A metric that can be measured here, and what is known of it. */
export interface RankedMetric {
  readonly spec: MetricSpec;
  readonly because: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly items: number;
  /**
   * Share of the units that can go, in all dims alike, before the metric leaves its dense interval: the smaller, the earlier it
   * reacts. Null where it never did.
   */
  readonly reactsAt: number | null;
  /** A metric that moves with it (rank correlation above 0.95 over the widths that were tried), and is listed before it. */
  readonly movesWith: string | null;
  readonly isProposed: boolean;
}

const SHARES = [0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2] as const;

/** Measures every possible metric on the whole network and on uniformly narrowed ones. */
export async function rankMetrics(
  open: OpenNetwork,
  data: Dataset,
  options: { readonly items: number; readonly threads: number },
  context: RunContext,
): Promise<readonly RankedMetric[]> {
  const { structure } = open;
  const possible = possibleMetrics(open, data);
  const firstOutput = structure.graph.outputs[0]?.name ?? "";
  const gauges = possible.map(({ spec }) => metricOf(spec, data.classes, firstOutput));
  const runs = await openMaskedRuns(open.model, structure, options.threads);
  const indices = Array.from({ length: Math.min(options.items, data.count) }, (_, index) =>
    Math.floor((index * data.count) / Math.min(options.items, data.count)),
  );
  try {
    const whole = keepAll(structure);
    const batches: JudgedBatch[] = [];
    for await (const batch of batchesOf(data, indices, samplesPerRun(open))) {
      batches.push({ batch, dense: await runs.answers(whole, batch) });
    }
    const evidence = (subnet: Subnet): Promise<unknown[][]> =>
      evidenceOf(batches, gauges, (batch) => runs.answers(subnet, batch));
    const dense = await evidence(whole);
    const values: number[][] = gauges.map(() => []);
    for (const [step, share] of SHARES.entries()) {
      const found = await evidence(uniform(open, share));
      for (const [index, { metric }] of gauges.entries()) {
        const own = found[index] ?? [];
        values[index]?.push(metric.pooled(metric.settle?.(own) ?? own));
      }
      context.progress.step("narrowing", step + 1, SHARES.length);
    }
    const ranked = possible.map(
      ({ spec, because }, index): Omit<RankedMetric, "isProposed" | "movesWith"> => {
        const metric = gauges[index]?.metric;
        const own =
          metric === undefined ? null : measure(metric, dense[index] ?? [], { resamples: 500 });
        const worse = (value: number): boolean =>
          own !== null && (metric?.better === "higher" ? value < own.low : value > own.high);
        const at = values[index]?.findIndex(worse) ?? -1;
        return {
          ...{ spec, because, value: own?.value ?? Number.NaN, items: own?.items ?? 0 },
          ...{ low: own?.low ?? Number.NaN, high: own?.high ?? Number.NaN },
          reactsAt: at < 0 ? null : 1 - (SHARES[at] ?? 0),
        };
      },
    );
    const listed: RankedMetric[] = [];
    for (const [index, each] of ranked.entries()) {
      const twin = listed.findIndex(
        (_, other) => Math.abs(spearman(values[index] ?? [], values[other] ?? [])) > 0.95,
      );
      const movesWith = twin < 0 ? null : (listed[twin]?.spec.name ?? null);
      listed.push({ ...each, movesWith, isProposed: false });
    }
    const useful = listed.filter(
      ({ value, reactsAt }) => !Number.isNaN(value) && reactsAt !== null,
    );
    const proposed = [...useful.filter(({ movesWith }) => movesWith === null), ...useful].slice(
      0,
      3,
    );
    return listed.map((each) => ({
      ...each,
      isProposed: proposed.some(({ spec }) => spec === each.spec),
    }));
  } finally {
    await runs.close();
  }
}

/** Every dim at the same share of its units, the largest by magnitude. */
function uniform({ structure, hash }: OpenNetwork, share: number): Subnet {
  const importance = scoreNetwork(structure, { method: "magnitude-l2", networkHash: hash });
  const byName = new Map(importance.dims.map((dim) => [dim.dim, dim]));
  const whole = keepAll(structure);
  const kept = structure.dims.map((dim) => {
    const scored = byName.get(dim.name);
    if (dim.pinned !== null || scored === undefined) return whole.kept[dim.index] ?? [];
    const count = Math.max(1, Math.round(share * dim.size));
    return rankUnits(scoreUnits(scored))
      .slice(0, count)
      .sort((a, b) => a - b);
  });
  return { ...whole, kept };
}
