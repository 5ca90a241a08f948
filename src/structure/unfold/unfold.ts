/**
 * Ops that runtimes fused (attention as one op, a norm with the Add before it, an activation with its bias) are written as the ops of
 * the standard domain that they stand for. What is known of those (structure, surgery, gradients, the change of basis, PyTorch) then
 * holds for them. What a fused op does beyond (caches of keys and values) keeps it as it is, with the reason.
 */
import { type Graph, type Node, nodeLabel } from "../../graph/graph.ts";
import { nodeWriter } from "../../graph/node-writer.ts";
import { type InferOptions, inferShapes } from "../../graph/shapes/infer.ts";
import { removeDeadNodes } from "../../graph/traversal.ts";
import { fusedActivations } from "./activations.ts";
import { fusedAttention } from "./attention.ts";
import { fusedEmbedding } from "./embed.ts";
import { groupQueryAttention } from "./group-query.ts";
import { fusedLayers } from "./layers.ts";
import { fusedNorms } from "./norms.ts";
import { fusedRotary } from "./rotary.ts";
import { Kept, type Unfold } from "./rule.ts";
import { standardAttention } from "./standard-attention.ts";

/** By domain and op type. */
const RULES: ReadonlyMap<string, Unfold> = new Map([
  ...fusedActivations,
  ...fusedNorms,
  ...fusedLayers,
  ...fusedAttention,
  ...groupQueryAttention,
  ...fusedRotary,
  ...fusedEmbedding,
  ...standardAttention,
]);

/**
 * The graph with fused ops written out, and a note on what was written out and on what was left.
 * @param options extents of open axes, as `findStructure` takes them
 */
export function unfoldFused(
  graph: Graph,
  options: InferOptions = {},
): { readonly graph: Graph; readonly notes: readonly string[] } {
  const counts = new Map<string, number>();
  const left = new Map<string, string>();
  let unfolded = graph;
  // A size may follow from an op that was fused itself: each round knows the shapes behind those of the last.
  for (let before = -1; before < count(counts); ) {
    before = count(counts);
    unfolded = unfoldKnown(unfolded, options, counts, left);
  }
  if (unfolded === graph && left.size === 0) return { graph, notes: [] };
  const list = [...counts].map(([type, times]) => `${times} ${type}`).join(", ");
  return {
    graph: unfolded === graph ? graph : removeDeadNodes(unfolded).graph,
    notes: [
      ...(counts.size === 0
        ? []
        : [`Fused ops are written out, so that what they hold can be pruned: ${list}.`]),
      ...left.values(),
    ],
  };
}

function count(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, times) => sum + times, 0);
}

function unfoldKnown(
  graph: Graph,
  options: InferOptions,
  counts: Map<string, number>,
  left: Map<string, string>,
): Graph {
  if (!graph.nodes.some((node) => RULES.has(key(node)))) return graph;
  const writer = nodeWriter(graph);
  const shapes = inferShapes(graph, options);
  let changed = false;
  const nodes = graph.nodes.flatMap((node): readonly Node[] => {
    const rule = RULES.get(key(node));
    if (rule === undefined) return [node];
    try {
      rule({ node, graph, shapes, writer });
    } catch (error) {
      if (!(error instanceof Kept)) throw error;
      writer.take();
      const label = `${node.opType} '${nodeLabel(node)}'`;
      left.set(label, `${label} stays one op: ${error.message}.`);
      return [node];
    }
    changed = true;
    left.delete(`${node.opType} '${nodeLabel(node)}'`);
    counts.set(node.opType, (counts.get(node.opType) ?? 0) + 1);
    return writer.take();
  });
  return changed ? { ...graph, nodes, initializers: writer.initializers } : graph;
}

function key({ domain, opType }: Node): string {
  return `${domain === "ai.onnx" ? "" : domain}:${opType}`;
}
