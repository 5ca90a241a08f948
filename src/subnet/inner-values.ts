import { foldedOf } from "../graph/fold/folded.ts";
import type { Graph } from "../graph/graph.ts";
import { producerOf } from "../graph/traversal.ts";
import type { Feed, Feeds } from "../runtime/session.ts";
import type { Structure } from "../structure/structure.ts";
import { type KeptAxes, keptAxes } from "./kept-axes.ts";
import type { Subnet } from "./subnet.ts";

/**
 * Outputs of layers that both graphs compute. Comparing these too makes a proof strong: a deep network with few units left
 * answers nearly the same whatever it is shown, and its last output alone would hide a wrong channel in the middle.
 */
export function sharedLayerOutputs(structure: Structure, cut: Graph): readonly string[] {
  const left = producerOf(cut);
  const outputs = new Set(cut.outputs.map((value) => value.name));
  const isFloat = (name: string): boolean => foldedOf(structure.graph, name)?.type === "float32";
  return structure.layers
    .filter((layer) => isFloat(layer.weight.name))
    .map((layer) => layer.id)
    .filter((name) => left.has(name) && left.get(name)?.opType !== "Identity")
    .filter((name) => !outputs.has(name));
}

/** The graph with further outputs. */
export function withOutputs(graph: Graph, names: readonly string[]): Graph {
  const added = names.map((name) => ({ name, type: "float32" as const, shape: null }));
  return { ...graph, outputs: [...graph.outputs, ...added] };
}

/** What the masked network computes, reduced to the kept indices, so that it can be compared with the smaller one. */
export function reduceToKept(feeds: Feeds, structure: Structure, subnet: Subnet): Feeds {
  const kept = keptAxes(structure, subnet);
  return Object.fromEntries(
    Object.entries(feeds).map(([name, feed]) => [name, reduced(name, feed, kept)] as const),
  );
}

function reduced(name: string, feed: Feed, kept: KeptAxes): Feed {
  if (feed.type !== "float32") return feed;
  let { data, shape } = feed;
  for (const axis of shape.keys()) {
    const indices = kept(name, axis);
    if (indices === null) continue;
    const outer = shape.slice(0, axis).reduce((a, b) => a * b, 1);
    const run = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const length = shape[axis] ?? 0;
    const next = new Float32Array(outer * indices.length * run);
    for (let row = 0; row < outer; row += 1) {
      indices.forEach((index, at) => {
        const from = (row * length + index) * run;
        next.set(data.subarray(from, from + run), (row * indices.length + at) * run);
      });
    }
    data = next;
    shape = shape.map((extent, other) => (other === axis ? indices.length : extent));
  }
  return { type: "float32", data, shape };
}
