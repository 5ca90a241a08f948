/**
 * Repair before the final choice: the best few subnets of a search, and the plain ones that it is compared with, are repaired, as `correctSubnet` does without labels, and measured
 * with and without it on every item that the gate does not use. The choice is by the lower end of the score, as after the search.
 *
 * The gate's own items stay untouched: the best of five that were measured on them would be five tries.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Candidate, Optimised } from "../../coefficients/optimise.ts";
import {
  type Evaluation,
  evaluateSubnet,
  yardstickOf,
} from "../../coefficients/search/evaluation.ts";
import { InputError } from "../../core/errors.ts";
import { makeScratchFolder } from "../../core/files.ts";
import type { Dataset } from "../../data/dataset.ts";
import type { Graph } from "../../graph/graph.ts";
import { withGraph } from "../../onnx/model.ts";
import { writeModel } from "../../onnx/write.ts";
import type { SampleBatch } from "../../runtime/batches.ts";
import { type Correction, correctSubnet } from "../../subnet/correct/correct.ts";
import { cutGraph } from "../../subnet/cut.ts";
import type { Subnet } from "../../subnet/subnet.ts";
import { CORRECT_DEFAULTS } from "../correct/correct-network.ts";
import { withoutItems } from "../metrics/deal-items.ts";
import { batchesOf, evidenceOfFile, samplesPerRun } from "../metrics/measure-metrics.ts";
import type { OpenMetrics } from "../metrics/open-metrics.ts";
import type { RunContext } from "../run-context.ts";
import type { Bench } from "./search-network.ts";

/** One of the best subnets, and what it reached on the items that the gate does not use. */
export interface Repaired {
  readonly candidate: Candidate;
  readonly before: Evaluation;
  /** Null where no layer could be repaired. */
  readonly after: Evaluation | null;
  readonly correction: Correction | null;
}

/** The best few of a search and what it is compared with: repair can turn their order round. Each subnet once. */
export function toRepair(
  candidates: readonly Candidate[],
  baselines: readonly Candidate[],
): readonly Candidate[] {
  const whole = candidates.filter(({ evaluation }) => !evaluation.isDropped);
  const seen = new Set<string>();
  return [...whole.slice(0, REPAIRED), ...baselines].filter(({ evaluation }) => {
    const isNew = !seen.has(evaluation.subnet);
    seen.add(evaluation.subnet);
    return isNew;
  });
}

/** What the choice among the best few ended with. */
export interface RepairedChoice {
  readonly tried: readonly Repaired[];
  readonly chosen: Repaired;
  /** The repair was worth it: the network to go on with is the repaired one. */
  readonly isRepaired: boolean;
  /** Items that were measured on, and samples that were repaired on. */
  readonly items: number;
  readonly samples: number;
  /** Where the samples came from. */
  readonly source: string;
}

/** What subnets are repaired on. */
export interface RepairOptions {
  /** Images; those on the search's side of the metrics' own data where it is null. The gate's items are left out. */
  readonly data: Dataset | null;
  readonly threads: number;
  readonly seed: number;
}

/** Best subnets that are repaired. */
export const REPAIRED = 5;
/** More items than this don't tell five subnets apart better. */
const MOST_ITEMS = 2000;

/**
 * Repairs the best few and chooses among them.
 * @returns null where there is nothing to repair on
 */
