import { constantOf } from "../../graph/constants.ts";
import type { Graph, Node } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import { opOf } from "../../graph/read-op.ts";
import { floatsOf } from "../../graph/tensor.ts";
import { consumersOf, producerOf } from "../../graph/traversal.ts";
import type { Block, Structure } from "../../structure/structure.ts";
import { isBlockGone, type Subnet } from "../subnet.ts";
import type { LinearLayer } from "./linear.ts";

/** What a layer is corrected towards. */
export interface Aim {
  /** Value of the smaller network that is compared: the layer's output, or a sum or BatchNormalization behind it. */
  readonly found: string;
  /** Value of the dense network that it is compared with. */
  readonly wanted: string;
  /** How much each channel of the found value moves with the layer's output; null: as much. */
  readonly scale: Float64Array | null;
}

/** The furthest value behind the layer that it moves linearly, and what the dense network has in its place. */
export function aimOf(
  structure: Structure,
  subnet: Subnet,
  smaller: Graph,
  layer: LinearLayer,
): Aim {
  let at = layer.output;
  let scale: Float64Array | null = null;
  const norm = onlyReader(smaller, at);
  if (norm?.opType === "BatchNormalization" && norm.inputs[0] === at) {
    scale = normScale(smaller, norm);
    if (scale === null) return { found: at, wanted: at, scale };
    at = norm.outputs[0] ?? "";
  } else if (norm?.opType === "Add" && norm.inputs.some((name) => isConstant(smaller, name))) {
    at = norm.outputs[0] ?? "";
  }
  const add = structure.blocks.find(
    (block) =>
      !isBlockGone(structure, subnet, block.index) &&
      producerOf(structure.graph).get(block.add)?.inputs[block.branchInput] === at,
  );
  if (add !== undefined && onlyReader(smaller, at) !== null) at = add.add;
  const wanted = standsFor(structure, subnet, at);
  return { found: at, wanted, scale };
}

/** The one node that reads a value which is no output of the graph; null where there are none or several. */
export function onlyReader(graph: Graph, name: string): Node | null {
  const readers = consumersOf(graph).get(name) ?? [];
  const isOutput = graph.outputs.some((value) => value.name === name);
  return readers.length === 1 && !isOutput ? (readers[0] ?? null) : null;
}

function isConstant(graph: Graph, name: string): boolean {
  return constantOf(graph, name) !== null;
}

/** gamma / sqrt(variance + epsilon) per channel; null where a channel has lost its scale. */
function normScale(graph: Graph, node: Node): Float64Array | null {
  const op = opOf(node, graph);
  const [gamma, variance] = [node.inputs[1] ?? "", node.inputs[4] ?? ""].map((name) =>
    constantOf(graph, name),
  );
  if (op.kind !== "batchNorm" || gamma == null || variance == null) return null;
  if (gamma.type !== "float32" || variance.type !== "float32") return null;
  const spread = floatsOf(variance);
  const scale = Float64Array.from(
    floatsOf(gamma),
    (value, channel) => value / Math.sqrt((spread[channel] ?? 0) + op.epsilon),
  );
  return scale.some((value) => value === 0) ? null : scale;
}

/** The sum of the last dropped block that the value stands for, directly or behind its activation. */
function standsFor(structure: Structure, subnet: Subnet, value: string): string {
  const { graph } = structure;
  const dropped = structure.blocks.filter((block) => subnet.droppedBlocks.includes(block.index));
  let at = value;
  for (;;) {
    const next = skippedBlock(graph, dropped, at) ?? skippedBehindClamp(graph, dropped, at);
    if (next === null) return at;
    at = next.add;
  }
}

/** The dropped block whose branch alone reads the value, beside its Add. */
function skippedBlock(graph: Graph, dropped: readonly Block[], value: string): Block | null {
  const producers = producerOf(graph);
  const block = dropped.find(
    (each) => producers.get(each.add)?.inputs[1 - each.branchInput] === value,
  );
  const inside = new Set(block?.nodes);
  const readers = consumersOf(graph).get(value) ?? [];
  return block !== undefined && readers.every((reader) => inside.has(nodeId(reader)))
    ? block
    : null;
}

/** The same for the value's Relu or Clip, where the block's sum goes through the same one: twice is once. */
function skippedBehindClamp(graph: Graph, dropped: readonly Block[], value: string): Block | null {
  const clamp = onlyReader(graph, value);
  if (clamp === null || !isClamp(clamp)) return null;
  const block = skippedBlock(graph, dropped, clamp.outputs[0] ?? "");
  const after = block === null ? null : onlyReader(graph, block.add);
  return after?.opType === clamp.opType ? block : null;
}

function isClamp({ opType, domain }: Node): boolean {
  return domain === "" && (opType === "Relu" || opType === "Clip");
}
