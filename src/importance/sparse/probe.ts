import type { Graph } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import type { Feeds } from "../../runtime/session.ts";
import { biasPlace } from "../../subnet/correct/apply.ts";
import type { LinearLayer } from "../../subnet/correct/linear.ts";
import type { Segment } from "../../subnet/correct/schedule.ts";
import type { Walk } from "../../subnet/correct/walk.ts";

/** The rest of the network from a layer on, with that layer's weight and a shift of its output fed at every run. */
export interface Probe {
  readonly run: (part: number, weight: Float32Array, shift: Float32Array) => Promise<Feeds>;
  readonly hasBias: boolean;
  readonly close: () => Promise<void>;
}

export async function openProbe(
  graph: Graph,
  walk: Walk,
  layer: LinearLayer,
  segment: Segment,
): Promise<Probe> {
  const tensor = graph.initializers.get(layer.weight);
  const channels = layer.groups * layer.outputs;
  const shape = layer.window === null ? [channels] : [channels, 1, 1];
  const id = nodeId(layer.node);
  const raw = `${id}_before_shift`;
  const initializers = new Map(graph.initializers);
  initializers.delete(layer.weight);
  const nodes = graph.nodes.flatMap((node) =>
    nodeId(node) !== id
      ? [node]
      : [
          { ...node, outputs: [raw, ...node.outputs.slice(1)] },
          {
            ...{ name: SHIFT, opType: "Add", domain: "", inputs: [raw, SHIFT], outputs: [id] },
            attributes: new Map(),
          },
        ],
  );
  const inputs = [
    ...graph.inputs,
    { name: layer.weight, type: "float32" as const, shape: tensor?.shape ?? null },
    { name: SHIFT, type: "float32" as const, shape },
  ];
  const opened = { ...graph, inputs, nodes, initializers };
  const fed = {
    ...segment,
    nodes: [raw, ...segment.nodes],
    feeds: [...segment.feeds, layer.weight, SHIFT],
  };
  const step = await walk.open(opened, fed);
  return {
    hasBias: biasPlace(graph, layer) !== null,
    run: async (part, weight, shift) => {
      const more: Feeds = {
        [layer.weight]: { type: "float32", shape: tensor?.shape ?? [], data: weight },
        [SHIFT]: { type: "float32", shape, data: shift },
      };
      return step.run(part, more);
    },
    close: step.close,
  };
}

const SHIFT = "mdp_shift";
