import { InputError } from "../../core/errors.ts";
import type { Graph } from "../../graph/graph.ts";
import { inferShapes } from "../../graph/shapes/infer.ts";
import type { Model } from "../../onnx/model.ts";
import type { SampleBatch } from "../../runtime/batches.ts";
import type { Feed, Feeds } from "../../runtime/session.ts";
import type { LabelSource } from "../importance.ts";
import { extend } from "./extend.ts";
import { openGraph } from "./feed.ts";

/** Says which class every image of a batch is compared with. */
export interface Labeller {
  readonly labelsOf: (batch: SampleBatch, feeds: Feeds) => Promise<Int32Array>;
  readonly close: () => Promise<void>;
}

/**
 * The logits as batch x classes: what some networks give as batch x classes x 1 x 1 is reshaped.
 * @throws InputError `importance/no-loss`
 */
export function classScores(graph: Graph, logits: string): { graph: Graph; logits: string } {
  const shape = inferShapes(graph).resolved(logits);
  if (shape?.length === 2) return { graph, logits };
  const isFlat = shape !== null && shape.length > 2 && shape.slice(2).every((size) => size === 1);
  if (!isFlat) {
    throw new InputError({
      code: "importance/no-loss",
      message: `The network's first output is [${shape?.join(", ") ?? "?"}]; a loss needs one number per class, [batch, classes].`,
      where: logits,
      hint: "Score with --method activation or reconstruction, which need no loss.",
    });
  }
  const extension = extend(graph, "mdp_logits");
  const axes = shape.map((_, axis) => axis);
  const flat = extension.output(extension.sumBut(logits, axes.length, [0, 1]));
  return { graph: extension.graph(), logits: flat };
}

/** @throws InputError from `labelsOf`: `importance/no-labels` where an image has none, `importance/bad-label` where it is no class. */
export async function openLabeller(
  model: Model,
  graph: Graph,
  logits: string,
  options: { readonly labels: LabelSource; readonly threads: number },
): Promise<Labeller> {
  const classes = inferShapes(graph).resolved(logits)?.[1] ?? 0;
  if (options.labels === "data") {
    return {
      labelsOf: (batch) => Promise.resolve(checkedLabels(batch.labels, classes)),
      close: () => Promise.resolve(),
    };
  }
  const extension = extend(graph, "mdp_answer");
  extension.output(logits);
  const session = await openGraph(model, extension.graph(), options.threads);
  return {
    labelsOf: async (batch, feeds) => {
      const scores = (await session.run(feeds))[logits]?.data ?? [];
      return Int32Array.from({ length: batch.size }, (_, image) =>
        bestOf(scores, image * classes, classes),
      );
    },
    close: () => session.close(),
  };
}

function bestOf(scores: ArrayLike<unknown>, start: number, classes: number): number {
  let best = 0;
  for (let at = 1; at < classes; at += 1) {
    if (Number(scores[start + at]) > Number(scores[start + best])) best = at;
  }
  return best;
}

function checkedLabels(labels: Int32Array, classes: number): Int32Array {
  const wrong = labels.findIndex((label) => label < 0 || label >= classes);
  if (wrong === -1) return labels;
  throw new InputError({
    code: labels[wrong] === -1 ? "importance/no-labels" : "importance/bad-label",
    message:
      labels[wrong] === -1
        ? "An image has no label."
        : `An image has label ${labels[wrong]}, and the network has ${classes} classes.`,
    hint: "Use mdp score with --labels self, which takes the network's own best class, or set 'classOffset' and 'classes' in the data set's config.",
  });
}

export function labelFeed(labels: Int32Array): Feed {
  return {
    type: "int64",
    shape: [labels.length],
    data: BigInt64Array.from(labels, BigInt),
  };
}
