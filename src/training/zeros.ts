/**
 * Training that keeps the zeros of a sparse network, and may add to them: weights of convolutions and matrix products that are zero
 * get no gradient and stay zero. Their gradients count nothing in the norm that gradients are clipped by: in a network with 90 % zeros they
 * are most of it, and clipping by them would shrink every step of the weights that are left.
 *
 * With a target the share of zeros rises by the cubic rule (Zhu and Gupta, 1710.01878)
 *
 *   s(t) = s_end + (s_start - s_end) (1 - t / T)^3
 *
 * with one threshold over all weights, and stays at the target for the last steps.
 */
import { UsageError } from "../core/errors.ts";
import { bestOf } from "../subnet/sparse/mask.ts";
import type { Layout, Parameter } from "./parameters.ts";

export interface ZeroSpec {
  /** Share of zeros in the end, 0 to 1; null: those that are there. */
  readonly target: number | null;
}

/** Share of the steps after which the target is reached. */
const RAMP = 0.6;
/** How often zeros are added on the way. */
const UPDATES = 50;

/** Keeps zeros while weights move. */
export interface ZeroKeeper {
  /** Makes numbers of weights that are removed zero, in place. */
  readonly forget: (values: Float32Array) => void;
  /** Adds zeros as the schedule asks, after a step. */
  readonly after: (weights: Float32Array, steps: number) => void;
}

/**
 * @param weights as they are; their zeros are kept
 * @param begins share of zeros that the run began with: it may have added some since
 * @throws UsageError `training/no-zeros` where there are none to keep, `training/more-zeros` where there are more than asked for
 */
export function keepZeros(
  spec: ZeroSpec,
  layout: Layout,
  parameters: readonly Parameter[],
  weights: Float32Array,
  totalSteps: number,
  begins = zeroShare(layout, parameters, weights),
): ZeroKeeper {
  const parts = sparseParts(layout, parameters);
  const mask = new Uint8Array(layout.length).fill(1);
  const count = parts.reduce((sum, { start, end }) => sum + end - start, 0);
  for (const { start, end } of parts) {
    for (let at = start; at < end; at += 1) if (weights[at] === 0) mask[at] = 0;
  }
  const { target } = spec;
  if (target === null && begins === 0) throw noZeros();
  if (target !== null && target < begins) throw moreZeros(target, begins);
  const ramp = Math.max(1, Math.floor(RAMP * totalSteps));
  const every = Math.max(1, Math.floor(ramp / UPDATES));
  const forget = (values: Float32Array): void => {
    for (let at = 0; at < values.length; at += 1) if (mask[at] === 0) values[at] = 0;
  };
  const after = (values: Float32Array, steps: number): void => {
    if (target !== null && (steps % every === 0 || steps >= ramp)) {
      const share = cubicShare(begins, target, steps / ramp);
      raise(mask, parts, values, Math.round(share * count));
    }
    forget(values);
  };
  return { forget, after };
}

/** What is decayed are the weights of convolutions and products; a bias or a scale of zero is none that was removed. */
function sparseParts(layout: Layout, parameters: readonly Parameter[]): Layout["parts"] {
  return layout.parts.filter((_, index) => parameters[index]?.decay === true);
}

/** Share of the weights of convolutions and products that are zero. */
export function zeroShare(
  layout: Layout,
  parameters: readonly Parameter[],
  weights: Float32Array,
): number {
  let [count, zeros] = [0, 0];
  for (const { start, end } of sparseParts(layout, parameters)) {
    count += end - start;
    for (let at = start; at < end; at += 1) if (weights[at] === 0) zeros += 1;
  }
  return zeros / Math.max(1, count);
}

/** The share of zeros when `done` of the way lies behind; 1 and above: the target. */
export function cubicShare(begins: number, target: number, done: number): number {
  return target + (begins - target) * (1 - Math.min(1, done)) ** 3;
}

/** Removes the smallest weights until so many are zero; what is zero stays so. */
function raise(
  mask: Uint8Array,
  parts: Layout["parts"],
  weights: Float32Array,
  wanted: number,
): void {
  const length = parts.reduce((sum, { start, end }) => sum + end - start, 0);
  const sizes = new Float32Array(length);
  let at = 0;
  for (const { start, end } of parts) {
    for (let from = start; from < end; from += 1) {
      sizes[at] = mask[from] === 0 ? -1 : Math.abs(weights[from] ?? 0);
      at += 1;
    }
  }
  const kept = bestOf(sizes, length - wanted);
  at = 0;
  for (const { start, end } of parts) {
    for (let from = start; from < end; from += 1) {
      if (kept[at] === 0) mask[from] = 0;
      at += 1;
    }
  }
}

function noZeros(): UsageError {
  return new UsageError({
    code: "training/no-zeros",
    message: "No weight of the network is zero, so that there is nothing to keep.",
    where: "--keep-zeros",
    hint: "Name a network of mdp sparsify, or ask for zeros with --sparsity 80%.",
  });
}

function moreZeros(target: number, begins: number): UsageError {
  return new UsageError({
    code: "training/more-zeros",
    message: `${(100 * begins).toFixed(1)} % of the weights are zero already; ${(100 * target).toFixed(1)} % are asked for.`,
    where: "--sparsity",
    hint: "Leave --sparsity out and give --keep-zeros to keep those that are there.",
  });
}
