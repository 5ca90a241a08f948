import type { Dataset } from "../../src/data/dataset.ts";
import { divergenceOf } from "../../src/importance/sensitivity/damage.ts";
import type { Model } from "../../src/onnx/model.ts";
import { serializeModel } from "../../src/onnx/write.ts";
import { bindFeeds, fixedBatchOf } from "../../src/runtime/bind-feeds.ts";
import { openSession } from "../../src/runtime/session.ts";

/** How a classifier does beside the dense one. */
export interface Agreement {
  readonly images: number;
  /** Shares in percent: right answers of both, and the same answer. */
  readonly dense: number;
  readonly accuracy: number;
  readonly same: number;
  /** Of the class probabilities from the dense ones, in nats per image. */
  readonly divergence: number;
}

const BATCH = 50;

/** Best class of both networks on labelled images. */
export async function agreementOf(
  dense: Model,
  sparse: Model,
  dataset: Dataset,
  limit: number,
): Promise<Agreement> {
  const sessions = [];
  for (const model of [dense, sparse]) {
    const bytes = Buffer.concat(serializeModel(model));
    sessions.push(await openSession(bytes, { threads: 2, where: "a classifier" }));
  }
  let [images, denseRight, right, same, divergence] = [0, 0, 0, 0, 0];
  const size = fixedBatchOf(dense.graph.inputs) ?? BATCH;
  for await (const batch of dataset.batches(size, { limit: Math.min(limit, dataset.count) })) {
    const feeds = bindFeeds(dense.graph.inputs, batch, "a classifier");
    const answers = [];
    for (const session of sessions) answers.push(scoresOf(await session.run(feeds)));
    const [whole = NOTHING, made = NOTHING] = answers;
    const [ours, theirs] = [bestClasses(whole, batch.size), bestClasses(made, batch.size)];
    divergence += divergenceOf(whole, made, [batch.size, whole.length / batch.size]).difference;
    for (let at = 0; at < batch.size; at += 1) {
      images += 1;
      if (ours[at] === batch.labels[at]) denseRight += 1;
      if (theirs[at] === batch.labels[at]) right += 1;
      if (ours[at] === theirs[at]) same += 1;
    }
  }
  for (const session of sessions) await session.close();
  const share = (count: number): number => Math.round((10000 * count) / images) / 100;
  return {
    images,
    dense: share(denseRight),
    accuracy: share(right),
    same: share(same),
    divergence: divergence / images,
  };
}

const NOTHING = new Float32Array();

function scoresOf(outputs: Readonly<Record<string, { data: unknown }>>): Float32Array {
  const [scores] = Object.values(outputs);
  return scores?.data instanceof Float32Array ? scores.data : NOTHING;
}

function bestClasses(data: Float32Array, size: number): number[] {
  const classes = data.length / size;
  return Array.from({ length: size }, (_, row) => {
    let best = 0;
    for (let at = 1; at < classes; at += 1)
      if ((data[row * classes + at] ?? 0) > (data[row * classes + best] ?? 0)) best = at;
    return best;
  });
}
