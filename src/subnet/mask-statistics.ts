/**
 * Sums over a pruned axis inside the masked original. A norm that loses channels has other statistics than before, so the masked
 * original is *defined* with statistics over what stays. With m the mask (1 stays, 0 goes), D the axis's length, k = sum(m):
 *
 *     LayerNorm    mean = sum(m x) / k,  d = m (x - mean),  var = sum(d^2) / k,  y = d / sqrt(var + eps) * gamma + beta
 *     ReduceMean   mean(m x) D / k, the statistic of a norm that is written out
 *     ReduceL2, ReduceSum, ReduceSumSquare, LpNormalization   of m x: a vector's length, over what stays
 *     MatMul       (m A) B, for activations A and B that are contracted over the axis
 */
import type { Node, SourcedAttribute, Tensor } from "../graph/graph.ts";
import { floatAttribute, intAttribute, intsAttribute } from "../graph/graph.ts";
import { floatTensor, intTensor } from "../graph/tensor.ts";
import { axisIndex } from "../structure/propagation.ts";
import type { Structure } from "../structure/structure.ts";
import { weightOf } from "../structure/weight-of.ts";
import type { KeptAxes } from "./kept-axes.ts";

/** Nodes that stand for one node; the constants they need are added to `constants`. */
export function maskedStatistics(
  structure: Structure,
  kept: KeptAxes,
  node: Node,
  constants: Map<string, Tensor>,
): readonly Node[] {
  const axis = summedAxis(structure, node);
  const [input = ""] = node.inputs;
  const stays = axis === null ? null : kept(input, axis);
  if (axis === null || stays === null) return [node];
  const shape = structure.shapes.of(input) ?? [];
  const length = shape[axis] ?? 0;
  const flags = new Float32Array(length);
  for (const index of stays) flags[index] = 1;
  const emitter = createEmitter(node.outputs[0] ?? "", constants);
  const mask = emitter.constant("mask", floatTensor(maskShape(shape, axis), flags));
  const ratio = emitter.constant("ratio", floatTensor([], Float32Array.of(length / stays.length)));
  return statisticsUnder(structure, node, { mask, ratio }, constants);
}

/** Extents of a mask along one axis of a value, to be multiplied with it. */
export function maskShape(shape: readonly number[], axis: number): readonly number[] {
  return [shape[axis] ?? 0, ...shape.slice(axis + 1).map(() => 1)];
}

/** A mask as values of the graph: ones and zeros along the axis, and the axis's length over the number of ones. */
export interface AxisMask {
  readonly mask: string;
  readonly ratio: string;
}

/** Nodes that compute what a node with a `summedAxis` computes without what the mask takes away. */
export function statisticsUnder(
  structure: Structure,
  node: Node,
  { mask, ratio }: AxisMask,
  constants: Map<string, Tensor>,
): readonly Node[] {
  const [input = ""] = node.inputs;
  const [output = ""] = node.outputs;
  const emitter = createEmitter(output, constants);
  const masked = emitter.node("Mul", [input, mask], "masked");
  if (isSum(node)) {
    return [...emitter.nodes(), { ...node, inputs: [masked, ...node.inputs.slice(1)] }];
  }
  if (node.opType === "ReduceMean") {
    const mean = `${output}_mean`;
    const inputs = [masked, ...node.inputs.slice(1)];
    // The node that gives the output is named after it; onnxruntime wants every name once.
    const whole = { ...node, name: mean, inputs, outputs: [mean] };
    return [...emitter.nodes(), whole, named("Mul", [mean, ratio], output)];
  }
  return maskedNorm(structure, node, emitter, { mask, ratio, masked });
}

