import { type Bound, type Hunt, offer, priceOfLimits } from "../hunt.ts";
import type { Plan } from "./plan.ts";
import { bestPoint, type Point } from "./point.ts";
import { sweep } from "./sweep.ts";

/** A bound, and a point that reaches it. */
export type SweepFound = Bound & { readonly point: Point };

/** Sweeps with these multipliers, and keeps the point it finds where that is the best within the limits. */
export async function sweepAt(
  plan: Plan,
  hunt: Hunt,
  multipliers: readonly number[],
  gainWeight: 0 | 1 = 1,
): Promise<SweepFound> {
  await hunt.rest();
  hunt.last = null;
  const total = await sweep(plan, { gainWeight, multipliers }, hunt.rest);
  hunt.sweeps += 1;
  const point = bestPoint(plan);
  offer(hunt, plan.graph, point);
  const found = { multipliers, bound: total + priceOfLimits(hunt, multipliers), total };
  hunt.last = gainWeight === 1 ? { plan, found } : null;
  if (gainWeight === 1) hunt.multipliers = multipliers;
  return { ...found, point };
}

/** Makes the plan's tables those of a bound that was found with it. */
export async function sweepAgain(plan: Plan, hunt: Hunt, { multipliers }: Bound): Promise<Bound> {
  const { last } = hunt;
  const isThere =
    last?.plan === plan && last.found.multipliers.every((each, r) => each === multipliers[r]);
  return isThere ? last.found : await sweepAt(plan, hunt, multipliers);
}
