import { factorPositive } from "../../subnet/correct/cholesky.ts";
import { groupOf } from "../../subnet/correct/least-squares.ts";
import type { Moments } from "../../subnet/correct/moments.ts";
import type { Products } from "../../subnet/correct/products.ts";
import type { SparseWeight } from "../../subnet/sparse/weights.ts";

/** Added to the covariance's diagonal, as a share of its mean, as SparseGPT does. */
const RIDGE = 0.01;

const inverses = new WeakMap<Moments, Float64Array>();

/**
 * w^2 / (C^-1)_jj: what a layer's output loses for good when the weight goes and the others of its row make up for it. Without images
 * C is the identity.
 */
export async function surgeonScores(
  { columns }: Pick<SparseWeight, "columns">,
  values: Float32Array,
  moments: Moments | null,
  products: Products,
): Promise<Float64Array> {
  if (moments === null) return Float64Array.from(values, (value) => value ** 2);
  const diagonal = inverses.get(moments) ?? (await inverseDiagonals(moments, products));
  inverses.set(moments, diagonal);
  const { outputs, unknowns } = moments;
  return Float64Array.from(values, (value, at) => {
    const group = Math.floor(at / (columns * outputs));
    const loss = diagonal[group * unknowns + (at % columns)] ?? 1;
    return value ** 2 / loss;
  });
}

/** Diagonals of the inverse covariances, group by group; a covariance that has no inverse counts as the identity. */
async function inverseDiagonals(moments: Moments, products: Products): Promise<Float64Array> {
  const { groups, unknowns } = moments;
  const diagonals = new Float64Array(groups * unknowns).fill(1);
  for (let group = 0; group < groups; group += 1) {
    const { inputs } = groupOf(moments, group, true);
    let trace = 0;
    for (let at = 0; at < unknowns; at += 1) trace += inputs[at * unknowns + at] ?? 0;
    if (!(trace > 0)) continue;
    for (let at = 0; at < unknowns; at += 1)
      inputs[at * unknowns + at] = (inputs[at * unknowns + at] ?? 0) + (RIDGE * trace) / unknowns;
    const factor = await factorPositive(inputs, unknowns, products);
    if (factor === null) continue;
    const identity = new Float64Array(unknowns * unknowns);
    for (let at = 0; at < unknowns; at += 1) identity[at * unknowns + at] = 1;
    const inverse = await factor.solve(identity);
    for (let at = 0; at < unknowns; at += 1)
      diagonals[group * unknowns + at] = inverse[at * unknowns + at] ?? 1;
  }
  return diagonals;
}
