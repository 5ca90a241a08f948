import { optimise } from "../../src/coefficients/optimise.ts";
import { yardstickOf } from "../../src/coefficients/search/evaluation.ts";
import { memoryLog } from "../../src/coefficients/search/log.ts";
import { solveCandidate } from "../../src/coefficients/solve-candidate.ts";
import { SILENT } from "../../src/core/progress.ts";
import { keepAll, type Subnet } from "../../src/subnet/subnet.ts";
import type { Subject } from "./subject.ts";

/** A subnet by how it was chosen, with its score on the search items. */
export interface Named {
  readonly name: string;
  readonly subnet: Subnet;
  readonly score: number;
  readonly coefficients: readonly number[];
}

/** What a search ended with. */
export interface FoundRow {
  /** Uniform, threshold, program, and the search's best. */
  readonly subnets: readonly Named[];
  readonly groups: readonly string[];
  readonly history: readonly number[];
  readonly from: string;
  readonly evaluations: number;
  readonly unitRuns: number;
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly stopped: string;
}

export interface FindOptions {
  readonly evaluations: number;
  readonly seed: number;
  readonly method: "cma-es" | "gaussian-process";
  readonly units: "answers" | "importance";
  readonly from?: ReadonlyMap<string, number> | undefined;
}

export async function findSubnets(subject: Subject, options: FindOptions): Promise<FoundRow> {
  const { open, goals, importance, program, runs, ranked, search } = subject;
  const { structure } = open;
  const dense = await search(keepAll(structure));
  const yardstick = yardstickOf(
    goals,
    dense,
    goals.map(({ metric }, index) => metric.pooled(dense[index] ?? [])),
  );
  const began = performance.now();
  const cpu = process.cpuUsage();
  const found = await optimise(
    {
      ...{ structure, importance, yardstick, program, granularity: "auto" },
      judge: { part: null, whole: search },
      solve: (problem) => solveCandidate(problem, []),
      ranking: { by: options.units, runs, batch: ranked },
    },
    {
      ...{ evaluations: options.evaluations, seed: options.seed, log: memoryLog() },
      ...{ method: options.method, from: options.from, progress: SILENT },
    },
  );
  const used = process.cpuUsage(cpu);
  const [best] = found.candidates;
  if (best === undefined) throw new RangeError("nothing found");
  const named = (name: string, each: typeof best): Named => ({
    ...{ name, subnet: each.subnet, score: each.evaluation.score },
    coefficients: each.coefficients,
  });
  return {
    subnets: [
      ...found.baselines.map((each) => named(each.evaluation.from, each)),
      named("coefficients", best),
    ],
    groups: found.groups.map(({ name }) => name),
    ...{ history: found.history, from: best.evaluation.from, evaluations: found.evaluations },
    ...{ unitRuns: found.unitRuns, stopped: found.stopped },
    cpuSeconds: (used.user + used.system) / 1e6,
    wallSeconds: (performance.now() - began) / 1000,
  };
}
