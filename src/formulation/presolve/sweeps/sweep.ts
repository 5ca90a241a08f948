import { unravel } from "../../problem/problem-axes.ts";
import { addTo, walkBox } from "../factors/factors.ts";
import type { Bucket, Plan } from "./plan.ts";
import type { Slot } from "./slots.ts";
import { firstLength, type Row, type Walk, walkRows } from "./walk.ts";

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
    await maximise(bucket, rest);
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

/** message[axes] = max over the variable of the slots' sum. */
async function maximise(bucket: Bucket, rest: () => Promise<void>): Promise<void> {
  const { slots, message, size, walk } = bucket;
  if (walk !== null) {
    message.fill(Number.NEGATIVE_INFINITY);
    await eachPart(rowsPerPart(walk), firstLength(walk), rest, (from, to) => {
      walkRows(walk, from, to, (row) => maximiseRow(bucket, row));
    });
    return;
  }
  const cells = Math.max(1, Math.floor(CELLS_PER_REST / size));
  await eachPart(cells, message.length, rest, (from, to) => {
    const [first, second] = slots;
    if (first === undefined) message.fill(0, from, to);
    else if (second === undefined) maximiseOne(message, size, first.table, from, to);
    else if (slots.length === 2) maximiseTwo(bucket, first, second, from, to);
    else maximiseMany(bucket, from, to);
  });
}

/** Visits a range in parts, between which the rest of the process may have its turn. */
async function eachPart(
  length: number,
  total: number,
  rest: () => Promise<void>,
  visit: (from: number, to: number) => void,
): Promise<void> {
  for (let from = 0; from < total; from += length) {
    if (from > 0) await rest();
    visit(from, Math.min(total, from + length));
  }
}

/** Positions of the first outer loop that make a part. */
function rowsPerPart({ outer, innerLength }: Walk): number {
  const inside = outer.slice(1).reduce((product, { length }) => product * length, innerLength);
  return Math.max(1, Math.floor(CELLS_PER_REST / inside));
}

function maximiseRow({ slots, message }: Bucket, row: Row): void {
  const sums = sumRow(slots, row);
  const places = row.offsets[slots.length] as Int32Array;
  for (let at = 0; at < row.length; at += 1) {
    const place = places[at] as number;
    const sum = sums[at] as number;
    if (sum > (message[place] as number)) message[place] = sum;
  }
}

/** The slots' sum per cell of a row. */
export function sumRow(slots: readonly Slot[], { sums, offsets, length }: Row): Float64Array {
  sums.fill(0, 0, length);
  for (let slot = 0; slot < slots.length; slot += 1) {
    const table = slots[slot]?.table as Float64Array;
    const places = offsets[slot] as Int32Array;
    for (let at = 0; at < length; at += 1) {
      sums[at] = (sums[at] as number) + (table[places[at] as number] as number);
    }
  }
  return sums;
}

/** A single slot depends on all of `out`, in its order. */
function maximiseOne(
  message: Float64Array,
  size: number,
  table: Float64Array,
  from: number,
  to: number,
): void {
  let at = from * size;
  for (let cell = from; cell < to; cell += 1) {
    let best = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < size; k += 1) {
      const value = table[at + k] as number;
      if (value > best) best = value;
    }
    at += size;
    message[cell] = best;
  }
}

function maximiseTwo(bucket: Bucket, first: Slot, second: Slot, from: number, to: number): void {
  const { message, size, axisSizes } = bucket;
  const one = first.table;
  const other = second.table;
  const index = indexOf(axisSizes, from);
  let a = offsetAt(index, first.outStrides);
  let b = offsetAt(index, second.outStrides);
  for (let cell = from; cell < to; cell += 1) {
    let best = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < size; k += 1) {
      const value = (one[a + k] as number) + (other[b + k] as number);
      if (value > best) best = value;
    }
    message[cell] = best;
    for (let axis = axisSizes.length - 1; axis >= 0; axis -= 1) {
      const at = (index[axis] as number) + 1;
      const stepA = first.outStrides[axis] as number;
      const stepB = second.outStrides[axis] as number;
      a += stepA;
      b += stepB;
      if (at < (axisSizes[axis] as number)) {
        index[axis] = at;
        break;
      }
      index[axis] = 0;
      a -= at * stepA;
      b -= at * stepB;
    }
  }
}

function maximiseMany(bucket: Bucket, from: number, to: number): void {
  const { message, size } = bucket;
  const sums = new Float64Array(size);
  const visit = (cell: number, bases: Int32Array): void => {
    sumSlots(bucket, bases, sums);
    let best = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < size; k += 1) best = Math.max(best, sums[k] as number);
    message[cell] = best;
  };
  eachOutCell(bucket, visit, from, to);
}

/** Position per axis of a cell of a row-major table. */
function indexOf(sizes: readonly number[], cell: number): Int32Array {
  return Int32Array.from(unravel(cell, sizes));
}

function offsetAt(index: Int32Array, strides: readonly number[]): number {
  return index.reduce((offset, at, axis) => offset + at * (strides[axis] as number), 0);
}

/** Visits the cells of a bucket's message, with the offset of each slot's row. Only where all combinations are allowed. */
export function eachOutCell(
  { axisSizes, slots, message }: Bucket,
  visit: (cell: number, bases: Int32Array) => void,
  from = 0,
  to = message.length,
): void {
  const index = indexOf(axisSizes, from);
  const bases = Int32Array.from(slots, ({ outStrides }) => offsetAt(index, outStrides));
  for (let cell = from; cell < to; cell += 1) {
    visit(cell, bases);
    for (let axis = axisSizes.length - 1; axis >= 0; axis -= 1) {
      const at = (index[axis] as number) + 1;
      const wraps = at >= (axisSizes[axis] as number);
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
