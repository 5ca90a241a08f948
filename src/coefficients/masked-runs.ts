import { feedsOf, openGraph } from "../importance/data/feed.ts";
import { gatedNetwork } from "../importance/sensitivity/gated.ts";
import type { Model } from "../onnx/model.ts";
import { type SampleBatch, sampleOf, type Target, targetOf } from "../runtime/batches.ts";
import type { Feeds } from "../runtime/session.ts";
import type { Structure } from "../structure/structure.ts";
import { isBlockGone, type Subnet } from "../subnet/subnet.ts";
import type { Metric } from "../tasks/metric.ts";

/** Answers of subnets without surgery: one session of the whole network, whose units are fed a factor each. */
export interface MaskedRuns {
  readonly answers: (subnet: Subnet, batch: SampleBatch) => Promise<Feeds>;
  readonly close: () => Promise<void>;
}

export async function openMaskedRuns(
  model: Model,
  structure: Structure,
  threads: number,
): Promise<MaskedRuns> {
  const gated = gatedNetwork(structure);
  const session = await openGraph(model, gated.graph, threads);
  return {
    answers: async (subnet, batch) => {
      const kept = new Map(
        structure.dims.flatMap(({ index, pinned, block }) =>
          pinned !== null || isBlockGone(structure, subnet, block)
            ? []
            : [[index, new Set(subnet.kept[index])] as const],
        ),
      );
      const { droppedBlocks, droppedLayers } = subnet;
      const cut = { kept, droppedBlocks, droppedLayers };
      return session.run({ ...feedsOf(structure.graph, batch), ...gated.feeds(cut) });
    },
    close: () => session.close(),
  };
}

/** What answers are compared with: the data's target, the sample's first input, or what the dense network answers. */
export type ComparedWith = "data" | "input" | "dense";

/** A metric of answers, with what it compares them with. */
export interface AnswerMetric {
  readonly metric: Metric;
  readonly target: ComparedWith;
}

/** Samples with what the dense network answers to them, where a metric asks for that. */
export interface JudgedBatch {
  readonly batch: SampleBatch;
  readonly dense: Feeds | null;
}

/** What each metric says of every sample of some batches; a list per metric. */
export async function evidenceOf(
  batches: Iterable<JudgedBatch> | AsyncIterable<JudgedBatch>,
  metrics: readonly AnswerMetric[],
  answers: (batch: SampleBatch) => Promise<Feeds>,
): Promise<unknown[][]> {
  const evidence = metrics.map((): unknown[] => []);
  for await (const { batch, dense } of batches) {
    const outputs = await answers(batch);
    for (let sample = 0; sample < batch.size; sample += 1) {
      const answer = samplesOf(outputs, sample);
      for (const [index, { metric, target }] of metrics.entries()) {
        evidence[index]?.push(metric.perItem(answer, targetIn(target, batch, dense, sample)));
      }
    }
  }
  return evidence;
}

function targetIn(
  kind: ComparedWith,
  batch: SampleBatch,
  dense: Feeds | null,
  sample: number,
): Target {
  switch (kind) {
    case "data":
      return targetOf(batch, sample);
    case "input": {
      const [first] = Object.values(batch.feeds);
      return first === undefined
        ? { kind: "none" }
        : { kind: "values", values: { "": sampleOf(first, sample) } };
    }
    case "dense":
      return dense === null
        ? { kind: "none" }
        : { kind: "values", values: samplesOf(dense, sample) };
    default:
      return kind satisfies never;
  }
}

function samplesOf(feeds: Feeds, sample: number): Feeds {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, feed]) => [name, sampleOf(feed, sample)]),
  );
}
