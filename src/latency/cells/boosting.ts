/**
 * Gradient boosting of regression trees over histograms (Friedman, Greedy Function Approximation, 2001; Ke et al.,
 * LightGBM, 2017): every feature is cut into at most 128 bins once, a tree grows where it gains most, and each tree
 * takes a small step along the gradient of a Huber loss, so that a few wild times don't bend the rest.
 */
import type { Random } from "../../core/random.ts";
import { addTree, binColumn, type Columns, growTree, type Tree, type TreeOptions } from "./tree.ts";

export interface BoostingOptions extends TreeOptions {
  readonly trees: number;
  /** Residuals beyond this count as this; Infinity is least squares. */
  readonly huber: number;
}

/** Predictions for rows of the same features as it was fitted to. */
export type Booster = (columns: Columns) => Float64Array;

/** Fits trees to the targets. Deterministic for one random source. */
export function boost(
  columns: Columns,
  targets: Float64Array,
  options: BoostingOptions,
  random: Random,
): Booster {
  const base = medianOf(targets);
  const binned = columns.map(binColumn);
  const fitted = new Float64Array(targets.length).fill(base);
  const trees: Tree[] = [];
  for (let round = 0; round < options.trees; round += 1) {
    const gradient = clippedResiduals(targets, fitted, options.huber);
    const tree = growTree(binned, gradient, options, random);
    trees.push(tree);
    addTree(tree, columns, fitted);
  }
  return (asked) => {
    const result = new Float64Array(asked[0]?.length ?? 0).fill(base);
    for (const tree of trees) addTree(tree, asked, result);
    return result;
  };
}

function medianOf(values: Float64Array): number {
  return Float64Array.from(values).sort()[values.length >> 1] ?? 0;
}

function clippedResiduals(
  targets: Float64Array,
  fitted: Float64Array,
  limit: number,
): Float64Array {
  const residuals = new Float64Array(targets.length);
  for (let row = 0; row < residuals.length; row += 1) {
    const residual = (targets[row] ?? 0) - (fitted[row] ?? 0);
    residuals[row] = Math.min(limit, Math.max(-limit, residual));
  }
  return residuals;
}