/** The axis that a node sums over, where what is removed of it has to be left out of the sum; null for other nodes. */
export function summedAxis(structure: Structure, node: Node): number | null {
  const rank = structure.shapes.of(node.inputs[0] ?? "")?.length ?? 0;
  if (node.domain !== "" || rank === 0) return null;
  switch (node.opType) {
    case "MatMul":
      return weightOf(structure.graph, node) === null ? rank - 1 : null;
    case "LayerNormalization":
      return rank - 1;
    case "LpNormalization":
      return axisIndex(intAttribute(node, "axis", -1), rank);
    case "ReduceL2":
    case "ReduceSum":
    case "ReduceSumSquare":
    case "ReduceMean": {
      const listed = structure.shapes.constant(node.inputs[1] ?? "");
      const [axis] = listed ?? intsAttribute(node, "axes", []);
      return axis === undefined ? null : axisIndex(axis, rank);
    }
    default:
      return null;
  }
}

/** Ops that sum, and so need no correction for how many there are. */
export function isSum(node: Node): boolean {
  return node.opType === "MatMul" || isLengthOp(node);
}

function isLengthOp({ opType }: Node): boolean {
  return ["ReduceL2", "ReduceSum", "ReduceSumSquare", "LpNormalization"].includes(opType);
}

function maskedNorm(
  structure: Structure,
  node: Node,
  emitter: Emitter,
  { mask, ratio, masked }: AxisMask & { readonly masked: string },
): readonly Node[] {
  const [input = "", gamma = "", beta = ""] = node.inputs;
  const [output = ""] = node.outputs;
  const epsilon = floatAttribute(node, "epsilon", 1e-5);
  const eps = emitter.constant("epsilon", floatTensor([], Float32Array.of(epsilon)));
  const mean = (of: string, role: string): string => {
    const [axes, inputs] = lastAxis(structure, emitter, of);
    const whole = emitter.node("ReduceMean", inputs, `${role}_all`, axes);
    return emitter.node("Mul", [whole, ratio], role);
  };
  const apart = emitter.node("Sub", [input, mean(masked, "mean")], "apart");
  const centred = emitter.node("Mul", [apart, mask], "centred");
  const variance = mean(emitter.node("Mul", [centred, centred], "squares"), "variance");
  const lifted = emitter.node("Add", [variance, eps], "lifted");
  const root = emitter.node("Sqrt", [lifted], "root");
  const normal = emitter.node("Div", [centred, root], "normal");
  if (beta === "") return [...emitter.nodes(), named("Mul", [normal, gamma], output)];
  const scaled = emitter.node("Mul", [normal, gamma], "scaled");
  return [...emitter.nodes(), named("Add", [scaled, beta], output)];
}

/** The last axis as ReduceMean takes it: an attribute before opset 18, an input from there on. */
function lastAxis(
  { graph }: Structure,
  emitter: Emitter,
  input: string,
): readonly [Node["attributes"], readonly string[]] {
  if ((graph.opsets.get("") ?? 0) < 18) {
    return [new Map([["axes", { kind: "ints", value: [-1] }]]), [input]];
  }
  return [new Map(), [input, emitter.constant("axes", intTensor([1], [-1]))]];
}

interface Emitter {
  readonly node: (
    opType: string,
    inputs: readonly string[],
    role: string,
    attributes?: ReadonlyMap<string, SourcedAttribute>,
  ) => string;
  readonly constant: (role: string, tensor: Tensor) => string;
  readonly nodes: () => readonly Node[];
}

/** Nodes and constants that are named after the value they help to compute. */
function createEmitter(output: string, constants: Map<string, Tensor>): Emitter {
  const nodes: Node[] = [];
  return {
    node: (opType, inputs, role, attributes = new Map()) => {
      const name = `${output}_${role}`;
      nodes.push({ ...named(opType, inputs, name), attributes });
      return name;
    },
    constant: (role, tensor) => {
      const name = `${output}_${role}`;
      constants.set(name, tensor);
      return name;
    },
    nodes: () => nodes,
  };
}

function named(opType: string, inputs: readonly string[], output: string): Node {
  return { name: output, opType, domain: "", inputs, outputs: [output], attributes: new Map() };
}
