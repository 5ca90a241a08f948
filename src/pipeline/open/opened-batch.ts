import { at } from "../../core/at.ts";
import { MdpError, UsageError } from "../../core/errors.ts";
import { answersOf, upToAnswers } from "../../graph/answers.ts";
import { weightsAsInitializers } from "../../graph/constants.ts";
import type { Graph } from "../../graph/graph.ts";
import { elementCount } from "../../graph/tensor.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import { fixedBatchOf } from "../../runtime/bind-feeds.ts";
import { numbersOfFeed, randomFeeds } from "../../runtime/feeds.ts";
import { openModel } from "../../runtime/open-model.ts";
import type { Feed, Feeds, Session } from "../../runtime/session.ts";
import { findStructure } from "../../structure/find-structure.ts";
import { openBatch } from "../../structure/open-batch.ts";
import type { RunContext } from "../run-context.ts";
import type { OpenNetwork } from "./network.ts";

/** Samples that are run at once and one by one. */
const SAMPLES = 3;
/** Largest difference that passes, of the largest value of the output. */
const LIMIT = 1e-4;

/**
 * A network whose batch the file fixes at 1, for any number of samples; the same network where its batch is open already or can't be
 * opened, which is said. Samples that are run together must give what they give alone. Where post-processing inside the network keeps the batch fixed, the
 * network goes up to the values before it (`upToAnswers`), which is what it is compared by.
 * @param outputs values that are asked for by name: the network isn't shortened where it would lose one
 */
export async function openedModel(
  model: Model,
  context: Pick<RunContext, "progress">,
  outputs: readonly string[] = [],
): Promise<Model> {
  const { graph } = model;
  if (fixedBatchOf(graph.inputs) === null) return model;
  const whole = await openedOr(model, graph);
  if (typeof whole !== "string") return whole;
  const shorter = shortened(graph, outputs);
  const part = shorter === null ? whole : await openedOr(model, shorter);
  if (typeof part !== "string") {
    for (const note of answersOf(graph).notes) context.progress.note(note);
    return part;
  }
  context.progress.note(
    `The network's batch stays fixed at ${graph.inputs[0]?.shape?.[0]}: ${whole}. Export it with an open batch axis (dynamic_axes) to run many samples at a time.`,
  );
  return model;
}

/** The model with this graph for any number of samples, or why that can't be. */
async function openedOr(model: Model, graph: Graph): Promise<Model | string> {
  const { graph: opened, reason } = openBatch(weightsAsInitializers(graph));
  if (opened === null) return reason;
  const found = withGraph(model, opened);
  const apart = await samplesMixed(withGraph(model, graph), found);
  return apart === null ? found : `samples that run together change output '${apart}'`;
}

/**
 * The part of a network that is trained: up to the values before its post-processing, whose shapes are known.
 * @param outputs values that are asked for by name: the network stays whole where it would lose one
 */
export function withoutPostProcessing(model: Model, outputs: readonly string[] = []): Model {
  const shorter = shortened(model.graph, outputs);
  return shorter === null ? model : withGraph(model, shorter);
}

/** The graph without its post-processing; null where it has none, or is asked for what would be lost. */
function shortened(graph: Graph, outputs: readonly string[]): Graph | null {
  const shorter = smoothPart(graph);
  if (shorter === null || shorter === graph) return null;
  const left = new Set(shorter.nodes.flatMap((node) => node.outputs));
  return outputs.some((name) => !left.has(name)) ? null : shorter;
}

function smoothPart(graph: Graph): Graph | null {
  try {
    return upToAnswers(graph);
  } catch (error) {
    if (error instanceof MdpError) return null;
    throw error;
  }
}

/**
 * Refuses to train a network at batch sizes that it doesn't run at.
 * @throws UsageError `cli/fixed-batch`
 */
export function refuseFixedBatch({ graph }: Model, sizes: readonly number[], where: string): void {
  const fixed = fixedBatchOf(graph.inputs);
  const other = sizes.find((size) => size !== fixed);
  if (fixed === null || other === undefined) return;
  throw new UsageError({
    code: "cli/fixed-batch",
    message: `The network is fixed to a batch of ${fixed}, and training takes ${other} samples at a time.`,
    where,
    hint: `Export the network with an open batch axis (dynamic_axes of torch.onnx.export), or train with --batch ${fixed}.`,
  });
}

/** As `openedModel`, with its structure. */
export async function openedNetwork(
  open: OpenNetwork,
  context: Pick<RunContext, "progress">,
  outputs: readonly string[] = [],
): Promise<OpenNetwork> {
  const model = await openedModel(open.model, context, outputs);
  if (model === open.model) return open;
  const structure = findStructure(model.graph, { bind: open.structure.bind });
  const dims = ({ structure: { dims } }: Pick<OpenNetwork, "structure">): string =>
    dims.map(({ name, size, pinned }) => `${name} ${size} ${pinned === null}`).join();
  if (dims({ structure }) !== dims(open)) return open;
  return { ...open, model: withGraph(model, structure.graph), structure };
}

/** The first output of which a sample's part depends on the samples beside it; null: none. */
async function samplesMixed(single: Model, many: Model): Promise<string | null> {
  const sessions: Session[] = [];
  try {
    for (const model of [single, many]) sessions.push(await openModel(model, { threads: 1 }));
    const [one, all] = [at(sessions, 0), at(sessions, 1)];
    const feeds = randomFeeds(all.inputs, { batch: SAMPLES, seed: 1 });
    const together = await all.run(feeds);
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      const alone = await one.run(mapped(feeds, (feed) => rowOf(feed, sample)));
      for (const [name, value] of Object.entries(alone)) {
        const other = together[name];
        if (other === undefined || differ(value, other, sample)) return name;
      }
    }
    return null;
  } finally {
    for (const session of sessions) await session.close();
  }
}

function mapped(feeds: Feeds, change: (feed: Feed) => Feed): Feeds {
  return Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, change(feed)]));
}

function rowOf(feed: Feed, sample: number): Feed {
  const shape = [1, ...feed.shape.slice(1)];
  const length = elementCount(shape);
  // The array keeps its type: the union of feeds is told apart by `type`.
  const data = feed.data.slice(sample * length, (sample + 1) * length);
  return { ...feed, shape, data } as Feed;
}

function differ(alone: Feed, together: Feed, sample: number): boolean {
  const [wanted, found] = [numbersOfFeed(alone), numbersOfFeed(together)];
  if (found.length !== SAMPLES * wanted.length) return true;
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return wanted.some((value, index) => {
    const difference = Math.abs(value - at(found, sample * wanted.length + index));
    return !(difference <= LIMIT * largest);
  });
}
