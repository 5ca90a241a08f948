import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { groupsOf } from "../../src/coefficients/groups.ts";
import type { Evaluation } from "../../src/coefficients/search/evaluation.ts";
import { memoryLog } from "../../src/coefficients/search/log.ts";
import { searchCoefficients } from "../../src/coefficients/search/search.ts";
import { solveCandidate } from "../../src/coefficients/solve-candidate.ts";
import { startsOf } from "../../src/coefficients/starts.ts";
import { SILENT } from "../../src/core/progress.ts";
import { randomFrom } from "../../src/core/random.ts";
import { DRAWN_SETS } from "../../src/data/drawn/files.ts";
import { writeDrawnSet } from "../../src/data/drawn/write-set.ts";
import {
  choiceOf,
  type Repaired,
  repairBest,
} from "../../src/pipeline/coefficients/repair-best.ts";
import { openBench } from "../../src/pipeline/coefficients/search-network.ts";
import { contentHashes, dealItems, withoutItems } from "../../src/pipeline/metrics/deal-items.ts";
import { openMetrics } from "../../src/pipeline/metrics/open-metrics.ts";
import { openNetwork } from "../../src/pipeline/open/network.ts";
import { solveNetworkOptions } from "../../src/pipeline/solve/solve-settings.ts";
import { tableFor } from "../../src/pipeline/tables/table-source.ts";
import type { SampleBatch } from "../../src/runtime/batches.ts";
import { silentRun } from "../helpers/run-context.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-repair-best-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("the choice among the best few", () => {
  const evaluation = (score: number, lower: number): Evaluation => ({
    ...{ subnet: "", score, lower, stands: [], isDropped: false, seconds: 0 },
  });
  const tried = (before: Evaluation, after: Evaluation | null): Repaired =>
    ({ before, after, correction: null, candidate: {} }) as unknown as Repaired;

  test("goes by the lower end, repaired or not", () => {
    const first = tried(evaluation(0.5, 0.1), evaluation(0.9, 0.2));
    const second = tried(evaluation(0.4, 0), evaluation(0.8, 0.3));
    const third = tried(evaluation(0.6, 0.25), null);
    expect(choiceOf([first, second, third])).toMatchObject({ chosen: second, isRepaired: true });
    expect(choiceOf([first, third])).toMatchObject({ chosen: third, isRepaired: false });
  });

  test("goes by the score where nothing has a lower end", () => {
    const nothing = Number.NEGATIVE_INFINITY;
    const first = tried(evaluation(-3, nothing), evaluation(-1, nothing));
    const second = tried(evaluation(-2, nothing), null);
    expect(choiceOf([second, first])).toMatchObject({ chosen: first, isRepaired: true });
  });
});

test("items that the search leaves out on its side are neither searched nor confirmed", () => {
  const random = randomFrom(5);
  const hashes = Array.from({ length: 400 }, () =>
    Array.from({ length: 16 }, () => random.integer(16).toString(16)).join(""),
  );
  const { search, confirm, spare } = dealItems(hashes, { search: 40, confirm: 80 }, "test");
  expect([search.length, confirm.length]).toEqual([40, 80]);
  expect(spare.length).toBeGreaterThan(60);
  expect(new Set([...search, ...confirm, ...spare]).size).toBe(120 + spare.length);
  // They stay on the search's side when more items are confirmed on.
  const more = dealItems(hashes, { search: 60, confirm: 120 }, "test");
  expect(spare.filter((index) => more.confirm.includes(index))).toEqual([]);
});

test("samples with the content of banned items are left out of any batch, wherever they stand", async () => {
  const batchOf = (values: readonly number[]): SampleBatch => ({
    size: values.length,
    feeds: { "": { type: "float32", shape: [values.length, 1], data: Float32Array.from(values) } },
    labels: Int32Array.from(values),
  });
  const all = Array.from({ length: 12 }, (_, index) => index);
  const samples = async (indices: readonly number[]) => batchOf(indices);
  const hashes = await contentHashes({ count: 12, path: "", samples });
  async function* batches(): AsyncGenerator<SampleBatch> {
    yield batchOf(all.slice(0, 5));
    yield batchOf(all.slice(5));
  }
  const banned = new Set([0, 3, 4, 5, 11].map((index) => hashes[index] ?? ""));
  const left: number[] = [];
  for await (const { labels } of withoutItems(batches(), banned)) left.push(...labels);
  expect(left).toEqual([1, 2, 6, 7, 8, 9, 10]);
});

test("the best of a search are repaired on items that the gate doesn't use, and the choice is made after that", async () => {
  const data = join(folder, "plates");
  writeDrawnSet(data, DRAWN_SETS.plates, { seed: 1, train: 0, test: 160 }, SILENT);
  const path = join(folder, "metrics.json");
  const metrics = [{ name: "alike", is: "cosine", output: "defect", maximize: 1 }];
  writeFileSync(
    path,
    JSON.stringify({
      schema: "mdp-metrics/1",
      data: { path: data, search: 40, confirm: 40 },
      metrics,
    }),
  );
  const context = silentRun;
  const open = await openNetwork(":inspector");
  const source = tableFor(open, { device: "jetson-xavier", step: 16, commandLine: "test" });
  const settings = solveNetworkOptions(
    {
      ...{ limit: ["params <= 60%"], budget: "none", step: 16, maxPrune: 0.9 },
      ...{ blocks: false, layers: false, gap: 0 },
    },
    16,
  );
  const opened = await openMetrics(path, open);
  const asked: number[] = [];
  const { searchSet } = opened;
  if (searchSet === null) throw new Error("no items");
  const watched = {
    ...searchSet,
    samples: (indices: readonly number[]) => {
      asked.push(...indices);
      return searchSet.samples(indices);
    },
  };
  const bench = await openBench(
    open,
    source,
    { ...opened, searchSet: watched },
    settings,
    { threads: 1 },
    context,
  );
  try {
    asked.length = 0;
    const network = await bench.program(bench.importance);
    const groups = groupsOf(network, "auto");
    const solve = (problem: Parameters<typeof solveCandidate>[0]) => solveCandidate(problem, []);
    const starts = (await startsOf(network, groups, solve)).slice(0, 2);
    const { found } = await searchCoefficients(
      { network, groups, solve, yardstick: bench.yardstick, judge: bench.judge },
      starts,
      {
        ...{ evaluations: 9, seed: 1, method: "cma-es", startsOnly: true },
        ...{ log: memoryLog(), progress: SILENT },
      },
    );
    const candidates = found.map((each) => ({ ...each, network }));
    const choice = await repairBest(
      bench,
      { candidates, baselines: candidates },
      { data: null, threads: 1, seed: 1 },
      context,
    );
    expect(choice).toMatchObject({ isRepaired: true, samples: choice?.items });
    // Each one is better with its repair than without.
    for (const { before, after } of choice?.tried ?? []) {
      expect(after?.score).toBeGreaterThan(before.score);
    }
    const lowers = choice?.tried.map(({ after }) => after?.lower ?? Number.NaN) ?? [];
    expect(choice?.chosen.after?.lower).toBe(Math.max(...lowers));
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.filter((index) => opened.dealt.confirm.includes(index))).toEqual([]);
  } finally {
    await bench.close();
  }
});
