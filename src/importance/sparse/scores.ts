/**
 * Scores of single weights: what each is worth beside the others of its layer, and, where the rates are global, beside those of
 * other layers.
 */
import type { Moments } from "../../subnet/correct/moments.ts";
import type { Products } from "../../subnet/correct/products.ts";
import type { ScoreOf } from "../../subnet/sparse/search.ts";
import type { SparseWeight } from "../../subnet/sparse/weights.ts";
import { polarFactor } from "../knowledge/spectrum.ts";
import { surgeonScores } from "./surgeon.ts";

/**
 * `magnitude` |w|; `singular` |w * (U V')| of the layer's matrix: what the sum of its singular values loses with w;
 * `wanda` |w| * sqrt(E x^2) of the input it reads (Sun et al., 2306.11695); `obs` w^2 / (C^-1)_jj with C the covariance of the
 * inputs (Hassibi and Stork 1993; SparseGPT, 2301.00774); `snip` |w dCE/dw| (Lee et al., 1810.02340); `refer` |w dK/dw|, K the sum
 * over layers of the mean singular value of their outputs; `afr` the sum of the standardised `refer` and `snip` (2607.08027).
 */
export const SPARSE_SCORES = [
  "magnitude",
  "singular",
  "wanda",
  "obs",
  "snip",
  "refer",
  "afr",
] as const;
export type SparseScore = (typeof SPARSE_SCORES)[number];

/** Scores that are made from gradients, before anything is removed. */
export const GRADIENT_SCORES: ReadonlySet<SparseScore> = new Set(["snip", "refer", "afr"]);

/** Whether the score weighs what a layer reads: its moments are summed layer by layer. */
export function readsMoments(score: SparseScore): boolean {
  return score === "wanda" || score === "obs";
}

/** Whether a score reads images. */
export function readsImages(score: SparseScore): boolean {
  return score !== "magnitude" && score !== "singular";
}

/** Scores by initializer, rows x columns. */
export type FixedScores = ReadonlyMap<string, Float64Array>;

/** @param fixed of the scores that are made from gradients */
export function scoreOf(
  score: SparseScore,
  products: Products,
  fixed: FixedScores = new Map(),
): ScoreOf {
  switch (score) {
    case "magnitude":
      return (_, values) => Float64Array.from(values, Math.abs);
    case "singular":
      return (weight, values) => singularScores(weight, values, products);
    case "wanda":
      return (weight, values, moments) => wandaScores(weight, values, moments);
    case "obs":
      return (weight, values, moments) => surgeonScores(weight, values, moments, products);
    case "snip":
    case "refer":
    case "afr":
      return (weight) => fixed.get(weight.name) ?? new Float64Array(weight.rows * weight.columns);
    default:
      return score satisfies never;
  }
}

async function singularScores(
  { rows, columns }: SparseWeight,
  values: Float32Array,
  products: Products,
): Promise<Float64Array> {
  const factor = await polarFactor(Float64Array.from(values), rows, columns, products);
  return factor.map((value, at) => Math.abs(value * (values[at] ?? 0)));
}

/** Without images, inputs count alike. */
function wandaScores(
  { columns }: SparseWeight,
  values: Float32Array,
  moments: Moments | null,
): Float64Array {
  if (moments === null) return Float64Array.from(values, Math.abs);
  const { outputs, unknowns, inputs, inputMeans } = moments;
  const norms = Float64Array.from(inputMeans, (mean, at) => {
    const place = Math.floor(at / unknowns) * unknowns ** 2 + (at % unknowns) * (unknowns + 1);
    return Math.sqrt(Math.max((inputs[place] ?? 0) + mean ** 2, 0));
  });
  return Float64Array.from(values, (value, at) => {
    const group = Math.floor(at / (columns * outputs));
    return Math.abs(value) * (norms[group * unknowns + (at % columns)] ?? 0);
  });
}
