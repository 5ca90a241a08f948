import type { Bucket, Plan } from "./plan.ts";
import { eachOutCell, sumRow, sumSlots } from "./sweep.ts";
import { firstLength, type Row, walkRows } from "./walk.ts";

/** A choice of states: per variable the position among the states that are left. */
export interface Point {
  readonly positions: Int32Array;
  readonly gain: number;
  readonly cost: readonly number[];
}

/** The offset of each slot's cells for the states of the variables that go later. */
export function basesAt({ out, slots }: Bucket, positions: Int32Array, bases: Int32Array): void {
  for (let slot = 0; slot < slots.length; slot += 1) {
    let base = 0;
    for (let axis = 0; axis < out.length; axis += 1) {
      base += (slots[slot]?.outStrides[axis] ?? 0) * (positions[out[axis] as number] as number);
    }
    bases[slot] = base;
  }
}

/**
 * Per state of the bucket's variable the sum of its slots, for the states of those that go later; -Infinity for what links forbid.
 * `bases` becomes the offset of each slot's cells.
 */
export function stateSumsAt(
  bucket: Bucket,
  positions: Int32Array,
  bases: Int32Array,
  sums: Float64Array,
): void {
  const { slots, size, walk, dependent } = bucket;
  basesAt(bucket, positions, bases);
  if (walk === null) {
    sumSlots(bucket, bases, sums);
    return;
  }
  const only = dependent?.positionAt(positions) ?? null;
  for (let state = 0; state < size; state += 1) {
    const isAllowed = only === null || only === state;
    sums[state] = isAllowed ? 0 : Number.NEGATIVE_INFINITY;
    for (let slot = 0; slot < slots.length && isAllowed; slot += 1) {
      const { table, ownStride } = slots[slot] as (typeof slots)[number];
      sums[state] =
        (sums[state] as number) + (table[(bases[slot] as number) + ownStride * state] as number);
    }
  }
}

/** A point that reaches the maximum of the last sweep, from the last bucket back to the first. */
export function bestPoint(plan: Plan): Point {
  const positions = new Int32Array(plan.graph.variables.length);
  for (let at = plan.buckets.length - 1; at >= 0; at -= 1) {
    const bucket = plan.buckets[at];
    if (bucket === undefined) continue;
    const sums = new Float64Array(bucket.size);
    stateSumsAt(bucket, positions, new Int32Array(bucket.slots.length), sums);
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
    const own = slots[slot];
    gain += own?.gain?.[(bases[slot] as number) + own.ownStride * state] ?? 0;
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
    const own = slots[slot];
    cost += own?.cost[resource]?.[(bases[slot] as number) + own.ownStride * state] ?? 0;
  }
  return cost;
}

/** Visits every choice of a bucket's variable whose best completion lacks at most `reach` to the best for its message cell. */
export function eachNearBest(
  bucket: Bucket,
  reach: number,
  visit: (costOf: (resource: number) => number) => void,
): void {
  const { slots, message, size, walk } = bucket;
  if (walk !== null) {
    walkRows(walk, 0, firstLength(walk), (row) => {
      const sums = sumRow(slots, row);
      const places = row.offsets[slots.length] as Int32Array;
      for (let at = 0; at < row.length; at += 1) {
        if (!((message[places[at] as number] as number) - (sums[at] as number) <= reach)) continue;
        visit((r) => costOfRow(slots, row, at, r));
      }
    });
    return;
  }
  const sums = new Float64Array(size);
  eachOutCell(bucket, (cell, bases) => {
    const best = message[cell] as number;
    if (best === Number.NEGATIVE_INFINITY) return;
    sumSlots(bucket, bases, sums);
    for (let state = 0; state < size; state += 1) {
      if (best - (sums[state] as number) <= reach) visit((r) => costAt(bucket, bases, state, r));
    }
  });
}

function costOfRow(slots: Bucket["slots"], { offsets }: Row, at: number, resource: number): number {
  let cost = 0;
  for (let slot = 0; slot < slots.length; slot += 1) {
    cost += slots[slot]?.cost[resource]?.[offsets[slot]?.[at] as number] ?? 0;
  }
  return cost;
}
