import { walkBox } from "./factors.ts";
import type { Bucket, Plan, Slot } from "./plan.ts";

/** What a sweep maximises: gainWeight * gain - sum over r of multipliers[r] * cost[r]. */
export interface Weights {
  /** 1, or 0 to minimise the weighted costs alone. */
  readonly gainWeight: 0 | 1;
  readonly multipliers: readonly number[];
}

/** A choice of states: per variable the position among the states that are left. */
export interface Point {
  readonly positions: Int32Array;
  readonly gain: number;
  readonly cost: readonly number[];
}

/** Fills the plan's slots and messages from the first bucket to the last; returns the maximum. */
export function sweep(plan: Plan, weights: Weights): number {
  let total = weights.gainWeight * plan.constantGain;
  weights.multipliers.forEach((multiplier, r) => {
    total -= multiplier * (plan.constantCost[r] ?? 0);
  });
  for (const bucket of plan.buckets) {
    for (const slot of bucket.slots) fill(plan, slot, weights);
    maximise(bucket);
    if (bucket.out.length === 0) total += bucket.message[0] ?? 0;
  }
  return total;
}

function fill(plan: Plan, slot: Slot, { gainWeight, multipliers }: Weights): void {
  const { table, gain, cost, messages } = slot;
  if (gain === null) table.fill(0);
  else if (gainWeight === 1) table.set(gain);
  else {
    for (let cell = 0; cell < table.length; cell += 1) {
      table[cell] = gain[cell] === Number.NEGATIVE_INFINITY ? Number.NEGATIVE_INFINITY : 0;
    }
  }
  multipliers.forEach((multiplier, r) => {
    const costs = cost[r] ?? null;
    if (costs === null || multiplier === 0) return;
    for (let cell = 0; cell < table.length; cell += 1) {
      table[cell] = (table[cell] as number) - multiplier * (costs[cell] as number);
    }
  });
  for (const incoming of messages) {
    const message = plan.buckets[incoming.bucket]?.message;
    if (message === undefined) continue;
    if (incoming.isWhole) {
      for (let cell = 0; cell < table.length; cell += 1) {
        table[cell] = (table[cell] as number) + (message[cell] as number);
      }
    } else {
      walkBox(slot.sizes, slot.strides, incoming.along, (a, b) => {
        table[a] = (table[a] as number) + (message[b] as number);
      });
    }
  }
}

/** message[out] = max over the variable of the slots' sum. */
function maximise(bucket: Bucket): void {
  const { slots, message, size } = bucket;
  const [first, second] = slots;
  if (first === undefined) message.fill(0);
  else if (second === undefined) maximiseOne(message, size, first.table);
  else if (slots.length === 2) maximiseTwo(bucket, first, second);
  else maximiseMany(bucket);
}

/** A single slot depends on all of `out`, in its order. */
function maximiseOne(message: Float64Array, size: number, table: Float64Array): void {
  let at = 0;
  for (let cell = 0; cell < message.length; cell += 1) {
    let best = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < size; k += 1) {
      const value = table[at + k] as number;
      if (value > best) best = value;
    }
    at += size;
    message[cell] = best;
  }
}

function maximiseTwo(bucket: Bucket, first: Slot, second: Slot): void {
  const { message, size, outSizes } = bucket;
  const one = first.table;
  const other = second.table;
  const index = new Int32Array(outSizes.length);
  let a = 0;
  let b = 0;
  for (let cell = 0; cell < message.length; cell += 1) {
    let best = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < size; k += 1) {
      const value = (one[a + k] as number) + (other[b + k] as number);
      if (value > best) best = value;
    }
    message[cell] = best;
    for (let axis = outSizes.length - 1; axis >= 0; axis -= 1) {
      const at = (index[axis] as number) + 1;
      const stepA = first.outStrides[axis] as number;
      const stepB = second.outStrides[axis] as number;
      a += stepA;
      b += stepB;
      if (at < (outSizes[axis] as number)) {
        index[axis] = at;
        break;
      }
      index[axis] = 0;
      a -= at * stepA;
      b -= at * stepB;
    }
  }
}

function maximiseMany(bucket: Bucket): void {
  const { message, size } = bucket;
  const sums = new Float64Array(size);
  eachOutCell(bucket, (cell, bases) => {
    sumSlots(bucket, bases, sums);
    let best = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < size; k += 1) best = Math.max(best, sums[k] as number);
    message[cell] = best;
  });
}

/** Visits the cells of a bucket's message, with the offset of each slot's row. */
export function eachOutCell(
  { outSizes, slots, message }: Bucket,
  visit: (cell: number, bases: Int32Array) => void,
): void {
  const index = new Int32Array(outSizes.length);
  const bases = new Int32Array(slots.length);
  for (let cell = 0; cell < message.length; cell += 1) {
    visit(cell, bases);
    for (let axis = outSizes.length - 1; axis >= 0; axis -= 1) {
      const at = (index[axis] as number) + 1;
      const wraps = at >= (outSizes[axis] as number);
      index[axis] = wraps ? 0 : at;
      for (let slot = 0; slot < slots.length; slot += 1) {
        const step = slots[slot]?.outStrides[axis] ?? 0;
        bases[slot] = (bases[slot] as number) + (wraps ? step * (1 - at) : step);
      }
      if (!wraps) break;
    }
  }
}

/** Per state of the bucket's variable the sum of its slots' rows. */
export function sumSlots({ slots, size }: Bucket, bases: Int32Array, sums: Float64Array): void {
  sums.fill(0);
  for (let slot = 0; slot < slots.length; slot += 1) {
    const table = slots[slot]?.table;
    const base = bases[slot] as number;
    if (table === undefined) continue;
    for (let k = 0; k < size; k += 1) sums[k] = (sums[k] as number) + (table[base + k] as number);
  }
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
