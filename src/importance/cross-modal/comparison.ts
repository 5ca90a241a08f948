import { InputError } from "../../core/errors.ts";
import type { Feeds } from "../../runtime/session.ts";
import { type Damage, damageOf } from "../sensitivity/damage.ts";
import type { Comparison } from "../sensitivity/sensitivity.ts";
import type { Modalities } from "./modalities.ts";

/**
 * What a cut does to a network of two modalities, part by part: to the similarities of all pairs in a batch, to each embedding, and to every joint
 * output. Each is a squared change over its own variance, so that none drowns the others.
 */
export function crossModalComparison({ pair, joint }: Modalities): Comparison {
  const [left, right] = pair;
  const values = [left, right, ...joint];
  return {
    values,
    parts: ["similarities", ...values],
    damages: (whole, cut) => [
      similarityDamage(
        [numbers(whole, left), numbers(whole, right)],
        [numbers(cut, left), numbers(cut, right)],
        samplesIn(whole, left),
      ),
      ...values.map((name) =>
        damageOf(numbers(whole, name), numbers(cut, name), shapeIn(whole, name)),
      ),
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
  if (samples < 3) {
    throw new InputError({
      code: "importance/batch-too-small",
      message: `A batch of ${samples} has ${samples * samples} similarities; at least three pairs are needed to compare them.`,
      where: "--batch",
      hint: "Score with batches of 32 pairs or more.",
    });
  }
  const own = centredSimilarities(whole, samples);
  const other = centredSimilarities(cut, samples);
  let [difference, size] = [0, 0];
  for (const [at, value] of own.entries()) {
    difference += ((other[at] ?? 0) - value) ** 2;
    size += value ** 2;
  }
  return { difference, size };
}

function centredSimilarities(
  [left, right]: readonly [Float32Array, Float32Array],
  samples: number,
): Float64Array {
  const width = left.length / samples;
  const similar = new Float64Array(samples * samples);
  const [rows, columns] = [new Float64Array(samples), new Float64Array(samples)];
  let mean = 0;
  for (let row = 0; row < samples; row += 1) {
    for (let column = 0; column < samples; column += 1) {
      let product = 0;
      for (let at = 0; at < width; at += 1) {
        product += (left[row * width + at] ?? 0) * (right[column * width + at] ?? 0);
      }
      similar[row * samples + column] = product;
      rows[row] = (rows[row] ?? 0) + product / samples;
      columns[column] = (columns[column] ?? 0) + product / samples;
      mean += product / samples ** 2;
    }
  }
  return similar.map(
    (product, at) =>
      product - (rows[Math.floor(at / samples)] ?? 0) - (columns[at % samples] ?? 0) + mean,
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
