import { describe, expect, test } from "vitest";
import { type Random, randomFrom } from "../../src/core/random.ts";
import type { Factor, FactorGraph } from "../../src/formulation/presolve/factors/factors.ts";
import { bestWithin, type LabelAnswer } from "../../src/formulation/presolve/labels/labels.ts";
import { type Roof, roofOf } from "../../src/formulation/presolve/labels/roofs.ts";
import { type Limit, NO_LIMIT, worthOf } from "../../src/formulation/presolve/search-state.ts";
import { eliminationOrder } from "../../src/formulation/presolve/sweeps/order.ts";
import { makePlan, type Plan } from "../../src/formulation/presolve/sweeps/plan.ts";
import { sweep } from "../../src/formulation/presolve/sweeps/sweep.ts";

const SEEDS = Array.from({ length: 60 }, (_, at) => at + 1);

/** A chain of tables over two variables each, one table over three, and a constant. */
function drawnGraph(random: Random, resourceCount: number): FactorGraph {
  const sizes = Array.from({ length: 4 + random.integer(2) }, () => 2 + random.integer(3));
  const variables = sizes.map((size, index) => ({
    kind: "dim" as const,
    index,
    counts: Array.from({ length: size }, (_, at) => at + 1),
    states: Array.from({ length: size }, (_, at) => at),
  }));
  const factor = (scope: readonly number[]): Factor => {
    const cells = scope.reduce((product, at) => product * (sizes[at] as number), 1);
    const drawn = (): Float64Array => Float64Array.from({ length: cells }, () => random.next());
    const cost = Array.from({ length: resourceCount }, () => drawn());
    // One cell in ten is forbidden.
    const gain = drawn().map((each) => (random.next() < 0.1 ? Number.NEGATIVE_INFINITY : each));
    return { scope, gain, cost };
  };
  const scopes = sizes.slice(1).map((_, at) => [at, at + 1]);
  const factors = [[], ...scopes, [0, 1, sizes.length - 1]].map((scope) => factor(scope));
  return { variables, factors, links: [], resourceCount };
}

/** Every point, by counting through the states. */
function* points({ variables, factors, resourceCount }: FactorGraph): Generator<{
  readonly gain: number;
  readonly cost: readonly number[];
}> {
  const sizes = variables.map(({ states }) => states.length);
  const total = sizes.reduce((product, size) => product * size, 1);
  for (let number = 0; number < total; number += 1) {
    let rest = number;
    const at = sizes.map((size) => {
      const own = rest % size;
      rest = Math.floor(rest / size);
      return own;
    });
    const cells = factors.map(({ scope }) =>
      scope.reduce(
        (cell, variable) => cell * (sizes[variable] as number) + (at[variable] as number),
        0,
      ),
    );
    const sum = (tableOf: (factor: Factor) => Float64Array | null | undefined): number =>
      factors.reduce((all, factor, f) => all + (tableOf(factor)?.[cells[f] as number] ?? 0), 0);
    yield {
      gain: sum(({ gain }) => gain),
      cost: Array.from({ length: resourceCount }, (_, r) => sum(({ cost }) => cost[r])),
    };
  }
}

/** The worth of the best point within the limits; -Infinity where there is none. */
function bestByTrying(graph: FactorGraph, limits: readonly Limit[]): number {
  let best = Number.NEGATIVE_INFINITY;
  for (const { gain, cost } of points(graph)) best = Math.max(best, worthOf(limits, gain, cost));
  return best;
}

/** A plan whose tables are filled, and the bound that the multipliers prove. */
async function swept(
  graph: FactorGraph,
  limits: readonly Limit[],
  multipliers: readonly number[],
): Promise<{ readonly plan: Plan; readonly bound: number }> {
  const plan = makePlan(graph, eliminationOrder(graph));
  const total = await sweep(plan, { gainWeight: 1, multipliers }, async () => {});
  return { plan, bound: total + priceOf(limits, multipliers) };
}

function priceOf(limits: readonly Limit[], multipliers: readonly number[]): number {
  return limits.reduce(
    (sum, { most }, r) => sum + (multipliers[r] === 0 ? 0 : (multipliers[r] as number) * most),
    0,
  );
}

