import { constantNodeValue } from "./constants.ts";
import { typeOfCode } from "./data-type.ts";
import { type Graph, intAttribute, type Node } from "./graph.ts";
import type { Op } from "./op.ts";
import { type OpTraits, traitsOf } from "./op-traits.ts";
import {
  batchNorm,
  epsilonOf,
  gemm,
  groupNorm,
  layerNorm,
  reduce,
  softmax,
} from "./ops/compute.ts";
import { axesOf, type Context, listOf, numbersAt, valuesAt } from "./ops/context.ts";
import { along, einsum, scalesOf } from "./ops/further.ts";
import {
  blockSizeOf,
  constantOfShape,
  depthToSpace,
  gather,
  pad,
  reshape,
  shape,
  slice,
  split,
} from "./ops/layout.ts";
import { conv, convTranspose, globalPool, pool, resize } from "./ops/window.ts";
import { type KnownValues, knownConstants } from "./values.ts";

/**
 * What a node does: see `Op`. `known` resolves the inputs that hold sizes; by default the graph's own constants.
 *
 * @example
 * const op = opOf(node, graph);
 * if (op.kind === "conv" && op.group === 1) strides = op.strides;
 */
export function opOf(node: Node, graph: Graph, known: KnownValues = knownConstants(graph)): Op {
  const traits = traitsOf(node);
  if (traits === null) return { kind: "opaque", opType: node.opType, domain: node.domain };
  const read: (context: Context) => Op = READERS[traits.kind];
  return read({ node, graph, known, opset: graph.opsets.get("") ?? 0 });
}

type Readers = {
  readonly [Kind in OpTraits["kind"]]: (context: Context) => Extract<Op, { kind: Kind }>;
};

const READERS = {
  conv,
  convTranspose,
  gemm,
  matMul: () => ({ kind: "matMul" }),
  batchNorm,
  layerNorm,
  instanceNorm: (c) => ({ kind: "instanceNorm", epsilon: epsilonOf(c) }),
  groupNorm,
  lrn: ({ node }) => ({ kind: "lrn", size: intAttribute(node, "size", 1) }),
  pool,
  globalPool,
  reduce,
  unary: ({ node }) => ({ kind: "unary", function: node.opType }),
  elementwise: ({ node }) => ({ kind: "elementwise", function: node.opType }),
  softmax,
  concat: ({ node }) => ({ kind: "concat", axis: intAttribute(node, "axis", 0) }),
  split,
  slice,
  pad,
  transpose: ({ node }) => ({ kind: "transpose", perm: listOf(node, "perm") }),
  reshape,
  flatten: ({ node }) => ({ kind: "flatten", axis: intAttribute(node, "axis", 1) }),
  squeeze: (c) => ({ kind: "squeeze", axes: axesOf(c, 1, 13) }),
  unsqueeze: (c) => ({ kind: "unsqueeze", axes: axesOf(c, 1, 13) }),
  expand: (c) => ({ kind: "expand", target: valuesAt(c, 1) }),
  tile: (c) => ({ kind: "tile", repeats: numbersAt(c, 1) }),
  gather,
  resize,
  depthToSpace,
  spaceToDepth: ({ node }) => ({ kind: "spaceToDepth", blockSize: blockSizeOf(node) }),
  cast: ({ node }) => ({ kind: "cast", to: typeOfCode(intAttribute(node, "to", 0)) }),
  shape,
  size: () => ({ kind: "size" }),
  constant: ({ node }) => ({ kind: "constant", tensor: constantNodeValue(node) }),
  constantOfShape,
  range: () => ({ kind: "range" }),
  einsum,
  quantize: ({ node }) => ({ kind: "quantize", ...scalesOf(node) }),
  dequantize: ({ node }) => ({ kind: "dequantize", ...scalesOf(node) }),
  along,
  control: ({ node }) => ({ kind: "control", opType: node.opType }),
  fixed: ({ node }) => ({ kind: "fixed", opType: node.opType }),
  scatter: () => ({ kind: "scatter" }),
} as const satisfies Readers;
