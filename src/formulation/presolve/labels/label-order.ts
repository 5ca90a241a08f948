import { get } from "../../../core/at.ts";
import type { Bucket, Plan } from "../sweeps/plan.ts";

/** A bucket in the order of labelling, and which variables are still needed after it. */
export interface Step {
  readonly bucket: Bucket;
  /** Where the plan has it. */
  readonly index: number;
  readonly frontier: readonly number[];
  /** Those of them that the others follow from. */
  readonly key: readonly number[];
}

/** Combinations of states are numbered; numbers beyond this are not exact. */
const MOST_COMBINATIONS = 2 ** 52;

/** Parents before children, small branches first, so that few variables are needed at a time. Null where they are too many. */
export function labelOrder(plan: Plan): Step[] | null {
  const order = parentsFirst(plan);
  const lastUse = new Map<number, number>();
  order.forEach(({ out }, step) => {
    for (const variable of out) lastUse.set(variable, step);
  });
  const indices = new Map(plan.buckets.map((bucket, index) => [bucket, index]));
  const steps: Step[] = [];
  let frontier: number[] = [];
  for (const [step, bucket] of order.entries()) {
    const isNeeded = (variable: number): boolean => (lastUse.get(variable) ?? -1) > step;
    frontier = [...frontier, bucket.variable].filter(isNeeded);
    const key = plan.basisOf(frontier).basis;
    const combinations = key.reduce(
      (product, variable) => product * (plan.graph.variables[variable]?.states.length ?? 1),
      1,
    );
    if (combinations > MOST_COMBINATIONS) return null;
    steps.push({ bucket, index: get(indices, bucket), frontier, key });
  }
  return steps;
}

/** The buckets along the tree that their messages make, from its roots. */
function parentsFirst({ buckets }: Plan): Bucket[] {
  const bucketOf = new Map(buckets.map(({ variable }, at) => [variable, at]));
  const children = buckets.map((): number[] => []);
  const weight = buckets.map(() => 1);
  const stack: number[] = [];
  buckets.forEach(({ out }, at) => {
    const parent = bucketOf.get(out.at(-1) ?? -1);
    if (parent === undefined) stack.push(at);
    else {
      children[parent]?.push(at);
      weight[parent] = (weight[parent] ?? 0) + (weight[at] ?? 0);
    }
  });
  const order: Bucket[] = [];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const bucket = buckets[at];
    if (bucket !== undefined) order.push(bucket);
    const mine = children[at] ?? [];
    mine.sort((one, other) => (weight[other] ?? 0) - (weight[one] ?? 0));
    for (const child of mine) stack.push(child);
  }
  return order;
}
