/**
 * Nodes in the form they have from opset 17 on: lists that were attributes are inputs, softmax works on one axis. So that
 * rules know one form, and so that BatchNormalization can train.
 */
import type { DataType, Graph, Node, Tensor } from "../graph/graph.ts";
import { floatAttribute } from "../graph/graph.ts";
import type { Op } from "../graph/op.ts";
import { opOf } from "../graph/read-op.ts";
import { isResolved } from "../graph/shapes/extents.ts";
import { inferShapes, type Shapes } from "../graph/shapes/infer.ts";
import { elementCount, floatTensor, intTensor } from "../graph/tensor.ts";

export const MODERN_OPSET = 17;

/** Requires a graph whose shapes are known; ensures the same values under the same names, at opset 17 or above. */
export function modernForm(graph: Graph): Graph {
  const opset = graph.opsets.get("") ?? 0;
  if (opset >= MODERN_OPSET) return graph;
  const shapes = inferShapes(graph);
  const initializers = new Map(graph.initializers);
  const constant = (node: Node, role: string, tensor: Tensor): string => {
    let name = `${node.outputs[0]}/${role}`;
    while (initializers.has(name)) name += "_";
    initializers.set(name, tensor);
    return name;
  };
  const nodes = graph.nodes.flatMap((node) => {
    const op = opOf(node, graph, shapes.constant);
    return modernNodes({ node, op, opset, shapes, constant });
  });
  const opsets = new Map([...graph.opsets, ["", MODERN_OPSET]]);
  return { ...graph, nodes, initializers, opsets };
}

interface Old {
  readonly node: Node;
  readonly op: Op;
  readonly opset: number;
  readonly shapes: Shapes;
  /** Stores a tensor; returns its name. */
  readonly constant: (node: Node, role: string, tensor: Tensor) => string;
}

function modernNodes(old: Old): readonly Node[] {
  const { node, op, opset } = old;
  switch (op.kind) {
    case "slice":
      return opset < 10 ? [sliceNode(old, op)] : [node];
    case "pad":
      return opset < 11 ? [padNode(old, op)] : [node];
    case "split":
    case "squeeze":
    case "unsqueeze":
    case "reduce":
      return opset < 13 ? [listNode(old)] : [node];
    case "softmax":
      return op.flattened ? flattenedSoftmax(old, op) : [node];
    case "batchNorm":
      return opset < 14 && !op.training ? [inferenceNorm(node)] : [node];
    case "resize":
      return opset < 11 ? [resizeNode(old)] : [node];
    case "unary":
      return unaryNode(old, op.function);
    default:
      return [node];
  }
}

/** Ops whose list became an input with opset 13. */
function listNode(old: Old): Node {
  const { node, op } = old;
  if (op.kind === "split") {
    return op.sizes === null ? node : withLists(old, { split: op.sizes }, ["axis"]);
  }
  const squeezes = op.kind === "squeeze" || op.kind === "unsqueeze";
  if (!squeezes && (op.kind !== "reduce" || op.reduction !== "Sum")) return node;
  const listed = op.axes !== null && op.axes.length > 0;
  return listed ? withLists(old, { axes: op.axes ?? [] }, ["keepdims"]) : node;
}

/** The node with lists as inputs after its first, and only the named attributes. */
function withLists(
  { node, constant }: Old,
  lists: Readonly<Record<string, readonly (number | string | null)[]>>,
  attributes: readonly string[],
): Node {
  const inputs = Object.entries(lists).map(([role, list]) => {
    const numbers = list.map(Number);
    return constant(node, role, intTensor([numbers.length], numbers));
  });
  return { ...pruned(node, attributes), inputs: [node.inputs[0] ?? "", ...inputs] };
}

function pruned(node: Node, kept: readonly string[]): Node {
  const attributes = new Map([...node.attributes].filter(([name]) => kept.includes(name)));
  return { ...node, attributes };
}

function sliceNode(old: Old, op: Extract<Op, { kind: "slice" }>): Node {
  if (op.starts === null || op.ends === null || op.axes === null) return old.node;
  return withLists(old, { starts: op.starts, ends: op.ends, axes: op.axes }, []);
}

