import { InputError } from "../../core/errors.ts";
import { type Graph, type Node, nodeId } from "../../graph/graph.ts";
import { opOf } from "../../graph/read-op.ts";
import type { Work } from "./roofline.ts";
import type { Sizes } from "./sizes.ts";

/** The work of a contraction that moves so many bytes. */
type ContractionAt = (counts: readonly number[], bytes: number) => Work;

/** The convolution or multiplication that a node is, as tiles of an output; null for other nodes. */
export function contractionOf(
  graph: Graph,
  node: Node,
  sizes: Sizes,
  family: string | undefined,
): ContractionAt | null {
  const op = opOf(node, graph);
  switch (op.kind) {
    case "conv":
      return convolution(node, op, sizes, family);
    case "convTranspose":
      return transposedConvolution(node, op.group, sizes, family);
    case "gemm":
    case "matMul":
      return multiplication(node, op.kind === "gemm" && op.transA, sizes, family);
    default:
      return null;
  }
}

function convolution(
  node: Node,
  window: {
    readonly group: number;
    readonly strides: readonly number[];
    readonly dilations: readonly number[];
  },
  sizes: Sizes,
  family: string | undefined,
): ContractionAt {
  const groups = window.group;
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
  const [columnsAt, channelsAt] = [sizes.extent(output, 1), sizes.extent(input, 1)];
  return (counts, bytes) => {
    const columns = columnsAt(counts);
    if (groups > 1 && channelsPerGroup === 1) {
      return { kind: "depthwise", flops: 2 * rows * columns * taps, bytes, family };
    }
    const channels = channelsAt(counts);
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
      family,
    };
  };
}

/** Each input position makes a patch of outputs: columns are output channels times taps. */
function transposedConvolution(
  node: Node,
  groups: number,
  sizes: Sizes,
  family: string | undefined,
): ContractionAt {
  const [input = "", weight = ""] = node.inputs;
  const [output = ""] = node.outputs;
  const taps = product(sizes.shape(weight).slice(2));
  const rows = (product(sizes.shape(input)) / (sizes.shape(input)[1] ?? 1)) * sizes.batchRatio;
  const [columnsAt, channelsAt] = [sizes.extent(output, 1), sizes.extent(input, 1)];
  return (counts, bytes) => ({
    kind: "contraction",
    rows,
    columns: (columnsAt(counts) * taps) / groups,
    channels: channelsAt(counts) / groups,
    taps: 1,
    groups,
    winograd: false,
    bytes,
    family,
  });
}

function multiplication(
  node: Node,
  transposed: boolean,
  sizes: Sizes,
  family: string | undefined,
): ContractionAt {
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
  const [columnsAt, elementsAt] = [sizes.extent(output, outputRank - 1), sizes.elements(output)];
  const ownAt = sizes.extent(output, outputRank - 2);
  const channelsAt = sizes.extent(left, transposed ? leftRank - 2 : leftRank - 1);
  return (counts, bytes) => {
    const columns = columnsAt(counts);
    const rows = elementsAt(counts) / Math.max(1, columns);
    const own = shared ? rows : ownAt(counts);
    return {
      kind: "contraction",
      rows: own,
      columns,
      channels: channelsAt(counts),
      taps: 1,
      groups: Math.max(1, Math.round(rows / Math.max(1, own))),
      winograd: false,
      bytes,
      family,
    };
  };
}

function product(extents: readonly number[]): number {
  return extents.reduce((result, extent) => result * extent, 1);
}
