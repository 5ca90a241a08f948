import { addTo, walkBox } from "../factors/factors.ts";
import type { Bucket, Plan, Slot } from "./plan.ts";

/** What a sweep maximises: gainWeight * gain - sum over r of multipliers[r] * cost[r]. */
export interface Weights {
  /** 1, or 0 to minimise the weighted costs alone. */
  readonly gainWeight: 0 | 1;
  readonly multipliers: readonly number[];
}

/** Cells after which the rest of the process may have its turn. */
const CELLS_PER_REST = 1e5;

/**
 * Fills the plan's slots and messages from the first bucket to the last; returns the maximum.
 *
 * @param rest called now and then
 */
export async function sweep(
  plan: Plan,
  weights: Weights,
  rest: () => Promise<void>,
): Promise<number> {
  let cells = 0;
  let total = weights.gainWeight * plan.constantGain;
  weights.multipliers.forEach((multiplier, r) => {
    total -= multiplier * (plan.constantCost[r] ?? 0);
  });
  for (const bucket of plan.buckets) {
    for (const slot of bucket.slots) fill(plan, slot, weights);
    maximise(bucket);
    cells += bucket.size * bucket.message.length;
    if (cells > CELLS_PER_REST) {
      cells = 0;
      await rest();
    }
    if (bucket.out.length === 0) total += bucket.message[0] ?? 0;
  }
  return total;
}

function fill(plan: Plan, { table, sizes, strides, ...slot }: Slot, weights: Weights): void {
  fillGain(table, slot.gain, weights.gainWeight);
  weights.multipliers.forEach((multiplier, r) => {
    const costs = slot.cost[r] ?? null;
    if (costs === null || multiplier === 0) return;
    for (let cell = 0; cell < table.length; cell += 1) {
      table[cell] = (table[cell] as number) - multiplier * (costs[cell] as number);
    }
  });
  for (const { bucket, along, isWhole } of slot.messages) {
    const message = plan.buckets[bucket]?.message;
    if (message === undefined) continue;
    if (isWhole) addTo(table, message);
    else {
      walkBox(sizes, strides, along, (a, b) => {
        table[a] = (table[a] as number) + (message[b] as number);
      });
    }
  }
}

function fillGain(table: Float64Array, gain: Float64Array | null, weight: 0 | 1): void {
  if (gain === null) table.fill(0);
  else if (weight === 1) table.set(gain);
  else {
    for (let cell = 0; cell < table.length; cell += 1) {
      table[cell] = gain[cell] === Number.NEGATIVE_INFINITY ? Number.NEGATIVE_INFINITY : 0;
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
