import { basename } from "node:path";
import type { Graph } from "../graph/graph.ts";
import { irVersionOf } from "./codes.ts";

/** A network with what the file says around it. */
export interface Model {
  readonly graph: Graph;
  readonly irVersion: number;
  readonly producer: string;
  /** The file's own key-value pairs. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Where it was read from; null for a model made in memory. */
  readonly path: string | null;
  /** What it was read from: keeps fields that this project doesn't know. */
  readonly source?: unknown;
}

/** The model around another graph; everything else stays. */
export function withGraph(model: Model, graph: Graph): Model {
  return { ...model, graph };
}

/** A model around a graph that came from no file, with the IR version that goes with its opset. */
export function modelOf(graph: Graph, options: { readonly producer?: string } = {}): Model {
  return {
    graph,
    irVersion: irVersionOf(graph.opsets.get("") ?? 0),
    producer: options.producer ?? "mdp",
    metadata: new Map(),
    path: null,
  };
}

/** What to call a model in front of people. */
export function modelLabel(model: Model): string {
  return model.path === null ? `graph '${model.graph.name}'` : basename(model.path);
}
