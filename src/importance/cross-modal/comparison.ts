import { InputError } from "../../core/errors.ts";
import type { Feeds } from "../../runtime/session.ts";
import type { Damage } from "../sensitivity/damage.ts";
import type { Comparison } from "../sensitivity/sensitivity.ts";
import type { Modalities } from "./modalities.ts";

/**
 * What a cut does to a network of two modalities, part by part: to the similarities of all pairs in a batch, to each embedding, and to every joint
 * output. Each is a squared change over its own variance, around what all samples have in common, so that none drowns the others.
 */
export function crossModalComparison({ pair, joint, products }: Modalities): Comparison {
  const joined = (whole: Feeds, cut: Feeds): readonly Damage[] =>
    joint.map((name) =>
      vectorDamage(numbers(whole, name), numbers(cut, name), samplesIn(whole, name)),
    );
  if (products !== undefined) {
    const matrices = [products.both, ...products.own];
    const values = [...matrices, ...joint];
    return {
      ...{ values, parts: values },
      damages: (whole, cut) => [
        ...matrices.map((name) => {
          const samples = enough(samplesIn(whole, name));
          return centredDamage(
            centred(Float64Array.from(numbers(whole, name)), samples),
            centred(Float64Array.from(numbers(cut, name)), samples),
          );
        }),
        ...joined(whole, cut),
      ],
    };
  }
  const [left, right] = pair;
  return {
    values: [left, right, ...joint],
    parts: ["similarities", left, right, ...joint],
    damages: (whole, cut) => [
      similarityDamage(
        [numbers(whole, left), numbers(whole, right)],
        [numbers(cut, left), numbers(cut, right)],
        samplesIn(whole, left),
      ),
      ...pair.map((name) =>
        vectorDamage(numbers(whole, name), numbers(cut, name), samplesIn(whole, name)),
      ),
      ...joined(whole, cut),
    ],
  };
}

/**
 * Change of the similarities S = left right^T of all samples, after the means of rows and columns are taken off: a softmax over a row or a
 * column doesn't see what is added to all of it.
 * @param whole and cut: left and right embeddings, samples x width each.
 * @throws InputError `importance/batch-too-small` for fewer than three samples
 */
export function similarityDamage(
  whole: readonly [Float32Array, Float32Array],
  cut: readonly [Float32Array, Float32Array],
  samples: number,
): Damage {
  enough(samples);
  return centredDamage(
    centred(productsOf(whole, samples), samples),
    centred(productsOf(cut, samples), samples),
  );
}

/** @throws InputError `importance/batch-too-small` */
function enough(samples: number): number {
  if (samples >= 3) return samples;
  throw new InputError({
    code: "importance/batch-too-small",
    message: `A batch of ${samples} has ${samples * samples} similarities; at least three pairs are needed to compare them.`,
    where: "--batch",
    hint: "Score with batches of 32 pairs or more.",
  });
}

function centredDamage(own: Float64Array, other: Float64Array): Damage {
  let [difference, size] = [0, 0];
  for (const [at, value] of own.entries()) {
    difference += ((other[at] ?? 0) - value) ** 2;
    size += value ** 2;
  }
  return { difference, size };
}

/** Change of vectors, one per sample, around the whole network's mean vector: what all samples have in common tells none from another. */
function vectorDamage(whole: Float32Array, cut: Float32Array, samples: number): Damage {
  const width = whole.length / Math.max(1, samples);
  const means = new Float64Array(width);
  for (const [at, value] of whole.entries()) {
    means[at % width] = (means[at % width] ?? 0) + value / samples;
  }
  let [difference, size] = [0, 0];
  for (const [at, value] of whole.entries()) {
    difference += ((cut[at] ?? 0) - value) ** 2;
    size += (value - (means[at % width] ?? 0)) ** 2;
  }
  return { difference, size };
}

/** left right^T, samples x samples. */
function productsOf(
  [left, right]: readonly [Float32Array, Float32Array],
  samples: number,
): Float64Array {
  const width = left.length / samples;
  const products = new Float64Array(samples * samples);
  for (let row = 0; row < samples; row += 1) {
    for (let column = 0; column < samples; column += 1) {
      let product = 0;
      for (let at = 0; at < width; at += 1) {
        product += (left[row * width + at] ?? 0) * (right[column * width + at] ?? 0);
      }
      products[row * samples + column] = product;
    }
  }
  return products;
}

/** A square matrix without the means of its rows and columns. */
function centred(matrix: Float64Array, samples: number): Float64Array {
  const [rows, columns] = [new Float64Array(samples), new Float64Array(samples)];
  let mean = 0;
  for (const [at, value] of matrix.entries()) {
    const [row, column] = [Math.floor(at / samples), at % samples];
    rows[row] = (rows[row] ?? 0) + value / samples;
    columns[column] = (columns[column] ?? 0) + value / samples;
    mean += value / samples ** 2;
  }
  return matrix.map(
    (value, at) =>
      value - (rows[Math.floor(at / samples)] ?? 0) - (columns[at % samples] ?? 0) + mean,
  );
}

function numbers(feeds: Feeds, name: string): Float32Array {
  const feed = feeds[name];
  if (feed?.type === "float32") return feed.data;
  throw new InputError({
    code: "importance/no-loss",
    message: `'${name}' is ${feed?.type ?? "missing"}; only float32 can be compared.`,
    where: name,
    hint: "Name other outputs with --pairs and --fused.",
  });
}

function shapeIn(feeds: Feeds, name: string): readonly number[] {
  return feeds[name]?.shape ?? [];
}

function samplesIn(feeds: Feeds, name: string): number {
  return shapeIn(feeds, name)[0] ?? 0;
}
