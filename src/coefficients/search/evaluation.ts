import { sha256 } from "../../core/files.ts";
import type { Subnet } from "../../subnet/subnet.ts";
import { measureDifference } from "../../tasks/measure.ts";
import {
  type DenseValues,
  type Goal,
  type Stand,
  scoreOf,
  searchLimit,
  standOf,
} from "../goals/goal.ts";
import type { Evidence, Judge } from "../judge.ts";

/** What one subnet reached on the items of the search. */
export interface Evaluation {
  /** Which subnet it was. */
  readonly subnet: string;
  /** See `scoreOf`; of a dropped one, what the quarter of the items said. */
  readonly score: number;
  /** The score where every metric is at the lower end of its paired interval beside the dense network. */
  readonly lower: number;
  readonly stands: readonly Stand[];
  /** Dropped after a quarter of the items: it can't have beaten the best one by then. */
  readonly isDropped: boolean;
  readonly seconds: number;
}

/** What evaluations are compared with. */
export interface Yardstick {
  readonly goals: readonly Goal[];
  readonly dense: readonly (readonly unknown[])[];
  readonly limits: readonly (number | null)[];
  readonly values: readonly DenseValues[];
}

/** @param whole what the dense network reaches on all items, by goal */
export function yardstickOf(
  goals: readonly Goal[],
  dense: readonly (readonly unknown[])[],
  whole: readonly number[],
): Yardstick {
  const values = goals.map(({ metric }, index): DenseValues => {
    const searched = pooledValue(metric, dense[index] ?? []);
    return { searched, whole: whole[index] ?? searched };
  });
  const limits = goals.map((goal, index) => {
    const value = values[index];
    return value === undefined ? null : searchLimit(goal, value);
  });
  return { goals, dense, limits, values };
}

/** A name for a subnet, the same for the same units. */
export function subnetKey({ kept, droppedBlocks, droppedLayers }: Subnet): string {
  return sha256(JSON.stringify([kept, droppedBlocks, droppedLayers])).slice(0, 16);
}

/** Confidence of the interval by which a candidate is dropped early, and of the lower bound by which the best are chosen. */
const RACE = 0.99;
const BOUND = 0.9;

/** The best subnet so far, with what it is raced against. */
export interface Incumbent {
  readonly subnet: Subnet;
  readonly score: number;
  readonly stands: readonly Stand[];
  readonly part: Evidence | null;
}

export async function evaluateSubnet(
  subnet: Subnet,
  yardstick: Yardstick,
  judge: Judge,
  incumbent: Incumbent | null,
): Promise<{ readonly evaluation: Evaluation; readonly part: Evidence | null }> {
  const began = performance.now();
  const key = subnetKey(subnet);
  const seconds = (): number => Number(((performance.now() - began) / 1000).toFixed(3));
  let part: Evidence | null = null;
  if (judge.part !== null && incumbent?.part != null) {
    part = await judge.part(subnet);
    const best = bestPossible(yardstick, part, incumbent);
    if (best < incumbent.score) {
      const stands = standsOf(yardstick, (index) => {
        const evidence = part?.[index] ?? null;
        return evidence === null
          ? Number.NaN
          : pooledValue(yardstick.goals[index]?.metric, evidence);
      });
      const score = Math.min(scoreOf(yardstick.goals, stands), best);
      return {
        part,
        evaluation: {
          subnet: key,
          score,
          lower: score,
          stands,
          isDropped: true,
          seconds: seconds(),
        },
      };
    }
  }
  const evidence = await judge.whole(subnet);
  const stands = standsOf(yardstick, (index) =>
    pooledValue(yardstick.goals[index]?.metric, evidence[index] ?? []),
  );
  const lowest = standsOf(yardstick, (index) => lowEnd(yardstick, index, evidence[index] ?? []));
  return {
    part,
    evaluation: {
      subnet: key,
      score: scoreOf(yardstick.goals, stands),
      lower: scoreOf(yardstick.goals, lowest),
      stands,
      isDropped: false,
      seconds: seconds(),
    },
  };
}

function standsOf(
  { goals, values, limits }: Yardstick,
  value: (index: number) => number,
): readonly Stand[] {
  return goals.map((goal, index) =>
    standOf(goal, value(index), values[index]?.searched ?? Number.NaN, limits[index] ?? null),
  );
}

/** The value at the worse end of the paired difference from the dense network. */
function lowEnd(
  { goals, dense, values }: Yardstick,
  index: number,
  evidence: readonly unknown[],
): number {
  const goal = goals[index];
  const before = dense[index] ?? [];
  if (goal === undefined || before.length !== evidence.length) return Number.NaN;
  const { low, high } = measureDifference(goal.metric, before, evidence, {
    confidence: BOUND,
    resamples: 400,
  });
  return (values[index]?.searched ?? Number.NaN) + (goal.metric.better === "higher" ? low : high);
}

/**
 * The score that a candidate can still have: every metric at the better end of its paired difference from the best subnet, and as
 * the dense network where it wasn't measured.
 */
function bestPossible(yardstick: Yardstick, part: Evidence, incumbent: Incumbent): number {
  const { goals, values } = yardstick;
  const stands = standsOf(yardstick, (index) => {
    const metric = goals[index]?.metric;
    const [own, other] = [part[index] ?? null, incumbent.part?.[index] ?? null];
    const known = incumbent.stands[index]?.value ?? Number.NaN;
    if (metric === undefined || own === null || other === null || own.length !== other.length) {
      return values[index]?.searched ?? Number.NaN;
    }
    const options = { confidence: RACE, resamples: 200 };
    const { low, high } = measureDifference(metric, other, own, options);
    return known + (metric.better === "higher" ? high : low);
  });
  return scoreOf(goals, stands);
}

function pooledValue(metric: Goal["metric"] | undefined, evidence: readonly unknown[]): number {
  if (metric === undefined) return Number.NaN;
  return metric.pooled(metric.settle?.(evidence) ?? evidence);
}
