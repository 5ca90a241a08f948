/**
 * Least squares on a fixed support. A layer computes W x with W = [W_S, W_N], S the elements of a row that stay and N those that go.
 * With C = E x x', c = E r x' and r what is wanted minus what the whole row gives, the change d of a row minimises
 *
 *   E |r - d x|^2 + ridge |d_S|^2      with d_N = -w_N
 *   (C_SS + ridge I) d_S = c_S + C_SN w_N
 *
 * Rows have supports of their own. Where these are small, each row gets a Cholesky factor; where they are large, all rows of the
 * layer are solved together by conjugate gradients, whose only costly step is one product with C.
 */

import type { Update } from "../correct/least-squares.ts";
import { groupOf } from "../correct/least-squares.ts";
import type { Moments } from "../correct/moments.ts";
import type { Products } from "../correct/products.ts";
import { conjugateGradients } from "./conjugate-gradients.ts";
import { choleskyRows } from "./support-rows.ts";

export interface SupportFitOptions {
  /** Pull of the kept weights towards their old values, relative to the mean variance of the inputs. */
  readonly ridge: number;
  /** False where the layer has no place for a bias. */
  readonly freeBias: boolean;
  readonly products: Products;
}

/**
 * The change that makes a layer's weights zero off the support and fits the others.
 *
 * @param weights groups x outputs x unknowns, as they are
 * @param support the same shape: 1 where a weight stays
 */
export async function fitOnSupport(
  moments: Moments,
  weights: ArrayLike<number>,
  support: Uint8Array,
  options: SupportFitOptions,
): Promise<Update> {
  const { groups, unknowns, outputs } = moments;
  const perGroup = outputs * unknowns;
  const change = new Float64Array(groups * perGroup);
  const bias = new Float64Array(groups * outputs);
  let [before, after, ridge] = [0, 0, options.ridge];
  for (let group = 0; group < groups; group += 1) {
    const part = groupOf(moments, group, options.freeBias);
    const from = group * perGroup;
    const kept = support.subarray(from, from + perGroup);
    const gone = new Float64Array(perGroup);
    for (let at = 0; at < perGroup; at += 1) if (kept[at] === 0) gone[at] = weights[from + at] ?? 0;
    const lost = await options.products.runDouble(gone, part.inputs, unknowns);
    const wanted = lost.map((value, at) => value + (part.cross[at] ?? 0));
    const system = { matrix: part.inputs, unknowns, outputs, support: kept, wanted };
    const solved = await solve(system, options);
    ridge = Math.max(ridge, solved.ridge);
    const own = change.subarray(from, from + perGroup);
    for (let at = 0; at < perGroup; at += 1)
      own[at] = kept[at] === 0 ? -(gone[at] ?? 0) : (solved.solution[at] ?? 0);
    const moved = await options.products.runDouble(own, part.inputs, unknowns);
    for (let row = 0; row < outputs; row += 1) {
      const residual = part.residualMeans[row] ?? 0;
      let [shift, explained] = [residual, 0];
      for (let at = row * unknowns; at < (row + 1) * unknowns; at += 1) {
        const value = own[at] ?? 0;
        shift -= value * (part.inputMeans[at - row * unknowns] ?? 0);
        explained += value * (2 * (part.cross[at] ?? 0) - (moved[at] ?? 0));
      }
      bias[group * outputs + row] = options.freeBias ? shift : 0;
      const variance = part.residuals[row] ?? 0;
      before += variance + (options.freeBias ? residual ** 2 : 0);
      after += Math.max(variance - explained, 0);
    }
  }
  return { weights: change, bias, before, after, ridge };
}

/** Rows of (C_SS + ridge I) d_S = b_S, all with the same C. */
export interface SupportSystem {
  /** unknowns x unknowns */
  readonly matrix: Float64Array;
  readonly unknowns: number;
  readonly outputs: number;
  /** outputs x unknowns */
  readonly support: Uint8Array;
  /** outputs x unknowns: the right-hand sides, of which only the support counts. */
  readonly wanted: Float64Array;
}

export interface SupportSolution {
  /** outputs x unknowns; 0 off the support. */
  readonly solution: Float64Array;
  /** Relative ridge that was used. */
  readonly ridge: number;
}

async function solve(
  system: SupportSystem,
  { ridge, products }: SupportFitOptions,
): Promise<SupportSolution> {
  const { matrix, unknowns, outputs } = system;
  let trace = 0;
  for (let at = 0; at < unknowns; at += 1) trace += matrix[at * unknowns + at] ?? 0;
  const nothing = { solution: new Float64Array(outputs * unknowns), ridge };
  // Inputs that never vary explain nothing.
  if (!(trace > 0)) return nothing;
  const mean = trace / unknowns;
  if (choleskyCost(system) > gradientCost(system))
    return {
      solution: await conjugateGradients(system, Math.max(ridge, LEAST_RIDGE) * mean, products),
      ridge: Math.max(ridge, LEAST_RIDGE),
    };
  for (let raised = ridge; raised <= LARGEST_RIDGE; raised = Math.max(raised * 10, LEAST_RIDGE)) {
    const solution = choleskyRows(system, raised * mean);
    if (solution !== null) return { solution, ridge: raised };
  }
  return { ...nothing, ridge: LARGEST_RIDGE };
}

const LEAST_RIDGE = 1e-8;
const LARGEST_RIDGE = 1e3;

/** Seconds, roughly: a loop here does 5e8 multiplications a second, the runtime's products ten times as many. */
function choleskyCost({ support, unknowns, outputs }: SupportSystem): number {
  let work = 0;
  for (let row = 0; row < outputs; row += 1) {
    let size = 0;
    for (let at = row * unknowns; at < (row + 1) * unknowns; at += 1) size += support[at] ?? 0;
    work += size ** 3 / 6 + size ** 2 * 3;
  }
  return work / 5e8;
}

function gradientCost({ unknowns, outputs }: SupportSystem): number {
  return (
    TYPICAL_STEPS *
    ((outputs * unknowns ** 2) / 5e9 + (unknowns ** 2 + 8 * outputs * unknowns) / 5e8)
  );
}

const TYPICAL_STEPS = 40;
