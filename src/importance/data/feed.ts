import type { Graph } from "../../graph/graph.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import { serializeModel } from "../../onnx/write.ts";
import type { SampleBatch } from "../../runtime/batches.ts";
import { bindFeeds } from "../../runtime/bind-feeds.ts";
import { type Feeds, openSession, type Session } from "../../runtime/session.ts";

/**
 * The batch as the network is fed it.
 * @throws InputError as `bindFeeds`
 */
export function feedsOf(graph: Graph, batch: SampleBatch): Feeds {
  return bindFeeds(graph.inputs, batch, graph.name);
}

/** A session for another graph of the model's; nothing is optimised that would rename values. */
export function openGraph(model: Model, graph: Graph, threads: number): Promise<Session> {
  return openSession(graphBytes(model, graph), { threads, where: model.path ?? graph.name });
}

/** Another graph of the model's as an ONNX file. */
export function graphBytes(model: Model, graph: Graph): Uint8Array {
  return Buffer.concat(serializeModel(withGraph(model, graph)));
}