function padNode(old: Old, op: Extract<Op, { kind: "pad" }>): Node {
  const plain = withLists(old, { pads: op.pads ?? [] }, ["mode"]);
  const value = floatAttribute(old.node, "value", 0);
  if (value === 0) return plain;
  const filler = old.constant(old.node, "value", numberLike(old, value));
  return { ...plain, inputs: [...plain.inputs, filler] };
}

/** A number of the type of the node's first input. */
function numberLike({ node, shapes }: Old, value: number): Tensor {
  const type: DataType = shapes.of(node.inputs[0] ?? "")?.type ?? "float32";
  if (type !== "float64") return floatTensor([], [value]);
  const bytes = new Uint8Array(Float64Array.of(value).buffer);
  return { type, shape: [], byteLength: 8, bytes: () => bytes };
}

// All axes from `axis` on together: as one axis of a matrix.
function flattenedSoftmax(old: Old, op: Extract<Op, { kind: "softmax" }>): readonly Node[] {
  const { node, shapes, constant } = old;
  const shape = shapes.of(node.inputs[0] ?? "")?.shape ?? null;
  if (shape === null || !isResolved(shape)) return [node];
  const axis = op.axis < 0 ? op.axis + shape.length : op.axis;
  const along = { kind: "int", value: -1 } as const;
  const softmax = { ...node, attributes: new Map([["axis", along]]) };
  if (axis === shape.length - 1) return [softmax];
  const [output = ""] = node.outputs;
  const rows = elementCount(shape.slice(0, axis));
  const flat = constant(node, "flat", intTensor([2], [rows, elementCount(shape.slice(axis))]));
  const back = constant(node, "shape", intTensor([shape.length], shape));
  const reshape = (from: string, to: string, sizes: string): Node => ({
    ...pruned(node, []),
    name: `${to}/Reshape`,
    opType: "Reshape",
    inputs: [from, sizes],
    outputs: [to],
  });
  return [
    reshape(node.inputs[0] ?? "", `${output}/matrix`, flat),
    { ...softmax, inputs: [`${output}/matrix`], outputs: [`${output}/normed`] },
    reshape(`${output}/normed`, output, back),
  ];
}

function inferenceNorm(node: Node): Node {
  return { ...pruned(node, ["epsilon", "momentum"]), outputs: node.outputs.slice(0, 1) };
}

// Upsample, and Resize of opset 10: positions are scaled as they are, and nearest means the one below.
function resizeNode(old: Old): Node {
  const { node, constant } = old;
  const empty = constant(node, "roi", floatTensor([0], []));
  const attributes = new Map([
    ...pruned(node, ["mode"]).attributes,
    ["coordinate_transformation_mode", { kind: "string", value: "asymmetric" }] as const,
    ["nearest_mode", { kind: "string", value: "floor" }] as const,
  ]);
  const inputs = [node.inputs[0] ?? "", empty, scalesOf(old)];
  return { ...node, opType: "Resize", inputs, attributes };
}

function scalesOf({ node, constant }: Old): string {
  const given = node.inputs[1] ?? "";
  const listed = node.attributes.get("scales");
  return given === "" && listed?.kind === "floats"
    ? constant(node, "scales", floatTensor([listed.value.length], listed.value))
    : given;
}

function unaryNode(old: Old, name: string): readonly Node[] {
  const { node, opset, constant } = old;
  if (name === "Clip" && opset < 11) {
    const bounds = ["min", "max"].map((role) => {
      const attribute = node.attributes.get(role);
      return attribute?.kind === "float"
        ? constant(node, role, numberLike(old, attribute.value))
        : "";
    });
    return [{ ...pruned(node, []), inputs: [node.inputs[0] ?? "", ...bounds] }];
  }
  // Before opset 12 a Dropout in a file passed everything.
  if (name === "Dropout" && opset < 12) {
    return [{ ...pruned(node, []), opType: "Identity", outputs: node.outputs.slice(0, 1) }];
  }
  return [node];
}
