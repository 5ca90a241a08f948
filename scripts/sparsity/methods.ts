/** The ways to make a network sparse that the bench sets side by side. */
import type { Rates } from "../../src/formulation/sparsity/rates.ts";
import type { DamageMeasure } from "../../src/importance/sensitivity/damage.ts";
import type { SparseScore } from "../../src/importance/sparse/scores.ts";

export interface Method {
  readonly name: string;
  readonly score: SparseScore;
  readonly rates: Rates;
  readonly rounds?: number;
  readonly passes?: number;
  readonly damage?: DamageMeasure;
  readonly refine?: number;
}

export const METHODS: readonly Method[] = [
  { name: "magnitude, global", score: "magnitude", rates: "global" },
  { name: "program, squares", score: "magnitude", rates: "program", refine: 0 },
  { name: "program, squares, refined", score: "magnitude", rates: "program", refine: 4 },
  {
    ...{ name: "program, divergence", score: "magnitude", rates: "program" },
    ...{ damage: "divergence", refine: 0 },
  },
  {
    ...{ name: "program, divergence, refined", score: "magnitude", rates: "program" },
    ...{ damage: "divergence", refine: 4 },
  },
  { name: "magnitude, global, 4 rounds", score: "magnitude", rates: "global", rounds: 4 },
  {
    ...{ name: "program, divergence, 4 rounds", score: "magnitude", rates: "program" },
    ...{ damage: "divergence", refine: 0, rounds: 4 },
  },
  {
    ...{ name: "magnitude, global, 4 passes", score: "magnitude", rates: "global" },
    ...{ rounds: 4, passes: 4 },
  },
  {
    ...{ name: "program, divergence, 4 passes", score: "magnitude", rates: "program" },
    ...{ damage: "divergence", refine: 0, rounds: 4, passes: 4 },
  },
  { name: "magnitude, LAMP", score: "magnitude", rates: "lamp" },
  { name: "magnitude, ERK", score: "magnitude", rates: "erk" },
  { name: "magnitude, uniform", score: "magnitude", rates: "uniform" },
  { name: "Wanda, LAMP", score: "wanda", rates: "lamp" },
  { name: "SparseGPT (OBS), LAMP", score: "obs", rates: "lamp" },
  { name: "singular, global", score: "singular", rates: "global" },
  { name: "SNIP, global", score: "snip", rates: "global" },
  { name: "ReFer, global", score: "refer", rates: "global" },
  { name: "AFR, global", score: "afr", rates: "global" },
];

/** The ways to find a pattern's masks, by what is added to the pattern's name. */
export const PATTERN_METHODS: readonly Method[] = [
  { name: "", score: "magnitude", rates: "program" },
  { name: ", OBS", score: "obs", rates: "program" },
  { name: ", OBS, 4 rounds", score: "obs", rates: "program", rounds: 4 },
];
