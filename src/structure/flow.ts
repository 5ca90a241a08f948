import { constantOf } from "../graph/constants.ts";
import type { DataType, Graph, Node, Tensor } from "../graph/graph.ts";
import { nodeId } from "../graph/graph.ts";
import type { Op } from "../graph/op.ts";
import { dataInputs, hasTrait, traitsOf } from "../graph/op-traits.ts";
import { opOf } from "../graph/read-op.ts";
import { bytesPerElement } from "../graph/tensor.ts";
import { namesRead } from "../graph/traversal.ts";
import { type Axes, createElements } from "./elements.ts";
import { describe, fixedAxes, type Propagation, pinValues, type Rule } from "./propagation.ts";
import { depthToSpace, groupNorm, spaceToDepth } from "./rules/channel-groups.ts";
import { pinCounted } from "./rules/counted.ts";
import { elementwise, layerNorm, pool, reduce, softmax, unary } from "./rules/elementwise.ts";
import { forget } from "./rules/forget.ts";
import { along, einsum, filled, quantized } from "./rules/further.ts";
import { batchNorm, conv, convTranspose, gemm, instanceNorm, matMul } from "./rules/layers.ts";
import { concat, followedBy, gather, pad, slice, split, stretch, transpose } from "./rules/move.ts";
import { reshape } from "./rules/reshape.ts";
import type { ResolvedShapes } from "./structure.ts";

/** "pin": nothing is pruned through it; "size": read when the network runs, so that it follows what surgery leaves. */
type Entry<K extends Op["kind"]> = Rule<Extract<Op, { kind: K }>> | "pin" | "size";

const RULES = {
  conv,
  convTranspose,
  gemm,
  matMul,
  batchNorm,
  instanceNorm,
  layerNorm,
  softmax,
  pool,
  globalPool: pool,
  reduce,
  unary,
  cast: unary,
  elementwise,
  concat,
  split,
  slice,
  pad,
  transpose,
  gather,
  expand: stretch,
  tile: stretch,
  resize: stretch,
  reshape,
  flatten: reshape,
  squeeze: reshape,
  unsqueeze: reshape,
  quantize: quantized,
  dequantize: quantized,
  along,
  einsum,
  control: "pin",
  groupNorm,
  lrn: "pin",
  depthToSpace,
  spaceToDepth,
  scatter: "pin",
  range: "pin",
  constantOfShape: filled,
  fixed: "pin",
  opaque: "pin",
  shape: "size",
  size: "size",
  constant: "size",
} as const satisfies { readonly [K in Op["kind"]]: Entry<K> };

/** What becomes of the axes that an op of this kind reads. */
export function kindOfFlow(kind: Op["kind"]): "rule" | "pin" | "size" {
  const entry = RULES[kind];
  return typeof entry === "string" ? entry : "rule";
}

const FLOATS: ReadonlySet<DataType> = new Set(["float32", "float16", "bfloat16", "float64"]);

/**
 * Lets elements flow through the whole graph: which indices of which axes go together, and which may not go.
 * Requires nodes in topological order.
 */
export function flowElements(graph: Graph, shapes: ResolvedShapes): Propagation {
  const flow: Propagation = {
    graph,
    shapes,
    elements: createElements(),
    axes: new Map(),
    shuffles: new Map(),
  };
  for (const node of graph.nodes) {
    for (const name of namesRead(node)) meetConstant(flow, name, node);
    applyRule(flow, node);
  }
  for (const output of graph.outputs) {
    pinValues(flow, [output.name], `feeds the network's output '${output.name}'`);
  }
  return flow;
}

/**
 * Gives a constant elements of its own, the first time something reads it: floating-point ones, and the whole numbers that
 * stand for such in a quantised network. Others are sizes and indices.
 */
function meetConstant(flow: Propagation, name: string, reader: Node): void {
  if (flow.axes.has(name)) return;
  const tensor = constantOf(flow.graph, name);
  if (tensor === null || !(FLOATS.has(tensor.type) || standsForFloats(flow, reader, tensor)))
    return;
  flow.axes.set(
    name,
    tensor.shape.map((extent) => flow.elements.fresh(extent)),
  );
}

function standsForFloats(flow: Propagation, reader: Node, tensor: Tensor): boolean {
  if (reader.domain !== "" || bytesPerElement(tensor.type) === 0) return false;
  if (reader.opType === "DequantizeLinear") return true;
  // Weights of few bits with their scales written out: Cast, Sub, Mul.
  const op = opOf(reader, flow.graph, flow.shapes.constant);
  return op.kind === "cast" && FLOATS.has(op.to) && tensor.shape.length > 1;
}

function applyRule(flow: Propagation, node: Node): void {
  if (node.opType === "Constant" && node.domain === "") return;
  if (!makesOrCarries(flow, node)) {
    pinCaptured(flow, node);
    fixOutputs(flow, node);
    return;
  }
  const op = opOf(node, flow.graph, flow.shapes.constant);
  // Where the values of sizes are unknown, the output's shape is too.
  const unknown = [...dataInputs(node), ...node.outputs].find((name) => isUnknown(flow, name));
  // The key names the member of the union, which the table's own type has proven.
  const rule = RULES[op.kind] as Rule<Op> | "pin" | "size";
  if (rule === "size") {
    if (node.inputs.length > 0) pinCounted(flow, node);
    fixOutputs(flow, node);
  } else if (rule === "pin") {
    forget(flow, node, whyPinned(node, op));
  } else if (unknown !== undefined) {
    forget(flow, node, `the shape of '${unknown}' at ${describe(node)} is unknown`);
  } else {
    rule(node, op, flow);
  }
}

function whyPinned(node: Node, op: Op): string {
  switch (op.kind) {
    case "control":
      return `${describe(node)} runs a subgraph on it`;
    case "opaque":
      return node.domain === ""
        ? `${describe(node)} is an op that is not known here`
        : `${describe(node)} is of the domain '${node.domain}', whose ops are not known here`;
    default:
      return `nothing is pruned through ${describe(node)}`;
  }
}

function makesOrCarries(flow: Propagation, node: Node): boolean {
  return (
    // Ops with weights make elements even where their input has none, as does what fills a shape.
    hasTrait(node, "layer") ||
    traitsOf(node)?.kind === "constantOfShape" ||
    flow.shuffles.has(nodeId(node)) ||
    followedBy(flow, node) !== null ||
    node.inputs.some((name) => hasElements(flow.axes.get(name)))
  );
}

function isUnknown(flow: Propagation, name: string): boolean {
  return name !== "" && flow.shapes.of(name) === null && !flow.graph.initializers.has(name);
}

function fixOutputs(flow: Propagation, node: Node): void {
  for (const output of node.outputs) {
    if (output !== "") flow.axes.set(output, fixedAxes(flow, output));
  }
}

function hasElements(axes: Axes | undefined): boolean {
  return axes?.some((axis) => axis !== null) ?? false;
}

function pinCaptured(flow: Propagation, node: Node): void {
  const captured = namesRead(node).filter((name) => !node.inputs.includes(name));
  pinValues(flow, captured, `a subgraph of ${describe(node)} reads it`);
}
