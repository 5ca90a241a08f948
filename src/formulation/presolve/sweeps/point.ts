import type { Bucket, Plan } from "./plan.ts";
import { sumSlots } from "./sweep.ts";

/** A choice of states: per variable the position among the states that are left. */
export interface Point {
  readonly positions: Int32Array;
  readonly gain: number;
  readonly cost: readonly number[];
}

/** The offset of each slot's row for the states of the variables that go later. */
export function basesAt({ out, slots }: Bucket, positions: Int32Array, bases: Int32Array): void {
  for (let slot = 0; slot < slots.length; slot += 1) {
    let base = 0;
    for (let axis = 0; axis < out.length; axis += 1) {
      base += (slots[slot]?.outStrides[axis] ?? 0) * (positions[out[axis] as number] as number);
    }
    bases[slot] = base;
  }
}

/** A point that reaches the maximum of the last sweep, from the last bucket back to the first. */
export function bestPoint(plan: Plan): Point {
  const positions = new Int32Array(plan.graph.variables.length);
  for (let at = plan.buckets.length - 1; at >= 0; at -= 1) {
    const bucket = plan.buckets[at];
    if (bucket === undefined) continue;
    const bases = new Int32Array(bucket.slots.length);
    basesAt(bucket, positions, bases);
    const sums = new Float64Array(bucket.size);
    sumSlots(bucket, bases, sums);
    let best = 0;
    for (let k = 1; k < bucket.size; k += 1) {
      if ((sums[k] as number) > (sums[best] as number)) best = k;
    }
    positions[bucket.variable] = best;
  }
  return pointAt(plan, positions);
}

/** What these states gain and cost. */
export function pointAt(plan: Plan, positions: Int32Array): Point {
  let gain = plan.constantGain;
  const cost = Array.from(plan.constantCost);
  for (const bucket of plan.buckets) {
    const bases = new Int32Array(bucket.slots.length);
    basesAt(bucket, positions, bases);
    const state = positions[bucket.variable] as number;
    gain += gainAt(bucket, bases, state);
    for (let r = 0; r < cost.length; r += 1) {
      cost[r] = (cost[r] ?? 0) + costAt(bucket, bases, state, r);
    }
  }
  return { positions, gain, cost };
}

function gainAt({ slots }: Bucket, bases: Int32Array, state: number): number {
  let gain = 0;
  for (let slot = 0; slot < slots.length; slot += 1) {
    gain += slots[slot]?.gain?.[(bases[slot] as number) + state] ?? 0;
  }
  return gain;
}

/** What the bucket's own factors cost of one resource. */
export function costAt(
  { slots }: Bucket,
  bases: Int32Array,
  state: number,
  resource: number,
): number {
  let cost = 0;
  for (let slot = 0; slot < slots.length; slot += 1) {
    cost += slots[slot]?.cost[resource]?.[(bases[slot] as number) + state] ?? 0;
  }
  return cost;
}
