import { randomFrom, shuffled } from "../core/random.ts";
import type { SampleBatch } from "../runtime/batches.ts";
import type { Dataset } from "./dataset.ts";

/** The set with so many of its images only: always the same ones, chosen at random, in the set's order. */
export function subset(dataset: Dataset, limit: number | undefined): Dataset {
  if (limit === undefined || limit >= dataset.count) return dataset;
  const all = Array.from({ length: dataset.count }, (_, index) => index);
  const chosen = shuffled(all, randomFrom(0))
    .slice(0, limit)
    .sort((left, right) => left - right);
  return {
    ...dataset,
    count: limit,
    labels: Int32Array.from(chosen, (index) => dataset.labels[index] ?? -1),
    pixels: async function* (indices) {
      let place = 0;
      const wanted = indices.map((index) => chosen[index] ?? -1);
      for await (const { pixels } of dataset.pixels(wanted)) {
        yield { index: indices[place] ?? -1, pixels };
        place += 1;
      }
    },
    names: dataset.names === null ? null : chosen.map((index) => dataset.names?.[index] ?? ""),
    samples: (indices) => dataset.samples(indices.map((index) => chosen[index] ?? -1)),
    others:
      dataset.others === null
        ? null
        : (indices) => dataset.samples(indices.map((index) => chosen[index] ?? -1)),
    // The same choice as the one above: it is made by the same rule.
    batches: (size, options = {}) => dataset.batches(size, { limit, ...options }),
  };
}

/** Prepared images that may be held in memory, in bytes. */
const HELD_BYTES = 2 ** 28;

/**
 * The set, whose batches are decoded once only where they fit into memory: for networks that are evaluated again and again on
 * the same images.
 */
export function heldInMemory(dataset: Dataset): Dataset {
  const held = new Map<number, readonly SampleBatch[]>();
  return {
    ...dataset,
    batches: async function* (size, options = {}) {
      const known = held.get(size);
      if (known !== undefined) {
        yield* known;
        return;
      }
      const batches: SampleBatch[] = [];
      let bytes = 0;
      for await (const batch of dataset.batches(size, options)) {
        for (const { data } of Object.values(batch.feeds))
          bytes += Array.isArray(data) ? data.length : data.byteLength;
        if (bytes <= HELD_BYTES) batches.push(batch);
        yield batch;
      }
      if (bytes <= HELD_BYTES) held.set(size, batches);
    },
  };
}
