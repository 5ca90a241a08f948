import { at as entryAt } from "../../../core/at.ts";
import type { Plan } from "../sweeps/plan.ts";
import { costAt, stateSumsAt } from "../sweeps/point.ts";
import type { Group, Source } from "./label-list.ts";
import type { Step } from "./label-order.ts";
import type { Roof, RoofLine } from "./roofs.ts";

/** Sources by the choice of the needed variables that they lead to. */
export type Targets = Map<
  number,
  { readonly positions: readonly number[]; readonly sources: Source[] }
>;

/** What all steps of a pass share. */
export interface Expansion {
  readonly plan: Plan;
  /** The priced ones. */
  readonly resources: readonly number[];
  readonly reach: number;
  readonly roofs: readonly Roof[];
  readonly lines: readonly RoofLine[];
}

/** Gives each group every state of the step's variable that one of its labels may have. */
export function expandGroups(
  { plan, resources, reach, roofs, lines }: Expansion,
  { bucket, index, frontier, key }: Step,
  groups: readonly Group[],
  before: readonly number[],
): Targets {
  const targets: Targets = new Map();
  const positions = new Int32Array(plan.graph.variables.length);
  const bases = new Int32Array(bucket.slots.length);
  const sums = new Float64Array(bucket.size);
  const others = roofs.map(({ buckets }) => ({
    bucket: entryAt(buckets, index),
    sums: new Float64Array(bucket.size),
    best: 0,
  }));
  for (const group of groups) {
    before.forEach((variable, at) => {
      positions[variable] = group.positions[at] as number;
    });
    stateSumsAt(bucket, positions, bases, sums);
    const best = largest(sums);
    for (const other of others) {
      stateSumsAt(other.bucket, positions, bases, other.sums);
      other.best = largest(other.sums);
    }
    const mayHave = (state: number): boolean => {
      if (!(group.leastLoss + best - (sums[state] as number) <= reach)) return false;
      for (let k = 0; k < others.length; k += 1) {
        const { best: top, sums: own } = others[k] as (typeof others)[number];
        const least = (group.leastUnder[k] as number) + top - (own[state] as number);
        if (!(least <= (lines[k]?.room ?? 0))) return false;
      }
      return true;
    };
    for (let state = 0; state < bucket.size; state += 1) {
      if (!mayHave(state)) continue;
      const loss = best - (sums[state] as number);
      positions[bucket.variable] = state;
      const cost = resources.map((r) => costAt(bucket, bases, state, r));
      const own = Float64Array.from(others, ({ best: top, sums: all }, k) => {
        const { slopes } = lines[k] as RoofLine;
        const more = cost.reduce((sum, each, r) => sum + (slopes[r] as number) * each, loss);
        return (group.bases[k] as number) + top - (all[state] as number) - more;
      });
      const target = targetAt(plan, { frontier, key }, positions, targets);
      target.push({ group, state, cost, loss, bases: own });
    }
  }
  return targets;
}

/** 0 where nothing depends on the variable. */
function largest(sums: Float64Array): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < sums.length; at += 1) {
    if ((sums[at] as number) > most) most = sums[at] as number;
  }
  return most;
}

function targetAt(
  plan: Plan,
  { frontier, key }: Pick<Step, "frontier" | "key">,
  positions: Int32Array,
  targets: Targets,
): Source[] {
  let number = 0;
  for (const variable of key) {
    const states = plan.graph.variables[variable]?.states.length ?? 1;
    number = number * states + (positions[variable] as number);
  }
  const known = targets.get(number);
  if (known !== undefined) return known.sources;
  const sources: Source[] = [];
  targets.set(number, { positions: frontier.map((each) => positions[each] as number), sources });
  return sources;
}
