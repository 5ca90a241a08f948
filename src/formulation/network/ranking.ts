import { at } from "../../core/at.ts";
import { type Importance, unitOrder } from "../../importance/importance.ts";
import type { Dim } from "../../structure/structure.ts";

/** One layer's part in the importance of a dim. */
export interface Share {
  readonly layer: string;
  /** Summed score of the dim's `count` best units in this layer. */
  readonly bestSum: (count: number) => number;
  /** Summed score of the given units in this layer. */
  readonly sumOf: (units: readonly number[]) => number;
}

/** The units of a dim from the best to the worst, and what each layer has in them. */
export interface Ranking {
  /** The `count` best units, ascending by index. */
  readonly best: (count: number) => readonly number[];
  readonly shares: readonly Share[];
}

/** Units are ranked as the importance says: by their score summed over the layers, unless it gives an order; equal scores by index. */
export function rankingOf(importance: Importance, dim: Dim): Ranking {
  const scored = importance.dims.find((candidate) => candidate.dim === dim.name);
  const entry = scored ?? { dim: dim.name, units: dim.size, layers: [] };
  const order = unitOrder(entry);
  const best = (count: number): number[] => order.slice(0, count).sort((a, b) => a - b);
  const shares = entry.layers.map(({ layer, scores }): Share => {
    const cumulative = [0];
    for (const unit of order)
      cumulative.push(at(cumulative, cumulative.length - 1) + at(scores, unit));
    return {
      layer,
      bestSum: (count) => at(cumulative, count),
      sumOf: (units) => units.reduce((sum, unit) => sum + at(scores, unit), 0),
    };
  });
  return { best, shares };
}
