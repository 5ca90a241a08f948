import { constantOf } from "../../graph/constants.ts";
import type { Graph, Node } from "../../graph/graph.ts";
import { nodeId, nodeLabel } from "../../graph/graph.ts";
import { opOf } from "../../graph/read-op.ts";
import { inferShapes } from "../../graph/shapes/infer.ts";
import { floatsOf } from "../../graph/tensor.ts";
import { ancestors, consumersOf, producerOf } from "../../graph/traversal.ts";
import type { Structure } from "../../structure/structure.ts";
import { keptAxes } from "../kept-axes.ts";
import { isBlockGone, type Subnet } from "../subnet.ts";
import { type LinearLayer, linearLayer } from "./linear.ts";

/** One layer to correct, and what it is corrected towards. */
export interface CorrectionStep {
  readonly layer: LinearLayer;
  readonly label: string;
  /** Value of the smaller network that is compared: the layer's output, or a sum or BatchNormalization behind it. */
  readonly found: string;
  /** Value of the dense network that it is compared with. */
  readonly wanted: string;
  /** Channels of the wanted value that the smaller network has; null: all. */
  readonly channels: Int32Array | null;
  /** How much each channel of the found value moves with the layer's output; null: as much. */
  readonly scale: Float64Array | null;
  /** Only what is above zero counts: a Relu alone reads the found value. Set on a second look at a layer. */
  readonly rectified: boolean;
}

export interface CorrectionPlan {
  readonly steps: readonly CorrectionStep[];
  /** Layers that stay as they are, with the reason. */
  readonly left: readonly { readonly label: string; readonly reason: string }[];
}

/** What layers are corrected towards: their own dense output, or the residual sum that they add to where they are the last to. */
export type Target = "layer" | "stream";

/**
 * Layers of the smaller network in the order to correct them, so that each comes after all that it reads and all that its sum reads.
 * With `stream`, the last layer of a branch makes up for what the stream lost before it, and, where blocks behind it are dropped,
 * for those: what it adds to stands for their sums.
 */
export function planCorrection(
  structure: Structure,
  subnet: Subnet,
  smaller: Graph,
  target: Target = "stream",
): CorrectionPlan {
  const shapes = inferShapes(smaller, { batch: 1 });
  const kept = keptAxes(structure, subnet);
  const left: { label: string; reason: string }[] = [];
  const steps = new Map<Node, CorrectionStep>();
  const ids = new Set(structure.layers.map((layer) => layer.id));
  for (const node of smaller.nodes) {
    if (!ids.has(nodeId(node)) || node.opType === "Identity") continue;
    const layer = linearLayer(smaller, node, (name) => shapes.resolved(name));
    const label = nodeLabel(node);
    if ("reason" in layer) {
      left.push({ label, reason: layer.reason });
      continue;
    }
    const own = { found: layer.output, wanted: layer.output, scale: null };
    const aims = target === "stream" ? [aimOf(structure, subnet, smaller, layer), own] : [own];
    for (const aim of aims) {
      const rank = structure.shapes.of(aim.wanted)?.length ?? 0;
      const axis = layer.window === null ? rank - 1 : 1;
      const channels = kept(aim.wanted, axis);
      const count = channels?.length ?? structure.shapes.of(aim.wanted)?.[axis] ?? 0;
      if (count !== layer.outputs * layer.groups) continue;
      steps.set(node, { layer, label, channels, rectified: false, ...aim });
      break;
    }
  }
  const looks = Number(process.env["LOOKS"] ?? 0);
  const all = inOrder(smaller, steps).flatMap((step) => {
    if (onlyReader(smaller, step.found)?.opType !== "Relu") return [step];
    return [step, ...Array.from({ length: looks }, () => ({ ...step, rectified: true }))];
  });
  return { steps: all, left };
}

interface Aim {
  readonly found: string;
  readonly wanted: string;
  readonly scale: Float64Array | null;
}

/** The furthest value behind the layer that it moves linearly, and what the dense network has in its place. */
function aimOf(structure: Structure, subnet: Subnet, smaller: Graph, layer: LinearLayer): Aim {
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

function onlyReader(graph: Graph, name: string): Node | null {
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
  const producers = producerOf(graph);
  const readers = (name: string): readonly Node[] => consumersOf(graph).get(name) ?? [];
  const dropped = structure.blocks.filter((block) => subnet.droppedBlocks.includes(block.index));
  /** The dropped block whose branch alone reads the value. */
  const skipped = (name: string): string | null => {
    const block = dropped.find(
      (each) => producers.get(each.add)?.inputs[1 - each.branchInput] === name,
    );
    const inside = new Set(block?.nodes);
    const alone = readers(name).every((reader) => inside.has(nodeId(reader)));
    return block !== undefined && alone ? block.add : null;
  };
  let at = value;
  for (;;) {
    const [reader] = readers(at);
    const activation = readers(at).length === 1 && reader !== undefined ? reader : null;
    const behind = activation === null ? null : skipped(activation.outputs[0] ?? "");
    const [after] = behind === null ? [] : readers(behind);
    const sameActivation =
      activation !== null &&
      isClamp(activation) &&
      after !== undefined &&
      readers(behind ?? "").length === 1 &&
      after.opType === activation.opType;
    const next = skipped(at) ?? (sameActivation ? behind : null);
    if (next === null) return at;
    at = next;
  }
}

function isClamp({ opType, domain }: Node): boolean {
  return domain === "" && (opType === "Relu" || opType === "Clip");
}

/** The steps so that each comes after those of all layers that its input and its found value need. */
function inOrder(
  graph: Graph,
  steps: ReadonlyMap<Node, CorrectionStep>,
): readonly CorrectionStep[] {
  const order: CorrectionStep[] = [];
  const begun = new Set<Node>();
  const put = (node: Node): void => {
    const step = steps.get(node);
    if (step === undefined || begun.has(node)) return;
    begun.add(node);
    for (const before of ancestors(graph, [step.layer.input, step.found])) {
      if (before !== node) put(before);
    }
    order.push(step);
  };
  for (const node of graph.nodes) put(node);
  return order;
}