/** Roofs of sweeps with multipliers of every size, and the plan's own sweep after them. */
async function roofsFor(
  plan: Plan,
  limits: readonly Limit[],
  multipliers: readonly number[],
  random: Random,
): Promise<Roof[]> {
  const roofs: Roof[] = [];
  for (const scale of [0, 0.6, 0.9, 1.2, 3].slice(random.integer(4))) {
    const others = multipliers.map((each, r) => {
      const { penalty, group } = limits[r] ?? NO_LIMIT;
      return Math.min(each * scale * (0.5 + random.next()), group === null ? penalty : each);
    });
    const total = await sweep(plan, { gainWeight: 1, multipliers: others }, async () => {});
    roofs.push(roofOf(plan, others, total + priceOf(limits, others)));
  }
  await sweep(plan, { gainWeight: 1, multipliers }, async () => {});
  return roofs;
}

interface Asked {
  readonly random?: Random;
  readonly maxLabels?: number;
  readonly width?: number;
  readonly gap?: number;
}

async function ask(
  graph: FactorGraph,
  limits: readonly Limit[],
  multipliers: readonly number[],
  { maxLabels = 1e6, width = Number.POSITIVE_INFINITY, gap = 1e3, random }: Asked = {},
): Promise<LabelAnswer & { readonly bound: number }> {
  const { plan, bound } = await swept(graph, limits, multipliers);
  const roofs = random === undefined ? [] : await roofsFor(plan, limits, multipliers, random);
  const answer = await bestWithin({
    ...{ plan, limits, bound, multipliers, maxLabels, width, gap },
    resources: limits.flatMap(({ most }, r) => (most === Number.POSITIVE_INFINITY ? [] : [r])),
    ...{ rounding: 1e-11, empty: 0, roofs },
    rest: async () => {},
  });
  return { ...answer, bound };
}

function worthFound(answer: LabelAnswer): number {
  if (answer.kind === "point") return answer.worth;
  return answer.kind === "none" ? Number.NEGATIVE_INFINITY : Number.NaN;
}

/** Limits around what points cost, from ones that nothing keeps to ones that all keep. */
function drawnLimits(
  random: Random,
  graph: FactorGraph,
  kinds: readonly ("hard" | "soft" | "group")[],
): Limit[] {
  // A group has one penalty.
  const shared = 0.5 + 2 * random.next();
  const all = [...points(graph)].filter(({ gain }) => Number.isFinite(gain));
  return kinds.map((kind, r) => {
    const costs = all.map(({ cost }) => cost[r] as number).sort((a, b) => a - b);
    const most =
      (costs[random.integer(costs.length)] ?? 1) * (random.next() < 0.1 ? 0.2 : 1 + 1e-9);
    if (kind === "hard") return { ...NO_LIMIT, most };
    if (kind === "group") return { most, penalty: shared, group: "devices" };
    return { most, penalty: 0.5 + 2 * random.next(), group: null };
  });
}

/** Wide, and so narrow that the best point is nearly out of reach. */
function gapsFor(bound: number, best: number): readonly number[] {
  return Number.isFinite(best) ? [1e3, bound - best + 1e-9] : [1e3];
}

