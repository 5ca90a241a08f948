import { InputError, InternalError } from "../../core/errors.ts";
import { constantOf } from "../../graph/constants.ts";
import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import { elementCount, floatTensor, tensorFromBytes } from "../../graph/tensor.ts";
import { constantValues } from "../module/module-tensors.ts";
import type { TrainedParameter } from "./match-weights.ts";

/**
 * The graph with trained values in its constants; everything else stays, names included. Where the file stores equal tensors once
 * and leads to them by Identity, a tensor that training has made different becomes an initializer of its own.
 * @throws InputError `pytorch/untied`, `pytorch/other-constants`, `pytorch/other-indices`
 */
export function fillGraph(graph: Graph, trained: readonly TrainedParameter[]): Graph {
  const values = newConstants(graph, trained);
  const initializers = new Map(
    [...graph.initializers].map(([name, tensor]) => [name, values.get(name) ?? tensor]),
  );
  const nodes = graph.nodes.map((node) => withConstant(node, values.get(node.outputs[0] ?? "")));
  const filled = { ...graph, initializers, nodes };
  const untied = new Set<Node>();
  for (const node of nodes) {
    const own = values.get(node.outputs[0] ?? "");
    if (node.opType !== "Identity" || own === undefined) continue;
    const shared = constantOf(filled, node.inputs[0] ?? "");
    if (shared !== null && sameBytes(shared, own)) continue;
    untied.add(node);
    initializers.set(node.outputs[0] ?? "", own);
  }
  return untied.size === 0
    ? filled
    : { ...filled, nodes: nodes.filter((node) => !untied.has(node)) };
}

/** The trained constants, by the names that the network's ops read them by. */
function newConstants(
  graph: Graph,
  trained: readonly TrainedParameter[],
): ReadonlyMap<string, Tensor> {
  const values = new Map<string, Tensor>();
  const from = new Map<string, string>();
  for (const one of trained) {
    const { key, initializer, shape } = one.parameter;
    const old = constantOf(graph, initializer);
    if (old === null || elementCount(old.shape) !== elementCount(shape)) {
      throw otherConstants(initializer);
    }
    const tensor = trainedTensor(one, old);
    const before = values.get(initializer);
    if (before !== undefined && !sameBytes(before, tensor)) {
      throw untiedTwice(initializer, from.get(initializer) ?? "", key);
    }
    values.set(initializer, tensor);
    from.set(initializer, key);
  }
  return values;
}

function trainedTensor({ parameter, tensor, floats }: TrainedParameter, old: Tensor): Tensor {
  if (parameter.type === "int64") {
    if (old.type !== "int64" || sameBytes(tensor, old)) return old;
    throw otherIndices(parameter.key);
  }
  const values = constantValues(parameter, floats());
  if (old.type === "float32") return unlessEqual(floatTensor(old.shape, values), old);
  if (old.type === "float64") {
    const wide = Float64Array.from(values);
    return tensorFromBytes("float64", old.shape, new Uint8Array(wide.buffer));
  }
  throw new InternalError({
    code: "pytorch/no-float-constant",
    message: `A parameter of the module stands for a constant of ${old.type}.`,
  });
}

/** What training did not change keeps the form that it was read in. */
function unlessEqual(tensor: Tensor, old: Tensor): Tensor {
  return sameBytes(tensor, old) ? old : tensor;
}

function withConstant(node: Node, tensor: Tensor | undefined): Node {
  if (tensor === undefined || node.opType !== "Constant") return node;
  return { ...node, attributes: new Map([["value", { kind: "tensor", value: tensor }]]) };
}

function sameBytes(a: Tensor, b: Tensor): boolean {
  return Buffer.compare(a.bytes(), b.bytes()) === 0;
}

function untiedTwice(name: string, first: string, second: string): InputError {
  return new InputError({
    code: "pytorch/untied",
    message: `The network uses its constant '${name}' in two places, and training has given them two values: '${first}' and '${second}'.`,
    where: name,
    hint: "Tie the two parameters in network.py, so that they are trained as one.",
  });
}

function otherConstants(name: string): InputError {
  return new InputError({
    code: "pytorch/other-constants",
    message: `The project's network has no constant '${name}' of the size that project.json states.`,
    where: name,
    hint: "project.json was changed, or is another project's. Export the project again.",
  });
}

function otherIndices(key: string): InputError {
  return new InputError({
    code: "pytorch/other-indices",
    message: `'${key}' holds other indices than the project's network.`,
    where: key,
    hint: "Indices are no weights: the file belongs to another subnet. Name the project folder that it was trained in.",
  });
}
