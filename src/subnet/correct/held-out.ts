/**
 * How strongly a fit is pulled towards the weights as they were. A fit to few images explains their noise too; images that it has not
 * seen say how far to trust it. From the asked ridge on, the layer is fitted to a part of the images with ridges that grow by
 * `GROWTH`, for as long as the distance on the others falls; the last that made it fall is used, on all images.
 *
 *   ridge* = argmin over ridge_0 * GROWTH^k of  E_held |r - D(ridge) x - d(ridge)|^2
 */
import { groupOf, type Update } from "./least-squares.ts";
import type { MomentShape, Moments } from "./moments.ts";
import type { Products } from "./products.ts";

/** The same layer's moments over two sets of images. */
export interface Halves {
  readonly fitted: Moments;
  readonly held: Moments;
}

/** Of all images, how many choose the ridge. */
export const HELD_SHARE = 0.2;
/** Fewer held images choose nothing: the asked ridge is used. */
const LEAST_HELD = 2;
const GROWTH = Math.sqrt(10);
/** A ridge this large leaves the weights as they were, but for what has to go. */
const LARGEST = 100;
/** Share by which the distance has to fall: where samples are plenty, the asked ridge stays. */
const LEAST_GAIN = 1e-3;
const SMALLEST = 1e-4;

/** Bytes of a layer's second moments up to which they are held three times: of both parts, and of all. Inputs of 5,792. */
const MOST_BYTES = 2 ** 28;

/** Number of images, from the first on, that the trial fits see; the others are held out. None are where the layer is very wide. */
export function fittedImages(
  images: number,
  { groups, unknowns }: Pick<MomentShape, "groups" | "unknowns">,
): number {
  const held = Math.floor(images * HELD_SHARE);
  const isWide = 8 * groups * unknowns ** 2 > MOST_BYTES;
  return held < LEAST_HELD || isWide ? images : images - held;
}

/**
 * @param asked the least ridge, relative to the mean variance of the inputs
 * @param fit the layer's fit
 */
export async function chosenRidge(
  { fitted, held }: Halves,
  asked: number,
  fit: (moments: Moments, ridge: number) => Promise<Update>,
  products: Products,
): Promise<number> {
  if (held.samples === 0 || fitted.samples === 0) return asked;
  let best = asked;
  let least = await distanceOn(held, await fit(fitted, asked), products);
  for (let ridge = next(asked); ridge <= LARGEST; ridge = next(ridge)) {
    const distance = await distanceOn(held, await fit(fitted, ridge), products);
    if (!(distance < (1 - LEAST_GAIN) * least)) break;
    [best, least] = [ridge, distance];
  }
  return best;
}

function next(ridge: number): number {
  return Math.max(ridge * GROWTH, SMALLEST);
}

/**
 * Mean squared distance E |r - D x - d|^2 of what is wanted from what a change gives, summed over the outputs, on the samples of the
 * moments: Var r - 2 D c + D C D' + (E r - D E x - d)^2.
 */
export async function distanceOn(
  moments: Moments,
  { weights, bias }: Pick<Update, "weights" | "bias">,
  products: Products,
): Promise<number> {
  const { groups, unknowns, outputs } = moments;
  const perGroup = outputs * unknowns;
  let distance = 0;
  for (let group = 0; group < groups; group += 1) {
    const part = groupOf(moments, group, true);
    const change = weights.slice(group * perGroup, (group + 1) * perGroup);
    const moved =
      perGroup * unknowns < FEW_PRODUCTS
        ? movedBy(change, part.inputs, unknowns)
        : await products.runDouble(change, part.inputs, unknowns);
    for (let row = 0; row < outputs; row += 1) {
      let mean = (part.residualMeans[row] ?? 0) - (bias[group * outputs + row] ?? 0);
      distance += part.residuals[row] ?? 0;
      for (let at = 0; at < unknowns; at += 1) {
        const place = row * unknowns + at;
        const value = change[place] ?? 0;
        if (value === 0) continue;
        mean -= value * (part.inputMeans[at] ?? 0);
        distance += value * ((moved[place] ?? 0) - 2 * (part.cross[place] ?? 0));
      }
      distance += mean ** 2;
    }
  }
  return distance;
}

/** A depthwise layer has hundreds of groups; a call of the runtime for each takes longer than so many products here. */
const FEW_PRODUCTS = 20_000;

/** Rows times a symmetric matrix. */
function movedBy(rows: Float64Array, matrix: Float64Array, size: number): Float64Array {
  return Float64Array.from(rows, (_, place) => {
    const from = place - (place % size);
    const column = (place % size) * size;
    let sum = 0;
    for (let at = 0; at < size; at += 1) sum += (rows[from + at] ?? 0) * (matrix[column + at] ?? 0);
    return sum;
  });
}