export async function repairBest(
  bench: Bench,
  { candidates, baselines }: Pick<Optimised, "candidates" | "baselines">,
  options: RepairOptions,
  context: RunContext,
): Promise<RepairedChoice | null> {
  const { open, metrics, goals } = bench;
  const { searchSet } = metrics;
  const source = options.data ?? searchSet;
  const best = toRepair(candidates, baselines);
  if (source === null || best.length === 0) return null;
  const free = freeItems(metrics);
  const items = { set: searchSet, indices: free.slice(0, MOST_ITEMS), perRun: samplesPerRun(open) };
  const { threads } = options;
  const asked = { threads, signal: context.signal };
  const folder = makeScratchFolder("mdp-repaired-");
  try {
    const dense = await evidenceOfFile(open.path, open.path, metrics, items, asked);
    const whole = goals.map(({ metric }, index) => {
      const evidence = bench.confirmed[index] ?? [];
      return metric.pooled(metric.settle?.(evidence) ?? evidence);
    });
    const yardstick = yardstickOf(goals, dense, whole);
    const judged = async ({ subnet }: Candidate, graph: Graph): Promise<Evaluation> => {
      const path = join(folder, "candidate.onnx");
      writeModel(withGraph(open.model, graph), path);
      const judge = {
        part: null,
        whole: () => evidenceOfFile(path, open.path, metrics, items, asked),
      };
      return (await evaluateSubnet(subnet, yardstick, judge, null)).evaluation;
    };
    const tried: Repaired[] = [];
    for (const [at, candidate] of best.entries()) {
      context.progress.step("repairing the best subnets", at, best.length);
      const correction = await repairSubnet(bench, candidate.subnet, options, context);
      tried.push({
        ...{ candidate, correction },
        before: await judged(candidate, cutGraph(open.structure, candidate.subnet)),
        after: correction === null ? null : await judged(candidate, correction.graph),
      });
      if (context.signal.aborted) break;
    }
    const { chosen, isRepaired } = choiceOf(tried);
    return {
      ...{ tried, chosen, isRepaired, items: items.indices.length },
      samples: Math.max(...tried.map(({ correction }) => correction?.images ?? 0)),
      source: source.path,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Items that the gate does not use: those of the search, and those of its side that it left out. */
function freeItems({ searchSet, dealt }: OpenMetrics): readonly number[] {
  return searchSet === null ? dealt.search : [...dealt.search, ...dealt.spare];
}

/**
 * Repairs a subnet without labels on samples that are none of the gate's.
 * @returns null where no layer has a place for it, or the samples are too few
 */
export async function repairSubnet(
  { open, metrics }: Bench,
  subnet: Subnet,
  { data, threads, seed }: RepairOptions,
  context: RunContext,
): Promise<Correction | null> {
  const { images, ridge } = CORRECT_DEFAULTS;
  const { searchSet, dealt } = metrics;
  const samples = (): AsyncIterable<SampleBatch> | null => {
    if (data !== null) {
      const limit = Math.min(images, data.count);
      return withoutItems(data.batches(BATCH, { limit, seed }), dealt.confirmed);
    }
    if (searchSet === null) return null;
    return batchesOf(searchSet, freeItems(metrics).slice(0, images), samplesPerRun(open));
  };
  const given = samples();
  if (given === null) return null;
  try {
    const asked = { images, ridge, threads, seed, signal: context.signal };
    return await correctSubnet(open.model, open.structure, subnet, given, asked);
  } catch (error) {
    const isLeft = ["correct/nothing", "correct/no-images"];
    if (error instanceof InputError && isLeft.includes(error.code)) return null;
    throw error;
  }
}

const BATCH = 100;

/** The best by the lower end of its score, repaired or not; by the score where no lower end is finite. */
export function choiceOf(tried: readonly Repaired[]): {
  readonly chosen: Repaired;
  readonly isRepaired: boolean;
} {
  const all = tried.flatMap((chosen) => [
    ...(chosen.after === null ? [] : [{ chosen, isRepaired: true, evaluation: chosen.after }]),
    { chosen, isRepaired: false, evaluation: chosen.before },
  ]);
  const byLower = all.some(({ evaluation }) => Number.isFinite(evaluation.lower));
  const worth = ({ evaluation }: (typeof all)[number]): number =>
    byLower ? evaluation.lower : evaluation.score;
  const [first, ...others] = all;
  if (first === undefined) throw new RangeError("nothing to choose from");
  return others.reduce((best, each) => (worth(each) > worth(best) ? each : best), first);
}
