import type { Graph, Node, NodeId } from "../graph/graph.ts";
import { nodeId, nodeLabel } from "../graph/graph.ts";
import { dataInputs, traitsOf } from "../graph/op-traits.ts";
import type { Misdeclared } from "../graph/shapes/infer.ts";
import { shapeText } from "../graph/shapes/rule.ts";
import { consumersOf } from "../graph/traversal.ts";
import type { ResolvedShapes } from "./structure.ts";

/** An op whose result has no known shape although all that it reads has: where the unknown begins. */
export interface UnknownShape {
  readonly node: NodeId;
  /** For people: which op, why, what lies behind it, and what to do. */
  readonly text: string;
  /** Ops behind it that nothing is pruned through for that reason. */
  readonly behind: number;
}

/** Where shapes begin to be unknown, in graph order. */
export function unknownShapes(graph: Graph, shapes: ResolvedShapes): readonly UnknownShape[] {
  const isUnknown = (name: string): boolean =>
    name !== "" && shapes.of(name) === null && !graph.initializers.has(name);
  return graph.nodes.flatMap((node) => {
    if (!node.outputs.some(isUnknown) || dataInputs(node).some(isUnknown)) return [];
    const behind = unknownBehind(graph, node, isUnknown);
    const text = `${node.opType} '${nodeLabel(node)}': ${whyUnknown(node)}, so nothing is pruned through it${behind === 0 ? "" : ` and the ${behind} ops behind it that depend on its shape`}. Declare its shape in the file (value_info), run onnxruntime's symbolic shape inference on it, or give open axes a length with --bind.`;
    return [{ node: nodeId(node), text, behind }];
  });
}

/** Ops whose number of results depends on the numbers that they read. */
const BY_DATA: ReadonlySet<string> = new Set([
  ...["NonMaxSuppression", "NonZero", "Unique", "Compress", "ImageDecoder", "Loop"],
]);

function whyUnknown(node: Node): string {
  if (BY_DATA.has(node.opType)) return "how many results it gives depends on the data";
  if (traitsOf(node) !== null) return "its sizes are only known when the network runs";
  const domain = node.domain === "" ? "" : ` of the domain '${node.domain}'`;
  return `the op${domain} is not known here and the file declares no shape for what it gives`;
}

function unknownBehind(graph: Graph, start: Node, isUnknown: (name: string) => boolean): number {
  const consumers = consumersOf(graph);
  const seen = new Set<Node>();
  const open = [...start.outputs];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    for (const reader of consumers.get(name) ?? []) {
      if (seen.has(reader) || !reader.outputs.some(isUnknown)) continue;
      seen.add(reader);
      open.push(...reader.outputs);
    }
  }
  return seen.size;
}

/** A sentence for each value that the file declares with another shape than its nodes give. */
export function misdeclaredNotes(misdeclared: readonly Misdeclared[]): readonly string[] {
  return misdeclared.map(
    ({ value, node, found, declared }) =>
      `The file declares '${value}' as ${shapeText(declared)}, but ${node.opType} '${nodeLabel(node)}' gives ${shapeText(found)}; that is what counts, as in onnxruntime.`,
  );
}
