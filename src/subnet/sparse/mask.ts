import type { Graph } from "../../graph/graph.ts";
import { floatsOf, floatTensor } from "../../graph/tensor.ts";
import type { Pattern } from "./pattern.ts";
import { inTensorOrder, type SparseWeight } from "./weights.ts";

/** Which elements of each weight stay, by the initializer's name: 1 stays, 0 goes. In the order of `SparseWeight`'s matrix. */
export type Masks = ReadonlyMap<string, Uint8Array>;

type MatrixShape = Pick<SparseWeight, "rows" | "columns" | "taps">;

/**
 * The mask that keeps the elements with the highest scores; of equal scores the first. Elements come in groups where the pattern
 * says so.
 *
 * @param scores rows x columns
 * @param kept number of elements to keep; an N:M pattern has its own, a block pattern keeps the nearest number of whole blocks
 */
export function maskOf(
  shape: MatrixShape,
  pattern: Pattern,
  scores: ArrayLike<number>,
  kept: number,
): Uint8Array {
  switch (pattern.kind) {
    case "none":
      return bestOf(scores, Math.round(kept));
    case "n:m":
      return bestOfGroups(shape, pattern, scores);
    case "channel-block":
      return bestBlocks(shape, pattern.size, scores, kept);
    default:
      return pattern satisfies never;
  }
}

/** Elements that a mask of a pattern can keep: the count that is nearest to the wanted one. */
export function keptByPattern(shape: MatrixShape, pattern: Pattern, wanted: number): number {
  const count = shape.rows * shape.columns;
  switch (pattern.kind) {
    case "none":
      return Math.min(count, Math.max(0, Math.round(wanted)));
    case "n:m":
      return (count * pattern.kept) / pattern.of;
    case "channel-block": {
      const block = pattern.size * shape.taps;
      return Math.min(count, Math.max(0, Math.round(wanted / block)) * block);
    }
    default:
      return pattern satisfies never;
  }
}

/** 1 for the `kept` highest of the numbers, the first of equal ones. */
export function bestOf(scores: ArrayLike<number>, kept: number): Uint8Array {
  const { length } = scores;
  const mask = new Uint8Array(length);
  if (kept >= length) return mask.fill(1);
  if (kept <= 0) return mask;
  const sorted = Float64Array.from(scores).sort();
  const threshold = sorted[length - kept] ?? 0;
  let left = kept;
  for (let at = 0; at < length; at += 1) {
    if ((scores[at] ?? 0) <= threshold) continue;
    mask[at] = 1;
    left -= 1;
  }
  for (let at = 0; at < length && left > 0; at += 1) {
    if (scores[at] !== threshold) continue;
    mask[at] = 1;
    left -= 1;
  }
  return mask;
}

function bestOfGroups(
  { rows, columns, taps }: MatrixShape,
  { kept, of }: Extract<Pattern, { kind: "n:m" }>,
  scores: ArrayLike<number>,
): Uint8Array {
  const mask = new Uint8Array(rows * columns);
  const channels = columns / taps;
  const group: number[] = [];
  for (let row = 0; row < rows; row += 1) {
    for (let tap = 0; tap < taps; tap += 1) {
      for (let first = 0; first < channels; first += of) {
        group.length = 0;
        for (let channel = first; channel < Math.min(first + of, channels); channel += 1)
          group.push(row * columns + channel * taps + tap);
        group.sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
        for (const at of group.slice(0, kept)) mask[at] = 1;
      }
    }
  }
  return mask;
}

/** Blocks of `size` rows by one input channel, by the sum of their scores. */
function bestBlocks(
  { rows, columns, taps }: MatrixShape,
  size: number,
  scores: ArrayLike<number>,
  kept: number,
): Uint8Array {
  const channels = columns / taps;
  const bands = Math.floor(rows / size);
  const sums = new Float64Array(bands * channels);
  const blockOf = (row: number, column: number): number =>
    Math.floor(row / size) * channels + Math.floor(column / taps);
  for (let row = 0; row < bands * size; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const block = blockOf(row, column);
      sums[block] = (sums[block] ?? 0) + (scores[row * columns + column] ?? 0);
    }
  }
  const blocks = bestOf(sums, Math.round(kept / (size * taps)));
  return Uint8Array.from(
    { length: rows * columns },
    (_, at) => blocks[blockOf(Math.floor(at / columns), at % columns)] ?? 1,
  );
}

/** Number of elements that a mask keeps. */
export function keptCount(mask: Uint8Array): number {
  let count = 0;
  for (const bit of mask) count += bit;
  return count;
}

/** The graph with zeros where the masks say so; everything else stays as it is, to the bit. */
export function applyMasks(graph: Graph, weights: readonly SparseWeight[], masks: Masks): Graph {
  const initializers = new Map(graph.initializers);
  for (const weight of weights) {
    const mask = masks.get(weight.name);
    const tensor = initializers.get(weight.name);
    if (mask === undefined || tensor === undefined) continue;
    const bits = inTensorOrder(weight, mask);
    const values = Float32Array.from(floatsOf(tensor));
    for (let at = 0; at < values.length; at += 1) if (bits[at] === 0) values[at] = 0;
    initializers.set(weight.name, floatTensor(tensor.shape, values));
  }
  return { ...graph, initializers };
}
