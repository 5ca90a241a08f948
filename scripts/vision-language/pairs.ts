/** Drawn pairs as the network reads them, and what it makes of them. */
import type { CaptionPair } from "../../src/data/drawn/captions.ts";
import { ANSWERS, TEXT_LENGTH } from "../../src/data/drawn/words.ts";
import { type Feed, type Feeds, openSession } from "../../src/runtime/session.ts";

/** The outputs of two towers and their fusion. */
export const PAIR = ["image_embed", "text_embed"] as const;

/** Pictures with one text each, in the pre-processing of dataset.json: (byte / 255 - 0.5) / 0.25. */
export function feedsOf(pairs: readonly CaptionPair[], text: "caption" | "question"): Feeds {
  const image = new Float32Array(pairs.length * 3072);
  const tokens = new BigInt64Array(pairs.length * TEXT_LENGTH);
  for (const [row, pair] of pairs.entries()) {
    for (const [at, byte] of pair.pixels.entries()) {
      image[row * 3072 + at] = (byte / 255 - 0.5) / 0.25;
    }
    tokens.set(pair[text].map(BigInt), row * TEXT_LENGTH);
  }
  return {
    image: { type: "float32", shape: [pairs.length, 3, 32, 32], data: image },
    tokens: { type: "int64", shape: [pairs.length, TEXT_LENGTH], data: tokens },
  };
}

export function floats(feed: Feed | undefined): Float32Array {
  return feed?.type === "float32" ? feed.data : new Float32Array();
}

export interface Judged {
  readonly imageToText: number;
  readonly textToImage: number;
  readonly answers: number;
  /** Mean cosine of the fused representation to the dense network's. */
  readonly fused: number;
}

/** Judges networks on pairs that nothing was chosen on, beside the dense network. */
export function judgeOn(
  pairs: readonly CaptionPair[],
  dense: string,
): (path: string) => Promise<Judged> {
  const count = pairs.length;
  const [captions, questions] = [feedsOf(pairs, "caption"), feedsOf(pairs, "question")];
  const answersOf = async (path: string) => {
    const session = await openSession(path);
    const asCaptions = await session.run(captions);
    const asQuestions = await session.run(questions);
    await session.close();
    return {
      images: floats(asCaptions["image_embed"]),
      texts: floats(asCaptions["text_embed"]),
      fused: floats(asQuestions["fused"]),
      answer: floats(asQuestions["answer"]),
    };
  };
  let known: ReturnType<typeof answersOf> | null = null;
  return async (path) => {
    known ??= answersOf(dense);
    const [whole, own] = [await known, await answersOf(path)];
    const right = pairs.filter(({ answer }, row) => {
      const scores = own.answer.subarray(row * ANSWERS.length, (row + 1) * ANSWERS.length);
      return scores.indexOf(Math.max(...scores)) === answer;
    });
    return {
      imageToText: firstHits(own.images, own.texts, count),
      textToImage: firstHits(own.texts, own.images, count),
      answers: right.length / count,
      fused: meanCosine(own.fused, whole.fused, count),
    };
  };
}

/** The product of row i of one with row j of the other. */
export function product(
  a: Float32Array,
  i: number,
  b: Float32Array,
  j: number,
  width: number,
): number {
  let sum = 0;
  for (let at = 0; at < width; at += 1) sum += (a[i * width + at] ?? 0) * (b[j * width + at] ?? 0);
  return sum;
}

/** Share of the rows whose own partner is strictly more similar than all others. */
function firstHits(from: Float32Array, to: Float32Array, count: number): number {
  const width = from.length / count;
  let hits = 0;
  for (let row = 0; row < count; row += 1) {
    const own = product(from, row, to, row, width);
    let beaten = false;
    for (let other = 0; other < count && !beaten; other += 1) {
      beaten = other !== row && product(from, row, to, other, width) >= own;
    }
    if (!beaten) hits += 1;
  }
  return hits / count;
}

function meanCosine(a: Float32Array, b: Float32Array, count: number): number {
  const width = a.length / count;
  let sum = 0;
  for (let row = 0; row < count; row += 1) {
    const norms = product(a, row, a, row, width) * product(b, row, b, row, width);
    sum += product(a, row, b, row, width) / Math.sqrt(norms);
  }
  return sum / count;
}
