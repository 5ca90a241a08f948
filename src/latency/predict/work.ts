import { InputError } from "../../core/errors.ts";
import { foldedOf } from "../../graph/fold/folded.ts";
import type { Graph, Node, NodeId } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import { hasTrait } from "../../graph/op-traits.ts";
import { opOf } from "../../graph/read-op.ts";
import { consumersOf } from "../../graph/traversal.ts";
import { freeCount } from "../../structure/counts.ts";
import type { Structure } from "../../structure/structure.ts";
import type { ProfiledOp } from "../ops.ts";
import { JOIN, type Work } from "./roofline.ts";

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
  const workAt = taskOf(op, options);
  const family = familyOfOp(op, options.structure.graph);
  return (counts) => {
    const work = workAt(counts);
    return work === null ? null : { ...work, family };
  };
}

/** The family of kernels that an operation belongs to (`Work`). */
export function familyOfOp(op: ProfiledOp, graph: Graph): string | undefined {
  const [head] = nodesOf(graph, op);
  return head === undefined ? undefined : familyOf(head, graph);
}

/** Convolutions by their window, everything else by its operator: `conv3x3`, `depthwise5x5`, `MaxPool`. */
function familyOf(node: Node, graph: Graph): string {
  const op = opOf(node, graph);
  if (op.kind !== "conv" || op.kernelShape === null) return node.opType;
  const isDepthwise = op.group > 1 && foldedOf(graph, node.inputs[1] ?? "")?.shape[1] === 1;
  return `${isDepthwise ? "depthwise" : "conv"}${op.kernelShape.join("x")}`;
}

function taskOf(op: ProfiledOp, options: WorkOptions): WorkAt {
  const { structure } = options;
  const nodes = nodesOf(structure.graph, op);
  const [head] = nodes;
  if (head?.opType === JOIN && nodes.every((node) => hasTrait(node, "free"))) {
    const sizes = sizesOf(op, options);
    const bytes = 2 * options.bytesPerElement;
    const [output = ""] = head.outputs;
    return (counts) => ({ kind: "fused", bytes: bytes * sizes.elements(output, counts) });
  }
  if (head === undefined || nodes.every((node) => hasTrait(node, "free"))) return () => null;
  const sizes = sizesOf(op, options);
  const { fusedInput } = options;
  const all = movedValues(structure, nodes);
  // Fused, it writes the result in place of the contraction's own and reads no more than its other operands.
  const moved =
    fusedInput === null
      ? [...all.read, ...all.written]
      : all.read.filter(({ name }) => name !== fusedInput);
  if (moved.length === 0) return () => null;
  const bytesAt = (counts: readonly number[]): number => {
    const elements = moved.reduce((sum, { name, share }) => {
      return sum + sizes.elements(name, counts) * share;
    }, 0);
    return elements * options.bytesPerElement;
  };
  if (fusedInput !== null) return (counts) => ({ kind: "fused", bytes: bytesAt(counts) });
  const contraction = contractionOf(structure.graph, head, sizes);
  if (contraction !== null) return (counts) => contraction(counts, bytesAt(counts));
  // What a Concat reads is what it writes, whatever its inputs' own widths are.
  const output = head.outputs[0] ?? "";
  if (head.opType === "Concat") {
    return (counts) => ({
      kind: "memory",
      bytes: 2 * sizes.elements(output, counts) * options.bytesPerElement,
    });
  }
  return (counts) => ({ kind: "memory", bytes: bytesAt(counts) });
}

interface Sizes {
  /** Where shapes of the network begin to be unknown, for people; null where all are known. */
  readonly unknown: string | null;
  /** Elements of a value or weight at these channels. Activations count the whole batch. */
  readonly elements: (name: string, counts: readonly number[]) => number;
  readonly extent: (name: string, axis: number, counts: readonly number[]) => number;
  readonly shape: (name: string) => readonly number[];
  readonly batchRatio: number;
}