describe("label setting finds the best point within the limits", () => {
  test.each([
    ["one hard limit", ["hard"]],
    ["one soft limit", ["soft"]],
    ["two hard limits", ["hard", "hard"]],
    ["a hard and a soft limit", ["hard", "soft"]],
    ["three limits", ["hard", "soft", "hard"]],
    ["a group of soft limits", ["group", "group"]],
  ] as const)("with %s, as trying all points does", async (_, kinds) => {
    let infeasible = 0;
    let fewer = 0;
    for (const seed of SEEDS) {
      const random = randomFrom(seed);
      const graph = drawnGraph(random, kinds.length);
      const limits = drawnLimits(random, graph, kinds);
      // Multipliers of a group sum up to its penalties at most.
      const multipliers = limits.map(({ penalty }) =>
        random.next() < 0.3 ? 0 : Math.min(penalty / kinds.length, random.next()),
      );
      const answer = await ask(graph, limits, multipliers);
      const best = bestByTrying(graph, limits);
      if (best === Number.NEGATIVE_INFINITY) infeasible += 1;
      expect(worthFound(answer), `seed ${seed}`).toBeCloseTo(best, 9);
      expect(answer.bound, `seed ${seed}`).toBeGreaterThanOrEqual(best - 1e-9);
      for (const gap of gapsFor(answer.bound, best)) {
        const under = await ask(graph, limits, multipliers, { random, gap });
        expect(worthFound(under), `seed ${seed}, under roofs`).toBeCloseTo(best, 9);
        fewer += answer.labels - under.labels;
      }
      if (answer.kind !== "point") continue;
      const { gain, cost } = answer.point;
      expect(worthOf(limits, gain, cost), `seed ${seed}`).toBeCloseTo(best, 9);
    }
    expect(fewer).toBeGreaterThan(100);
    if (kinds.every((kind) => kind === "hard")) expect(infeasible).toBeGreaterThan(0);
  });

  test("says that nothing is within a gap only where the best lies further from the bound", async () => {
    let empty = 0;
    for (const seed of SEEDS) {
      const random = randomFrom(seed);
      const graph = drawnGraph(random, 1);
      const limits = drawnLimits(random, graph, ["hard"]);
      const best = bestByTrying(graph, limits);
      const { bound } = await swept(graph, limits, [0.4]);
      if (!Number.isFinite(best) || bound - best < 1e-6) continue;
      for (const share of [0.1, 0.5, 0.999]) {
        const near = await ask(graph, limits, [0.4], { gap: share * (bound - best) });
        if (near.kind === "none") empty += 1;
        else expect(worthFound(near), `seed ${seed}`).toBeLessThanOrEqual(best + 1e-9);
      }
      const roofed = await ask(graph, limits, [0.4], { gap: 0.999 * (bound - best), random });
      expect(worthFound(roofed), `seed ${seed}, under roofs`).toBeLessThanOrEqual(best + 1e-9);
      const far = await ask(graph, limits, [0.4], { gap: 1.001 * (bound - best) });
      expect(worthFound(far), `seed ${seed}`).toBeCloseTo(best, 9);
    }
    expect(empty).toBeGreaterThan(20);
  });

  test("stops where it may make too few labels", async () => {
    let stops = 0;
    for (const seed of SEEDS) {
      const random = randomFrom(seed);
      const kinds = Array.from({ length: 1 + (seed % 3) }, () => "hard" as const);
      const graph = drawnGraph(random, kinds.length);
      const limits = drawnLimits(random, graph, kinds);
      const multipliers = limits.map(() => 0.1);
      const whole = await ask(graph, limits, multipliers);
      if (whole.labels < 20) continue;
      const stopped = await ask(graph, limits, multipliers, { maxLabels: 5 });
      expect(stopped.kind, `seed ${seed}`).toBe("stopped");
      expect(stopped.labels, `seed ${seed}`).toBeLessThan(whole.labels);
      stops += 1;
    }
    expect(stops).toBeGreaterThan(10);
  });

  test("a beam finds points within the limits, none better than the best, and most often nearly that", async () => {
    let found = 0;
    let lost = 0;
    for (const seed of SEEDS) {
      const random = randomFrom(seed);
      const graph = drawnGraph(random, 1);
      const limits = drawnLimits(random, graph, ["hard"]);
      const best = bestByTrying(graph, limits);
      const answer = await ask(graph, limits, [0.3], { width: 2 });
      if (answer.kind !== "point") continue;
      found += 1;
      const { gain, cost } = answer.point;
      expect(worthOf(limits, gain, cost), `seed ${seed}`).toBeCloseTo(answer.worth, 9);
      expect(answer.worth, `seed ${seed}`).toBeLessThanOrEqual(best + 1e-9);
      lost += best - answer.worth;
    }
    expect(found).toBeGreaterThan(40);
    expect(lost / found).toBeLessThan(0.3);
  });
});
