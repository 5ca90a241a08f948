/** Trains the vision-language network: npx tsx scripts/embedded/train-captions.ts --out runs/captions [--steps 10000] */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { randomFrom } from "../../src/core/random.ts";
import { type CaptionPair, captionPairs } from "../../src/data/drawn/captions.ts";
import {
  ANSWERS,
  captionOf,
  questionOf,
  TEXT_LENGTH,
  tokensOf,
  WORDS,
} from "../../src/data/drawn/words.ts";
import { crossEntropy, weightedSum } from "../../src/gradients/losses.ts";
import { contrastive } from "../../src/gradients/pairs.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { captionsNetwork, captionsTrainingNetwork } from "../../src/networks/captions.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { serializeModel, writeModel } from "../../src/onnx/write.ts";
import { type Feed, type Feeds, openSession } from "../../src/runtime/session.ts";
import { trainGraph } from "./train-graph.ts";

const { values } = parseArgs({
  options: {
    out: { type: "string", default: "runs/captions" },
    steps: { type: "string", default: "10000" },
    rate: { type: "string", default: "0.001" },
    every: { type: "string", default: "500" },
  },
});
const SHAPE = { words: WORDS.length, length: TEXT_LENGTH, answers: ANSWERS.length };
const BATCH = 64;
const TEST = 500;

const drawTrain = captionPairs({ seed: 1, split: "train" });
const drawTest = captionPairs({ seed: 1, split: "test" });

function pictures(draw: ReturnType<typeof captionPairs>, first: number, count: number) {
  const image = new Float32Array(count * 3072);
  const caption = new BigInt64Array(count * TEXT_LENGTH);
  const question = new BigInt64Array(count * TEXT_LENGTH);
  const answer = new BigInt64Array(count);
  for (let at = 0; at < count; at += 1) {
    const pair = draw(first + at);
    // The pre-processing of dataset.json: (value / 255 - 0.5) / 0.25.
    for (let index = 0; index < 3072; index += 1) {
      image[at * 3072 + index] = ((pair.pixels[index] ?? 0) / 255 - 0.5) / 0.25;
    }
    caption.set(pair.caption.map(BigInt), at * TEXT_LENGTH);
    question.set(pair.question.map(BigInt), at * TEXT_LENGTH);
    answer[at] = BigInt(pair.answer);
  }
  const tokens = (data: BigInt64Array): Feed => ({
    type: "int64",
    shape: [count, TEXT_LENGTH],
    data,
  });
  const images: Feed = { type: "float32", shape: [count, 3, 32, 32], data: image };
  const labels: Feed = { type: "int64", shape: [count], data: answer };
  return { image: images, caption: tokens(caption), question: tokens(question), labels };
}

/** Training pairs are drawn once and seen about twenty times, each time with another sentence and another question. */
const TRAIN = 32000;
const drawn = new Map<number, CaptionPair>();

function again(index: number): CaptionPair {
  const place = index % TRAIN;
  const first = drawn.get(place) ?? drawTrain(place);
  drawn.set(place, first);
  if (index === place) return first;
  const random = randomFrom(index);
  const question = questionOf(first.scene, random);
  return {
    ...first,
    caption: tokensOf(captionOf(first.scene, random)),
    question: tokensOf(question.words),
    answer: question.answer,
  };
}

function feeds(step: number): Feeds {
  return pictures(again, step * BATCH, BATCH);
}

function withLoss(graph: Graph) {
  const pairs = contrastive(graph, { left: "image_embed", right: "text_embed" });
  const answers = crossEntropy(pairs.graph, { logits: "answer", labels: "labels" });
  const sum = weightedSum(answers.graph, [
    { loss: pairs.loss, weight: 1 },
    { loss: answers.loss, weight: 1 },
  ]);
  return { ...sum, parts: [pairs.loss, answers.loss] };
}

/** The network as it is shipped, with the weights of the training form. */
function shipped(trained: Graph): Graph {
  const graph = captionsNetwork(SHAPE, 1);
  const initializers = new Map(
    [...graph.initializers].map(([name, tensor]) => [
      name,
      trained.initializers.get(name) ?? tensor,
    ]),
  );
  return { ...graph, initializers };
}

const test = pictures(drawTest, 0, TEST);

async function evaluate(trained: Graph): Promise<Record<string, number>> {
  const model = modelOf(shipped(trained));
  writeModel(model, join(values.out, "last.onnx"));
  const session = await openSession(new Uint8Array(Buffer.concat(serializeModel(model))));
  const asCaption = await session.run({ image: test.image, tokens: test.caption });
  const asQuestion = await session.run({ image: test.image, tokens: test.question });
  await session.close();
  const images = asCaption["image_embed"]?.data as Float32Array;
  const texts = asCaption["text_embed"]?.data as Float32Array;
  const answers = asQuestion["answer"]?.data as Float32Array;
  const labels = test.labels.data as BigInt64Array;
  const right = Array.from(labels, (label, at) => {
    const row = answers.subarray(at * ANSWERS.length, (at + 1) * ANSWERS.length);
    return row.indexOf(Math.max(...row)) === Number(label) ? 1 : 0;
  });
  return {
    imageToText: firstHits(images, texts),
    textToImage: firstHits(texts, images),
    vqa: right.reduce<number>((sum, hit) => sum + hit, 0) / TEST,
  };
}

/** Share of the rows whose partner is more similar than all others. */
function firstHits(from: Float32Array, to: Float32Array): number {
  const width = from.length / TEST;
  let hits = 0;
  for (let row = 0; row < TEST; row += 1) {
    let best = -1;
    let most = Number.NEGATIVE_INFINITY;
    for (let other = 0; other < TEST; other += 1) {
      let product = 0;
      for (let at = 0; at < width; at += 1) {
        product += (from[row * width + at] ?? 0) * (to[other * width + at] ?? 0);
      }
      if (product > most) [most, best] = [product, other];
    }
    if (best === row) hits += 1;
  }
  return hits / TEST;
}

await trainGraph({
  graph: captionsTrainingNetwork(SHAPE, 1),
  batch: BATCH,
  steps: Number(values.steps),
  rate: Number(values.rate),
  loss: withLoss,
  feeds,
  folder: values.out,
  key: `captions 12000 ${values.rate}`,
  every: Number(values.every),
  evaluate,
});
