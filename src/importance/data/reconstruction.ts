/**
 * What a layer loses for good when a unit of its input goes.
 *
 * A layer computes W x. Once the inputs J of a unit are gone, the weights of the others are fitted again by least squares; with C
 * the covariance of x (a bias takes care of means), the squared error that is left is
 *
 *   trace( W_J ((C^-1)_JJ)^-1 W_J^T )
 *
 * (Optimal Brain Surgeon, Hassibi and Stork 1993, for a block of weights; per layer as in 1705.07565). It is divided by the
 * variance of the layer's whole output, trace(W C W^T), so that layers can be added up.
 */
import { CholeskyDecomposition, Matrix } from "ml-matrix";
import type { Model } from "../../onnx/model.ts";
import type { Structure } from "../../structure/structure.ts";
import { drawPlaces, inputPatches, positionsOf } from "../../subnet/correct/patches.ts";
import { openProducts, type Products } from "../../subnet/correct/products.ts";
import type { LayerScores } from "../per-unit.ts";
import { addTo, type Scorer } from "./collect.ts";
import { extend } from "./extend.ts";
import { feedsOf, openGraph } from "./feed.ts";
import { inverseOf } from "./inverse.ts";
import { type ConsumingLayer, consumingLayer } from "./layer-inputs.ts";

/** Positions per image that covariances are taken from: neighbours say much the same, but few images must give enough rows. */
const POSITIONS = 16;
const ROWS = 8192;
/** Longest patch that is unrolled: its covariance has the square of it in elements. */
const LARGEST = 1152;
/** Added to the covariance's diagonal, as a share of its mean: inputs that copy each other then still have an inverse. */
const RIDGE = 1e-3;

/** What one or several layers read: sums of products, then sums and their number. */
interface Inputs {
  readonly from: ConsumingLayer;
  readonly squares: Float64Array;
  readonly totals: Float64Array;
  /** Made when it is first asked for. */
  inverse: Promise<Float64Array> | null;
}

export interface ReconstructionOptions {
  readonly threads: number;
  /** Draws the positions. */
  readonly seed: number;
  /** Number of images to expect. */
  readonly images: number;
}

export async function reconstructionScorer(
  model: Model,
  structure: Structure,
  { threads, seed, images }: ReconstructionOptions,
): Promise<Scorer> {
  const { graph } = structure;
  const positions = Math.max(POSITIONS, Math.ceil(ROWS / images));
  const fed = new Set(graph.inputs.map(({ name }) => name));
  const consumers = structure.layers.map((layer) => consumingLayer(structure, layer, LARGEST));
  const inputs = inputsOf(consumers);
  const extension = extend(graph);
  // A graph's own inputs are fed anyway, and can't be its outputs.
  for (const { from } of inputs.values()) {
    if (!fed.has(from.linear.input)) extension.output(from.linear.input);
  }
  const session = await openGraph(model, extension.graph(), threads);
  const products = await openProducts(threads);
  return {
    sums: new Map(
      [...inputs].flatMap(([key, { squares, totals }]): [string, Float64Array][] => [
        [`squares of ${key}`, squares],
        [`totals of ${key}`, totals],
      ]),
    ),
    add: async (batch, index) => {
      const feeds = feedsOf(graph, batch);
      const values = { ...feeds, ...(await session.run(feeds)) };
      for (const { from, squares, totals } of inputs.values()) {
        const value = values[from.linear.input];
        if (value === undefined) continue;
        const available = positionsOf(from.linear, from.positions);
        const places = drawPlaces(batch.size, available, positions, seed * 65_537 + index);
        const { samples, data } = inputPatches(from.linear, value, from.positions, places);
        const means = centreRows(data, samples);
        addTo(squares, await products.run(1, data, data, samples));
        addMeans(squares, totals, means, samples);
      }
    },
    scoresOf: async (index) => {
      const from = consumers[index];
      const own = from == null ? undefined : inputs.get(from.key);
      return from == null || own === undefined ? null : lossShares(structure, from, own, products);
    },
    close: async () => {
      await session.close();
      await products.close();
    },
  };
}

function inputsOf(consumers: readonly (ConsumingLayer | null)[]): Map<string, Inputs> {
  const inputs = new Map<string, Inputs>();
  for (const from of consumers) {
    if (from === null || inputs.has(from.key)) continue;
    const { unknowns } = from.linear;
    const squares = new Float64Array(unknowns ** 2);
    inputs.set(from.key, {
      from,
      squares,
      totals: new Float64Array(unknowns + 1),
      inverse: null,
    });
  }
  return inputs;
}

