import { foldedOf } from "../../graph/fold/folded.ts";
import type { Graph, Node, NodeId } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import { hasTrait } from "../../graph/op-traits.ts";
import { opOf } from "../../graph/read-op.ts";
import { consumersOf } from "../../graph/traversal.ts";
import type { Structure } from "../../structure/structure.ts";
import type { ProfiledOp } from "../ops.ts";
import { attentionsOf, isProduct } from "./attention.ts";
import { contractionOf } from "./contraction-work.ts";
import { type Activation, JOIN, type Work } from "./roofline.ts";
import { type At, sizesOf } from "./sizes.ts";

/** What an operation does at given channels per axis of `ProfiledOp.axes`; null where it costs nothing. */
export type WorkAt = (counts: readonly number[]) => Work | null;

export interface WorkOptions {
  readonly structure: Structure;
  /** Images per run, as a multiple of those the structure's shapes are for. */
  readonly batchRatio: number;
  readonly bytesPerElement: number;
  /** The value that the operation takes over from the contraction before it; null where it is a kernel of its own. */
  readonly fusedInput: string | null;
}

/** The work of an operation as a function of the channels on its axes, with the family of kernels it belongs to. */
export function workOf(op: ProfiledOp, options: WorkOptions): WorkAt {
  const [head] = nodesOf(options.structure.graph, op);
  const activation = head === undefined ? null : apartFamily(head);
  return taskOf(op, options, activation ?? familyOfOp(op, options.structure.graph));
}

/** The family of kernels that an operation belongs to (`Work`). */
export function familyOfOp(op: ProfiledOp, graph: Graph): string | undefined {
  const [head] = nodesOf(graph, op);
  return head === undefined ? undefined : familyOf(head, graph);
}

/** Convolutions by their window, everything else by its operator: `conv3x3`, `depthwise5x5`, `MaxPool`; `attention` for its products. */
function familyOf(node: Node, graph: Graph): string {
  if (isProduct(graph, node)) return "attention";
  const op = opOf(node, graph);
  if (op.kind !== "conv" || op.kernelShape === null) return node.opType;
  const isDepthwise = op.group > 1 && foldedOf(graph, node.inputs[1] ?? "")?.shape[1] === 1;
  return `${isDepthwise ? "depthwise" : "conv"}${op.kernelShape.join("x")}`;
}

function taskOf(op: ProfiledOp, options: WorkOptions, family: string | undefined): WorkAt {
  const { structure } = options;
  const nodes = nodesOf(structure.graph, op);
  const [head] = nodes;
  if (head?.opType === JOIN && nodes.every((node) => hasTrait(node, "free"))) {
    const sizes = sizesOf(op, options);
    const bytes = 2 * options.bytesPerElement;
    const elements = sizes.elements(head.outputs[0] ?? "");
    return (counts) => ({ kind: "fused", bytes: bytes * elements(counts), family });
  }
  const { held, absorbed } = attentionsOf(structure.graph);
  const isFree = (node: Node): boolean => hasTrait(node, "free") || absorbed.has(nodeId(node));
  if (head === undefined || nodes.every(isFree)) return () => null;
  const sizes = sizesOf(op, options);
  // An activation of that kind is a kernel of its own, whatever it follows.
  const fusedInput = apartFamily(head) === null ? options.fusedInput : null;
  const all = movedValues(structure, nodes);
  // Fused, it writes the result in place of the contraction's own and reads no more than its other operands.
  const moved = (
    fusedInput === null
      ? [...all.read, ...all.written]
      : all.read.filter(({ name }) => name !== fusedInput)
  ).filter(({ name }) => !held.has(name));
  if (moved.length === 0) return () => null;
  const parts = moved.map(({ name, share }) => ({ elements: sizes.elements(name), share }));
  const bytesAt: At = (counts) => {
    let elements = 0;
    for (const part of parts) elements += part.elements(counts) * part.share;
    return elements * options.bytesPerElement;
  };
  if (fusedInput !== null) return (counts) => ({ kind: "fused", bytes: bytesAt(counts), family });
  const contraction = contractionOf(structure.graph, head, sizes, family);
  if (contraction !== null) {
    const activation = nodes.flatMap((node) => apartFamily(node) ?? [])[0];
    if (activation === undefined) return (counts) => contraction(counts, bytesAt(counts));
    const elements = sizes.elements(head.outputs[0] ?? "");
    const bytes = 2 * options.bytesPerElement;
    return (counts) => ({
      ...contraction(counts, bytesAt(counts)),
      activation: { bytes: bytes * elements(counts), family: activation },
    });
  }
  // What a Concat reads is what it writes, whatever its inputs' own widths are.
  if (head.opType === JOIN) {
    const elements = sizes.elements(head.outputs[0] ?? "");
    const bytes = 2 * options.bytesPerElement;
    return (counts) => ({ kind: "memory", bytes: elements(counts) * bytes, family });
  }
  return (counts) => ({ kind: "memory", bytes: bytesAt(counts), family });
}

