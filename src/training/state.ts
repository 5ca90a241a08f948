import { InputError } from "../core/errors.ts";
import type { BatchStatistics } from "../gradients/training-mode.ts";
import type { Graph } from "../graph/graph.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { createOptimiser, type Optimiser } from "./optimisers.ts";
import {
  decayRanges,
  gather,
  type Layout,
  layOut,
  runningStatistics,
  scatter,
  trainableParameters,
} from "./parameters.ts";
import type { Recipe } from "./recipe.ts";
import { clipByGlobalNorm, globalNorm, moveAverage } from "./smoothing.ts";
import { keepZeros, zeroShare } from "./zeros.ts";

/** Mean and variance of each channel over one batch, at a BatchNormalization. */
export interface MeasuredNorm {
  readonly norm: BatchStatistics;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
}

/** The numbers that training moves, and what moves them. */
export interface TrainingState {
  readonly parameters: Layout;
  readonly statistics: Layout;
  /** All weights, one behind the other; changed in place by `move`. */
  readonly weights: Float32Array;
  /** All running means and variances; set in place by `measure`. */
  readonly measured: Float32Array;
  /** Adds gradients of one batch, in the order of `parameters.parts`. */
  readonly accumulate: (gradients: readonly Float32Array[]) => void;
  /** Moves the running means and variances towards those of a batch. */
  readonly measure: (norms: readonly MeasuredNorm[]) => void;
  /**
   * Moves the weights by the mean of the accumulated gradients.
   * @returns norm of that mean, before it is clipped. Nothing moves where it is not finite.
   */
  readonly move: (rate: number) => number;
  /** The graph with the weights as they are, or their average where the recipe asks for one. */
  readonly graph: () => Graph;
  /** The arrays that a checkpoint has to hold. */
  readonly arrays: () => Readonly<Record<string, Float32Array>>;
  readonly steps: () => number;
}

/**
 * The state at the start of a run, or at a checkpoint.
 * @param trained values of the graph; weights behind them move.
 * @param totalSteps of the whole run: zeros that are added keep to it
 * @throws InputError `training/other-network` where the checkpoint's arrays are of another network
 */
export function startState(
  graph: Graph,
  trained: readonly string[],
  recipe: Recipe,
  checkpoint: Checkpoint | null,
  totalSteps = 1,
): TrainingState {
  const trainable = trainableParameters(graph, trained);
  const parameters = layOut(trainable);
  const found = runningStatistics(graph);
  const statistics = layOut(found.map(({ name, length }) => ({ name, shape: [length] })));
  const weights = gather(graph, parameters);
  const measured = gather(graph, statistics);
  const optimiser = createOptimiser(recipe.optimiser, decayRanges(parameters, trainable));
  const average =
    recipe.ema === null ? null : { weights: weights.slice(), measured: measured.slice() };
  const begins = zeroShare(parameters, trainable, weights);
  const arrays = arraysOf(weights, measured, optimiser, average);
  if (checkpoint !== null) restore(arrays, checkpoint);
  // Of the weights as they are now, so that a run that goes on keeps the zeros it has added.
  const zeros =
    recipe.zeros == null
      ? null
      : keepZeros(recipe.zeros, parameters, trainable, weights, totalSteps, begins);

  const sum = new Float32Array(parameters.length);
  const starts = new Map(statistics.parts.map(({ name, start }) => [name, start]));
  let batches = 0;
  let steps = checkpoint?.steps ?? 0;
  return {
    parameters,
    statistics,
    weights,
    measured,
    accumulate: (gradients) => {
      for (const [index, { start }] of parameters.parts.entries()) {
        const gradient = gradients[index] as Float32Array;
        if (batches === 0) sum.set(gradient, start);
        else addInto(sum, gradient, start);
      }
      batches += 1;
    },
    measure: (norms) => {
      for (const { norm, mean, variance } of norms) {
        const kept = norm.momentum;
        moveTowards(measured, starts.get(norm.mean) ?? 0, mean, kept, 1);
        // As PyTorch keeps it: over n - 1, so that small batches don't bias it.
        const unbiased = norm.count / Math.max(1, norm.count - 1);
        moveTowards(measured, starts.get(norm.variance) ?? 0, variance, kept, unbiased);
      }
    },
    move: (rate) => {
      if (batches > 1) scale(sum, 1 / batches);
      batches = 0;
      zeros?.forget(sum);
      const norm =
        recipe.clipNorm === null ? globalNorm(sum) : clipByGlobalNorm(sum, recipe.clipNorm);
      if (!Number.isFinite(norm)) return norm;
      optimiser.step(weights, sum, rate, steps);
      steps += 1;
      zeros?.after(weights, steps);
      if (average !== null && recipe.ema !== null) {
        moveAverage(average.weights, weights, recipe.ema, steps);
        zeros?.forget(average.weights);
        moveAverage(average.measured, measured, recipe.ema, steps);
      }
      return norm;
    },
    graph: () => {
      const moved = scatter(graph, parameters, average?.weights ?? weights);
      return scatter(moved, statistics, average?.measured ?? measured);
    },
    arrays: () => arrays,
    steps: () => steps,
  };
}

function arraysOf(
  weights: Float32Array,
  measured: Float32Array,
  optimiser: Optimiser,
  average: { readonly weights: Float32Array; readonly measured: Float32Array } | null,
): Readonly<Record<string, Float32Array>> {
  return {
    weights,
    statistics: measured,
    ...Object.fromEntries(
      Object.entries(optimiser.state).map(([name, array]) => [`optimiser.${name}`, array]),
    ),
    ...(average === null
      ? {}
      : { "average.weights": average.weights, "average.statistics": average.measured }),
  };
}

function restore(
  arrays: Readonly<Record<string, Float32Array>>,
  { arrays: saved }: Checkpoint,
): void {
  for (const [name, array] of Object.entries(arrays)) {
    const other = saved[name];
    if (other?.length !== array.length) {
      throw new InputError({
        code: "training/other-network",
        message: `The checkpoint holds ${other?.length ?? "no"} numbers for '${name}', this network has ${array.length}.`,
        where: "checkpoint",
        hint: "Give another --out folder, or remove the checkpoint to start again.",
      });
    }
    array.set(other);
  }
}

function addInto(sum: Float32Array, values: Float32Array, start: number): void {
  for (let at = 0; at < values.length; at += 1) {
    sum[start + at] = (sum[start + at] as number) + (values[at] as number);
  }
}

function moveTowards(
  running: Float32Array,
  start: number,
  values: Float32Array,
  kept: number,
  factor: number,
): void {
  for (let at = 0; at < values.length; at += 1) {
    const old = running[start + at] as number;
    running[start + at] = kept * old + (1 - kept) * factor * (values[at] as number);
  }
}

function scale(values: Float32Array, factor: number): void {
  for (let at = 0; at < values.length; at += 1) values[at] = (values[at] as number) * factor;
}
