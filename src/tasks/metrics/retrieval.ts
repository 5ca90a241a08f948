import { numbersOf } from "../answers.ts";
import type { Metric } from "../metric.ts";

/** A sample's two embeddings; once all are known, the place of each one's partner among all others, counted from 0. */
export type Pairing =
  | { readonly left: readonly number[]; readonly right: readonly number[] }
  | { readonly rank: number };

/**
 * The share of the samples whose partner is among the `k` nearest by cosine, in the gallery of all samples; among equals the partner comes last.
 * @param direction from which embedding the other one is looked for
 */
export function retrievalRecall(
  k: number,
  direction: "left to right" | "right to left",
  outputs: readonly [left: string, right: string],
): Metric<Pairing> {
  return {
    ...{ name: `R@${k} ${direction}`, better: "higher", unit: "share", pooling: "rate" },
    perItem: (answer) => ({
      left: Array.from(numbersOf(answer, outputs[0]).data),
      right: Array.from(numbersOf(answer, outputs[1]).data),
    }),
    pooled: (evidence) => {
      const places = ranks(evidence, direction);
      return places.filter((rank) => rank < k).length / places.length;
    },
    settle: (evidence) => ranks(evidence, direction).map((rank) => ({ rank })),
    success: (evidence) => "rank" in evidence && evidence.rank < k,
  };
}

function ranks(evidence: readonly Pairing[], direction: string): readonly number[] {
  const settled = evidence.flatMap((each) => ("rank" in each ? each.rank : []));
  if (settled.length === evidence.length) return settled;
  const pairs = evidence.flatMap((each) => ("left" in each ? each : []));
  const [from, to] =
    direction === "left to right" ? (["left", "right"] as const) : (["right", "left"] as const);
  const queries = pairs.map((each) => unit(each[from]));
  const gallery = pairs.map((each) => unit(each[to]));
  return queries.map((query, own) => {
    const scores = gallery.map((other) => dot(query, other));
    const partner = scores[own] ?? Number.NaN;
    return scores.filter((score, at) => at !== own && !(score < partner)).length;
  });
}

function unit(vector: readonly number[]): readonly number[] {
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (const [at, value] of a.entries()) sum += value * (b[at] ?? 0);
  return sum;
}