/**
 * Activations that TensorRT need not have a contraction with: its documented fusions are those with Relu, Clip and Gelu ("Types of
 * Fusions", TensorRT 8 Developer Guide); `DeviceModel.fused` says which others a GPU has.
 */
const APART: Readonly<Record<string, Activation["family"]>> = {
  ...{ Sigmoid: "sigmoid", HardSigmoid: "sigmoid", HardSwish: "sigmoid", Swish: "sigmoid" },
  ...{ Mish: "sigmoid", Softplus: "sigmoid", Softsign: "sigmoid", Tanh: "sigmoid" },
  ...{ LeakyRelu: "leaky", PRelu: "leaky", Elu: "leaky", Selu: "leaky", Celu: "leaky" },
  ThresholdedRelu: "leaky",
};

function apartFamily({ opType }: Node): Activation["family"] | null {
  return APART[opType] ?? null;
}

interface Moved {
  readonly name: string;
  /** Part of its elements that is touched. */
  readonly share: number;
}

/** Values that the nodes read from or write to memory, weights included, with the share that is read. */
function movedValues(
  structure: Structure,
  nodes: readonly Node[],
): { readonly read: readonly Moved[]; readonly written: readonly Moved[] } {
  const { graph, shapes } = structure;
  const inside = new Set(nodes.flatMap((node) => node.outputs));
  const read = new Map<string, number>();
  for (const node of nodes) {
    const share = readShare(graph, node);
    for (const name of node.inputs) {
      const constant = shapes.constant(name) !== null;
      if (name === "" || inside.has(name) || constant || read.has(name)) continue;
      // Normalisation is folded into the weights.
      if (node.opType === "BatchNormalization" && foldedOf(graph, name) !== null) continue;
      read.set(name, foldedOf(graph, name) !== null ? 1 : share);
    }
  }
  const own = new Set<NodeId>(nodes.map(nodeId));
  const outputs = new Set(graph.outputs.map((value) => value.name));
  const consumers = consumersOf(graph);
  const written = [...inside].filter((name) => {
    const leaves = (consumers.get(name) ?? []).some((node) => !own.has(nodeId(node)));
    return name !== "" && (leaves || outputs.has(name));
  });
  return {
    read: [...read].map(([name, share]) => ({ name, share })),
    written: written.map((name) => ({ name, share: 1 })),
  };
}

/** A window with steps wider than itself skips part of its input. */
function readShare(graph: Graph, node: Node): number {
  const op = opOf(node, graph);
  if ((op.kind !== "conv" && op.kind !== "pool") || op.kernelShape === null) return 1;
  return op.kernelShape.reduce(
    (share, kernel, axis) => share * Math.min(1, kernel / (op.strides[axis] ?? 1)),
    1,
  );
}

const NODES = new WeakMap<Graph, ReadonlyMap<NodeId, Node>>();

function nodesOf(graph: Graph, op: ProfiledOp): readonly Node[] {
  const known = NODES.get(graph) ?? new Map(graph.nodes.map((node) => [nodeId(node), node]));
  NODES.set(graph, known);
  return op.nodes.flatMap((id) => known.get(id) ?? []);
}
