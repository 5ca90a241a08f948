import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { groupsOf, MOST_GROUPS, mergedByDamage } from "../../src/coefficients/groups.ts";
import type { Judge } from "../../src/coefficients/judge.ts";
import { coefficientProblem, coefficientsAt, normalised } from "../../src/coefficients/program.ts";
import { cmaEs } from "../../src/coefficients/search/cma-es.ts";
import { yardstickOf } from "../../src/coefficients/search/evaluation.ts";
import { fileLog, memoryLog } from "../../src/coefficients/search/log.ts";
import { searchCoefficients } from "../../src/coefficients/search/search.ts";
import { surrogateOf } from "../../src/coefficients/search/surrogate.ts";
import { solveCandidate } from "../../src/coefficients/solve-candidate.ts";
import { startsOf } from "../../src/coefficients/starts.ts";
import { SILENT } from "../../src/core/progress.ts";
import { randomFrom } from "../../src/core/random.ts";
import type { NetworkProblem } from "../../src/formulation/network/network-problem.ts";
import { evaluate } from "../../src/formulation/problem/evaluate.ts";
import { keepAll, type Subnet } from "../../src/subnet/subnet.ts";
import { type Metric, meanMetric } from "../../src/tasks/metric.ts";
import { enumerateProblem } from "../helpers/enumerate-problem.ts";
import { limitable, limited } from "../helpers/limited-network.ts";
import { latentAgent } from "../helpers/part-networks.ts";

const made = limitable(latentAgent(), 4, 1);
const plain = (await limited(made, { limit: ["params <= 40%"] }, { layers: false })).network;
const groups = groupsOf(plain, "auto");
const solve = (problem: Parameters<typeof solveCandidate>[0]) => solveCandidate(problem, []);

/** A judge that likes some dims better than others: what it thinks of a subnet is known in closed form. */
function liking(weights: readonly number[]): { judge: Judge; calls: () => number } {
  let calls = 0;
  const value = ({ kept }: Subnet): number =>
    made.structure.dims.reduce(
      (sum, { index, size }) =>
        sum - (weights[index] ?? 1) * (1 - (kept[index]?.length ?? 0) / size) ** 2,
      10,
    );
  return {
    calls: () => calls,
    judge: {
      part: null,
      whole: async (subnet) => {
        calls += 1;
        return [Array.from({ length: 16 }, (_, item) => value(subnet) + 0.01 * (item % 4))];
      },
    },
  };
}

const metric = meanMetric(
  { name: "liking", better: "higher", unit: "number", pooling: "mean" },
  () => 0,
) as Metric;

async function searched(
  weights: readonly number[],
  options: {
    seed?: number;
    evaluations?: number;
    log?: ReturnType<typeof memoryLog>;
    method?: "cma-es" | "gaussian-process";
  } = {},
) {
  const { judge, calls } = liking(weights);
  const dense = await judge.whole(keepAll(made.structure));
  const yardstick = yardstickOf([{ metric, require: null, maximize: 1 }], dense, [10]);
  const result = await searchCoefficients(
    { network: plain, groups, yardstick, judge, solve },
    await startsOf(plain, groups, solve),
    {
      evaluations: options.evaluations ?? 40,
      seed: options.seed ?? 1,
      method: options.method ?? "cma-es",
      log: options.log ?? memoryLog(),
      progress: SILENT,
    },
  );
  return { result, calls: calls() - 1 };
}

const parametersOf = (network: NetworkProblem, selection: Parameters<typeof evaluate>[1]): number =>
  evaluate(network.problem, selection).usage.at(-1) ?? Number.NaN;

describe("groups", () => {
  test("hold every dim with a choice once, at every granularity", () => {
    for (const granularity of ["dim", "component", "band", "auto"] as const) {
      const list = groupsOf(plain, granularity);
      const dims = list.flatMap((group) => group.dims).sort((a, b) => a - b);
      expect(new Set(dims).size).toBe(dims.length);
      expect(dims).toEqual(groupsOf(plain, "dim").flatMap((group) => group.dims));
      expect(new Set(list.map(({ name }) => name)).size).toBe(list.length);
    }
    expect(groupsOf(plain, "component").map(({ component }) => component)).toContain("encoder");
  });

  test("that do alike harm are merged until few enough are left", () => {
    const many = groupsOf(plain, "dim");
    const merged = mergedByDamage(
      made.structure,
      many,
      many.map(() => 1),
      many.length - 0,
    );
    expect(merged.length).toBeLessThanOrEqual(MOST_GROUPS);
  });
});