/** Takes its mean from every row, so that little cancels in float32; returns the means. */
function centreRows(data: Float32Array, samples: number): Float64Array {
  const means = new Float64Array(data.length / samples);
  for (const row of means.keys()) {
    const own = data.subarray(row * samples, (row + 1) * samples);
    let sum = 0;
    for (let at = 0; at < samples; at += 1) sum += own[at] ?? 0;
    const mean = sum / samples;
    for (let at = 0; at < samples; at += 1) own[at] = (own[at] ?? 0) - mean;
    means[row] = mean;
  }
  return means;
}

/** What centring took away from the sums of products, and the sums and number of samples themselves. */
function addMeans(
  squares: Float64Array,
  totals: Float64Array,
  means: Float64Array,
  samples: number,
): void {
  const size = means.length;
  for (const [row, mean] of means.entries()) {
    const own = squares.subarray(row * size, (row + 1) * size);
    for (let column = 0; column < size; column += 1) {
      own[column] = (own[column] ?? 0) + samples * mean * (means[column] ?? 0);
    }
    totals[row] = (totals[row] ?? 0) + samples * mean;
  }
  totals[size] = (totals[size] ?? 0) + samples;
}

/** Covariance from the sums; of two sums that differ in their last bits one stands for both, so that it is symmetric. */
function covarianceOf({ squares, totals }: Inputs): Float64Array {
  const size = totals.length - 1;
  const samples = totals[size] ?? 1;
  return squares.map((_, at) => {
    const [row, column] = [Math.floor(at / size), at % size];
    const [low, high] = [Math.min(row, column), Math.max(row, column)];
    const means = ((totals[low] ?? 0) / samples) * ((totals[high] ?? 0) / samples);
    return (squares[low * size + high] ?? 0) / samples - means;
  });
}

function inverseWithRidge(
  inputs: Inputs,
  covariance: Float64Array,
  products: Products,
): Promise<Float64Array> {
  const size = inputs.totals.length - 1;
  let diagonal = 0;
  for (let at = 0; at < size; at += 1) diagonal += covariance[at * (size + 1)] ?? 0;
  // Inputs that never change still need an inverse; any ridge will do, as nothing rests on them.
  const ridge = diagonal > 0 ? (RIDGE * diagonal) / size : 1;
  const lifted = covariance.slice();
  for (let at = 0; at < size; at += 1)
    lifted[at * (size + 1)] = (lifted[at * (size + 1)] ?? 0) + ridge;
  return inverseOf(lifted, size, products, `layer '${inputs.from.layer.name}'`);
}

/** Per unit that the layer reads, the share of its output's variance that is lost for good. */
async function lossShares(
  structure: Structure,
  from: ConsumingLayer,
  inputs: Inputs,
  products: Products,
): Promise<LayerScores> {
  const covariance = covarianceOf(inputs);
  inputs.inverse ??= inverseWithRidge(inputs, covariance, products);
  const inverse = await inputs.inverse;
  const total = await variance(from, covariance, products);
  const scores: LayerScores = new Map();
  for (const [dim, units] of columnsOf(from)) {
    const own = new Float64Array(structure.dims[dim]?.size ?? 0);
    for (const [unit, columns] of units) {
      own[unit] = total > 0 ? Math.max(0, lostWith(from, inverse, columns)) / total : 0;
    }
    scores.set(dim, own);
  }
  return scores;
}

/** trace(W C W^T) */
async function variance(
  { weights }: ConsumingLayer,
  covariance: Float64Array,
  products: Products,
): Promise<number> {
  const own = Float64Array.from(weights);
  const seen = await products.runDouble(own, covariance, Math.sqrt(covariance.length));
  return own.reduce((sum, weight, at) => sum + weight * (seen[at] ?? 0), 0);
}

/** Columns of the layer's matrix by dim and unit. */
function columnsOf({ levels }: ConsumingLayer): Map<number, Map<number, number[]>> {
  const columns = new Map<number, Map<number, number[]>>();
  for (const { dims, units } of levels) {
    for (const [index, dim] of dims.entries()) {
      if (dim < 0) continue;
      const ofDim = columns.get(dim) ?? new Map<number, number[]>();
      columns.set(dim, ofDim);
      const unit = units[index] ?? -1;
      const ofUnit = ofDim.get(unit);
      if (ofUnit === undefined) ofDim.set(unit, [index]);
      else ofUnit.push(index);
    }
  }
  return columns;
}

/** trace( W_J ((C^-1)_JJ)^-1 W_J^T ) */
function lostWith(
  { weights, outputs }: ConsumingLayer,
  inverse: Float64Array,
  columns: readonly number[],
): number {
  const size = Math.sqrt(inverse.length);
  const block = new Matrix(
    columns.map((row) => columns.map((column) => inverse[row * size + column] ?? 0)),
  );
  const own = new Matrix(
    columns.map((column) =>
      Array.from({ length: outputs }, (_, output) => weights[output * size + column] ?? 0),
    ),
  );
  return Matrix.mul(own, new CholeskyDecomposition(block).solve(own)).sum();
}
