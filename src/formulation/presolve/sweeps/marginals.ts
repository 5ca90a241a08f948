import { walkBox } from "../factors/factors.ts";
import type { Bucket, Plan } from "./plan.ts";
import type { Slot } from "./slots.ts";
import { eachOutCell, sumRow, sumSlots } from "./sweep.ts";
import { firstLength, type Walk, walkRows } from "./walk.ts";

/**
 * After a sweep: which states a point of at least `least` can have. A state's max-marginal is the maximum over all points
 * that have it; it comes from one pass back over the buckets, in which each hands its children what the rest of the
 * variables can add to their message. Partial choices whose best completion is below `least` are passed over, which
 * changes no marginal that is at least that.
 *
 * @param total what the sweep returned
 * @returns per variable, 1 per state that stays
 */
export function reachingStates(plan: Plan, total: number, least: number): Uint8Array[] {
  const keep = plan.graph.variables.map(({ states }) => new Uint8Array(states.length));
  for (const flags of keep) if (flags.length === 1) flags[0] = 1;
  // Per bucket, for each cell of its message, the most that everything else adds.
  const rest: (Float64Array | undefined)[] = plan.buckets.map(() => undefined);
  for (let at = plan.buckets.length - 1; at >= 0; at -= 1) {
    const bucket = plan.buckets[at];
    if (bucket === undefined) continue;
    const around = rest[at] ?? Float64Array.of(total - (bucket.message[0] ?? 0));
    markBucket(plan, bucket, around, least, keep[bucket.variable] ?? new Uint8Array(0), rest);
    rest[at] = undefined;
  }
  return keep;
}

function markBucket(
  plan: Plan,
  bucket: Bucket,
  around: Float64Array,
  least: number,
  keep: Uint8Array,
  rest: (Float64Array | undefined)[],
): void {
  const { message, size, slots, walk } = bucket;
  // Only slots that hold messages need to know their cells' maxima.
  const maxima = slots.map(({ messages, table }) =>
    messages.length === 0 ? null : new Float64Array(table.length).fill(Number.NEGATIVE_INFINITY),
  );
  const sums = new Float64Array(size);
  if (walk !== null) markRows(bucket, walk, around, least, keep, maxima);
  else
    eachOutCell(bucket, (cell, bases) => {
      const outside = around[cell] as number;
      if (!((message[cell] as number) + outside >= least)) return;
      sumSlots(bucket, bases, sums);
      for (let k = 0; k < size; k += 1) {
        const value = (sums[k] as number) + outside;
        if (value < least) continue;
        keep[k] = 1;
        for (let slot = 0; slot < slots.length; slot += 1) {
          const best = maxima[slot];
          const place = (bases[slot] as number) + k;
          if (best && value > (best[place] as number)) best[place] = value;
        }
      }
    });
  slots.forEach((slot, at) => {
    const best = maxima[at] ?? null;
    if (best !== null) handBack(plan, slot, best, rest);
  });
}

function markRows(
  { slots }: Bucket,
  walk: Walk,
  around: Float64Array,
  least: number,
  keep: Uint8Array,
  maxima: readonly (Float64Array | null)[],
): void {
  walkRows(walk, 0, firstLength(walk), (row) => {
    const sums = sumRow(slots, row);
    const cells = row.offsets[slots.length] as Int32Array;
    const states = row.offsets[slots.length + 1] as Int32Array;
    for (let at = 0; at < row.length; at += 1) {
      const value = (sums[at] as number) + (around[cells[at] as number] as number);
      if (!(value >= least)) continue;
      keep[states[at] as number] = 1;
      for (let slot = 0; slot < slots.length; slot += 1) {
        const best = maxima[slot];
        const place = row.offsets[slot]?.[at] as number;
        if (best && value > (best[place] as number)) best[place] = value;
      }
    }
  });
}

/** What everything but the message adds: the maximum over the slot's cells that share a message cell, less that cell. */
function handBack(
  plan: Plan,
  slot: Slot,
  best: Float64Array,
  rest: (Float64Array | undefined)[],
): void {
  for (const { bucket, along } of slot.messages) {
    const message = plan.buckets[bucket]?.message;
    if (message === undefined) continue;
    const around = new Float64Array(message.length).fill(Number.NEGATIVE_INFINITY);
    walkBox(slot.sizes, slot.strides, along, (a, b) => {
      if ((best[a] as number) > (around[b] as number)) around[b] = best[a] as number;
    });
    for (let cell = 0; cell < around.length; cell += 1) {
      if (around[cell] === Number.NEGATIVE_INFINITY) continue;
      around[cell] = (around[cell] as number) - (message[cell] as number);
    }
    rest[bucket] = around;
  }
}