describe("the inner program", () => {
  test("finds the best selection that trying all finds, at random coefficients", async () => {
    const random = randomFrom(4);
    const tiny = (await limited(made, { limit: ["params <= 60%"] }, { layers: false, step: 12 }))
      .network;
    const own = groupsOf(tiny, "dim");
    for (let draw = 0; draw < 3; draw += 1) {
      const coefficients = own.map(() => Math.exp(random.normal()));
      const problem = coefficientProblem(tiny.problem, own, coefficients);
      const selection = await solve(problem);
      const best = enumerateProblem(problem);
      expect(evaluate(problem, selection).objective).toBeCloseTo(best?.objective ?? Number.NaN, 8);
    }
  });

  test("gives back about the widths that coefficients were made from", async () => {
    const [uniform] = await startsOf(plain, groups, solve);
    if (uniform?.selection == null) throw new Error("no start");
    const coefficients = coefficientsAt(plain, groups, uniform.selection);
    const again = await solve(coefficientProblem(plain.problem, groups, coefficients));
    const shares = again.options.map((option, dim) => {
      const counts = plain.problem.dims[dim]?.counts ?? [1];
      const at = (index: number): number => (counts[index] ?? 1) / (counts.at(-1) ?? 1);
      return Math.abs(at(option) - at(uniform.selection?.options[dim] ?? 0));
    });
    expect(Math.max(...shares)).toBeLessThan(0.35);
  });

  test("keeps every limit at any coefficients", async () => {
    const random = randomFrom(9);
    for (let draw = 0; draw < 20; draw += 1) {
      const coefficients = normalised(groups.map(() => Math.exp(2 * random.normal())));
      const selection = await solve(coefficientProblem(plain.problem, groups, coefficients));
      const limit = plain.problem.resources.at(-1)?.limit ?? 0;
      expect(parametersOf(plain, selection)).toBeLessThanOrEqual(limit * (1 + 1e-9));
    }
  });
});

describe("the search", () => {
  test.each(["cma-es", "gaussian-process"] as const)(
    "by %s beats its starts, and different likings give different subnets",
    async (method) => {
      const few = made.structure.dims.map(({ index }) => (index % 2 === 0 ? 8 : 0.2));
      const other = made.structure.dims.map(({ index }) => (index % 2 === 0 ? 0.2 : 8));
      const [one, two] = [await searched(few, { method }), await searched(other, { method })];
      for (const { result } of [one, two]) {
        const starts = result.found.filter(({ evaluation }) => !evaluation.from.startsWith(method));
        const best = result.found[0]?.evaluation.score ?? Number.NaN;
        for (const { evaluation } of starts) expect(best).toBeGreaterThanOrEqual(evaluation.score);
      }
      expect(one.result.found[0]?.evaluation.subnet).not.toBe(
        two.result.found[0]?.evaluation.subnet,
      );
    },
  );

  test("is the same for the same seed", async () => {
    const weights = made.structure.dims.map(({ index }) => 1 + (index % 3));
    const [one, two] = [await searched(weights), await searched(weights)];
    expect(one.result.history).toEqual(two.result.history);
    const other = await searched(weights, { seed: 2 });
    expect(other.result.found.map(({ evaluation }) => evaluation.subnet)).not.toEqual(
      one.result.found.map(({ evaluation }) => evaluation.subnet),
    );
  });

  test("that was stopped goes on where it was, measures nothing twice, and ends the same", async () => {
    const path = join(mkdtempSync(join(tmpdir(), "mdp-log-")), "evaluations.jsonl");
    const weights = made.structure.dims.map(({ index }) => 1 + (index % 4));
    const whole = await searched(weights);
    const half = await searched(weights, { evaluations: 17, log: fileLog(path, "this") });
    // A line that a crash cut off in its middle.
    appendFileSync(path, '{"from":"cma-es","coeff');
    const rest = await searched(weights, { log: fileLog(path, "this") });
    expect(half.calls).toBe(17);
    expect(rest.calls).toBe(whole.calls - 17);
    expect(rest.result.history).toEqual(whole.result.history);
    expect(readFileSync(path, "utf8").trim().split("\n")).toHaveLength(1 + whole.calls);
    expect(() => fileLog(path, "another")).toThrow(
      expect.objectContaining({ code: "coefficients/other-search" }),
    );
    writeFileSync(path, readFileSync(path, "utf8").replace('"score":', '"sore":'));
    expect(() => fileLog(path, "this")).toThrow(
      expect.objectContaining({ code: "coefficients/bad-log" }),
    );
  });
});

describe("CMA-ES", () => {
  test("finds the minimum of a rotated ellipsoid", () => {
    const search = cmaEs([2, -1, 3, 0.5, 1], 0.5, randomFrom(1));
    const value = (x: readonly number[]): number =>
      x.reduce(
        (sum, each, k) => sum + 100 ** (k / 4) * (each - 0.3 * (x[(k + 1) % 5] ?? 0)) ** 2,
        0,
      );
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 250; round += 1) {
      const points = search.ask();
      best = Math.min(best, ...points.map(value));
      search.tell(
        points,
        points.map((point) => -value(point)),
      );
    }
    expect(best).toBeLessThan(1e-8);
  });

  test("counts what has no score as worst", () => {
    const search = cmaEs([0, 0], 0.5, randomFrom(2));
    const points = search.ask();
    search.tell(
      points,
      points.map((_, index) => (index === 0 ? 1 : Number.NaN)),
    );
    expect(search.mean().every(Number.isFinite)).toBe(true);
  });
});

test("a Gaussian process expects most improvement near the best, and none where it is known", () => {
  const points = [[-2], [-1], [0], [1], [2]];
  const scores = points.map(([x = 0]) => -((x - 0.4) ** 2));
  const { improvement } = surrogateOf(points, scores);
  expect(improvement([0.4])).toBeGreaterThan(improvement([-1.5]));
  expect(improvement([0.4])).toBeGreaterThan(improvement([0]));
});