function sizesOf(op: ProfiledOp, { structure, batchRatio }: WorkOptions): Sizes {
  const forms = op.axes.map((axis) => JSON.stringify(axis));
  const shape = (name: string): readonly number[] =>
    foldedOf(structure.graph, name)?.shape ?? structure.shapes.of(name) ?? [];
  const known = new Map<string, readonly number[]>();
  // For each axis of the value, which axis of the operation it follows; -1 where its length is fixed.
  const followed = (name: string): readonly number[] => {
    const present = known.get(name);
    if (present !== undefined) return present;
    const found = shape(name).map((_, axis) => {
      const count = freeCount(structure, name, axis);
      return count.parts.length === 0 ? -1 : forms.indexOf(JSON.stringify(count));
    });
    known.set(name, found);
    return found;
  };
  const extent = (name: string, axis: number, counts: readonly number[]): number => {
    const dense = shape(name)[axis] ?? 1;
    const follows = followed(name)[axis] ?? -1;
    return follows < 0 ? dense : (counts[follows] ?? dense);
  };
  const elements = (name: string, counts: readonly number[]): number => {
    const product = shape(name).reduce(
      (sum, _, axis) => sum * Math.max(1, extent(name, axis, counts)),
      1,
    );
    return foldedOf(structure.graph, name) === null ? product * batchRatio : product;
  };
  return { unknown: structure.unknown[0]?.text ?? null, elements, extent, shape, batchRatio };
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

type ContractionAt = (counts: readonly number[], bytes: number) => Work;

function contractionOf(graph: Graph, node: Node, sizes: Sizes): ContractionAt | null {
  const op = opOf(node, graph);
  switch (op.kind) {
    case "conv":
      return convolution(node, op.group, op, sizes);
    case "convTranspose":
      return transposedConvolution(node, op.group, sizes);
    case "gemm":
    case "matMul":
      return multiplication(node, op.kind === "gemm" && op.transA, sizes);
    default:
      return null;
  }
}

function convolution(
  node: Node,
  groups: number,
  window: { readonly strides: readonly number[]; readonly dilations: readonly number[] },
  sizes: Sizes,
): ContractionAt {
  const [input = "", weight = ""] = node.inputs;
  const [output = ""] = node.outputs;
  const kernel = sizes.shape(weight).slice(2);
  const taps = product(kernel);
  const channelsPerGroup = sizes.shape(weight)[1] ?? 1;
  const rows = (product(sizes.shape(output)) / (sizes.shape(output)[1] ?? 1)) * sizes.batchRatio;
  const winograd =
    groups === 1 &&
    kernel.length === 2 &&
    kernel.every((extent) => extent === 3) &&
    [...window.strides, ...window.dilations].every((extent) => extent === 1);
  return (counts, bytes) => {
    const columns = sizes.extent(output, 1, counts);
    if (groups > 1 && channelsPerGroup === 1) {
      return { kind: "depthwise", flops: 2 * rows * columns * taps, bytes };
    }
    const channels = sizes.extent(input, 1, counts);
    const kept = groups === 1 ? 1 : Math.max(1, Math.round(channels / channelsPerGroup));
    return {
      kind: "contraction",
      rows,
      columns: columns / kept,
      channels: channels / kept,
      taps,
      groups: kept,
      winograd,
      bytes,
    };
  };
}

/** Each input position makes a patch of outputs: columns are output channels times taps. */
function transposedConvolution(node: Node, groups: number, sizes: Sizes): ContractionAt {
  const [input = "", weight = ""] = node.inputs;
  const [output = ""] = node.outputs;
  const taps = product(sizes.shape(weight).slice(2));
  const rows = (product(sizes.shape(input)) / (sizes.shape(input)[1] ?? 1)) * sizes.batchRatio;
  return (counts, bytes) => ({
    kind: "contraction",
    rows,
    columns: (sizes.extent(output, 1, counts) * taps) / groups,
    channels: sizes.extent(input, 1, counts) / groups,
    taps: 1,
    groups,
    winograd: false,
    bytes,
  });
}

function multiplication(node: Node, transposed: boolean, sizes: Sizes): ContractionAt {
  const [left = "", right = ""] = node.inputs;
  const [output = ""] = node.outputs;
  const leftRank = sizes.shape(left).length;
  const outputRank = sizes.shape(output).length;
  if (leftRank === 0 || outputRank === 0) {
    throw new InputError({
      code: "latency/unknown-shape",
      message: `What ${node.opType} '${nodeId(node)}' costs can't be predicted, as the shapes around it are not known.${sizes.unknown === null ? "" : ` They begin to be unknown at ${sizes.unknown}`}`,
      where: `node '${nodeId(node)}'`,
      hint: "Is the op spelt right and of the right domain? Otherwise declare its shape in the file (value_info), run onnxruntime's symbolic shape inference on it, or give open axes a length with --bind.",
    });
  }
  // A matrix on the right serves all rows alike; otherwise each leading index is a multiplication of its own.
  const shared = sizes.shape(right).length <= 2;
  return (counts, bytes) => {
    const columns = sizes.extent(output, outputRank - 1, counts);
    const rows = sizes.elements(output, counts) / Math.max(1, columns);
    const own = shared ? rows : sizes.extent(output, outputRank - 2, counts);
    return {
      kind: "contraction",
      rows: own,
      columns,
      channels: sizes.extent(left, transposed ? leftRank - 2 : leftRank - 1, counts),
      taps: 1,
      groups: Math.max(1, Math.round(rows / Math.max(1, own))),
      winograd: false,
      bytes,
    };
  };
}

function nodesOf(graph: Graph, op: ProfiledOp): readonly Node[] {
  const ids = new Set(op.nodes);
  return graph.nodes.filter((node) => ids.has(nodeId(node)));
}

function product(extents: readonly number[]): number {
  return extents.reduce((result, extent) => result * extent, 1);
}
