import { significant } from "../core/significant.ts";
import type { AxisUnits, Layer, Structure } from "../structure/structure.ts";
import type { DimImportance, Importance, LayerImportance, Normalisation } from "./importance.ts";

/** Scores of the units that a layer has a part in, by dim. */
export type LayerScores = Map<number, Float64Array>;

/**
 * Importance from the scores of every layer.
 * @param scoreLayer null where the method has nothing to say of the layer.
 */
export function assembleImportance(
  structure: Structure,
  about: Omit<Importance, "schema" | "dims" | "normalisation"> & {
    readonly normalisation: Normalisation;
  },
  scoreLayer: (layer: Layer) => LayerScores | null,
): Importance {
  const byDim: LayerImportance[][] = structure.dims.map(() => []);
  for (const layer of structure.layers) {
    const produced = scoreLayer(layer);
    if (produced === null) continue;
    const block = structure.blocks[layer.blocks.at(-1) ?? -1]?.name ?? null;
    for (const [dim, scores] of normalised(produced, about.normalisation)) {
      byDim[dim]?.push({ layer: layer.name, block, scores: Array.from(scores, rounded) });
    }
  }
  const dims = structure.dims.map(
    (dim, index): DimImportance => ({ dim: dim.name, units: dim.size, layers: byDim[index] ?? [] }),
  );
  return { schema: "mdp-importance/1", ...about, dims };
}

/**
 * Gathers what lies along an axis into units; a unit of several channels gets their sum. The score of a channel that stands on
 * several dims (a head and a column of it) is shared out among them evenly, so that what the layer has in all is counted once.
 */
export function perUnit(
  structure: Structure,
  axis: AxisUnits | null,
  scores: ArrayLike<number>,
): LayerScores {
  const result: LayerScores = new Map();
  if (axis === null) return result;
  for (let index = 0; index < axis.length; index += 1) {
    const own = axis.levels.filter(({ dims }) => (dims[index] ?? -1) >= 0);
    for (const level of own) {
      const dim = level.dims[index] ?? -1;
      const units = result.get(dim) ?? new Float64Array(structure.dims[dim]?.size ?? 0);
      result.set(dim, units);
      const unit = level.units[index] ?? 0;
      units[unit] = (units[unit] ?? 0) + (scores[index] ?? 0) / own.length;
    }
  }
  return result;
}

/** Divides all that one layer produces by one number, so that dims that share its axis stay comparable. */
function normalised(produced: LayerScores, normalisation: Normalisation): LayerScores {
  const all = [...produced.values()].flatMap((scores) => [...scores]);
  const divisor = divisorOf(all, normalisation);
  // A layer of zeros is worth nothing under every normalisation.
  if (divisor === 0 || divisor === 1) return produced;
  for (const scores of produced.values()) {
    for (const [unit, score] of scores.entries()) scores[unit] = score / divisor;
  }
  return produced;
}

function divisorOf(scores: readonly number[], normalisation: Normalisation): number {
  const sum = scores.reduce((total, score) => total + score, 0);
  switch (normalisation) {
    case "none":
      return 1;
    case "sum":
      return sum;
    case "mean":
      return sum / Math.max(scores.length, 1);
    case "max":
      return scores.reduce((most, score) => Math.max(most, score), 0);
    default:
      return normalisation satisfies never;
  }
}

/** Seven digits are more than a score means, and keep the file small. */
function rounded(score: number): number {
  return significant(score, 7);
}
