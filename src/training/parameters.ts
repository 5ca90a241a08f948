import { InputError } from "../core/errors.ts";
import { trainableParameters as weightsBehind } from "../gradients/parameters.ts";
import type { Graph, Node, Tensor } from "../graph/graph.ts";
import { hasTrait, traitsOf } from "../graph/op-traits.ts";
import { elementCount, floatsOf, floatTensor } from "../graph/tensor.ts";
import { consumersOf } from "../graph/traversal.ts";
import type { DecayRange } from "./optimisers.ts";

/** A tensor that training moves. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  /** Weights of convolutions and matrix products are decayed; biases, norms and embeddings are not. */
  readonly decay: boolean;
}

/** A tensor that a normalisation measures while the network is trained: its running mean or variance. */
export interface Statistic {
  readonly name: string;
  readonly length: number;
}

/**
 * The tensors behind the trained values that training moves, in the order of the file.
 * @throws InputError `training/not-float32`, `training/no-weights`
 */
export function trainableParameters(graph: Graph, trained: readonly string[]): Parameter[] {
  const roles = weightRoles(graph);
  const reached = new Set(trained.flatMap((value) => weightsBehind(graph, value)));
  const parameters: Parameter[] = [];
  for (const [name, tensor] of graph.initializers) {
    const role = roles.get(name);
    if (role === undefined || tensor.shape.length === 0 || isMask(tensor)) continue;
    if (tensor.type === "float16" || tensor.type === "bfloat16" || tensor.type === "float64") {
      throw notFloat32(name, tensor);
    }
    if (tensor.type !== "float32" || !reached.has(name)) continue;
    const decay = role === "contracted" && tensor.shape.length > 1;
    parameters.push({ name, shape: tensor.shape, decay });
  }
  if (parameters.length > 0) return parameters;
  throw new InputError({
    code: "training/no-weights",
    message: "The network has no weights that could be trained.",
    where: `graph '${graph.name}'`,
    hint: "Weights have to be float32 constants of the file.",
  });
}

/** Running means and variances of every BatchNormalization. */
export function runningStatistics(graph: Graph): Statistic[] {
  const names = graph.nodes.flatMap((node) =>
    node.opType === "BatchNormalization" ? node.inputs.slice(3, 5) : [],
  );
  return [...new Set(names)].flatMap((name) => {
    const tensor = graph.initializers.get(name);
    return tensor === undefined ? [] : [{ name, length: elementCount(tensor.shape) }];
  });
}

/** Numbers that hide parts of an attention are no weights: all of them 0, or so low that a softmax makes them 0. */
function isMask(tensor: Tensor): boolean {
  if (tensor.type !== "float32" || tensor.shape.length < 2) return false;
  const values = floatsOf(tensor);
  return (
    values.some((value) => value <= -100) && values.every((value) => value === 0 || value <= -100)
  );
}

type Role = "contracted" | "other";

function weightRoles(graph: Graph): ReadonlyMap<string, Role> {
  const consumers = consumersOf(graph);
  const fed = new Set(graph.inputs.map(({ name }) => name));
  const roleAt = (value: string): Role | null => {
    let found: Role | null = null;
    for (const node of consumers.get(value) ?? []) {
      const role = hasTrait(node, "moves") ? moved(node, value, roleAt) : roleIn(node, value, fed);
      if (role === "contracted" || found === null) found = role;
    }
    return found;
  };
  const roles = new Map<string, Role>();
  for (const name of graph.initializers.keys()) {
    const role = roleAt(name);
    if (role !== null) roles.set(name, role);
  }
  return roles;
}

function moved(node: Node, value: string, roleAt: (name: string) => Role | null): Role | null {
  return node.inputs[0] === value ? roleAt(node.outputs[0] ?? "") : null;
}

function roleIn(node: Node, value: string, fed: ReadonlySet<string>): Role | null {
  const at = node.inputs.indexOf(value);
  // Others (bounds, sizes, statistics, means to subtract) are constants of the network.
  if (traitsOf(node)?.weights?.includes(at) !== true) return null;
  // What is added to or multiplied with the images themselves prepares them.
  const prepares =
    ["Add", "Mul"].includes(node.opType) && node.inputs.some((name) => fed.has(name));
  if (prepares) return null;
  return hasTrait(node, "layer") && at < 2 ? "contracted" : "other";
}

/** Named parts of one array. */
export interface Layout {
  readonly length: number;
  readonly parts: readonly {
    readonly name: string;
    readonly start: number;
    readonly end: number;
    readonly shape: readonly number[];
  }[];
}

/** Tensors one behind the other. */
export function layOut(
  tensors: readonly { readonly name: string; readonly shape: readonly number[] }[],
): Layout {
  let length = 0;
  const parts = tensors.map(({ name, shape }) => {
    const start = length;
    length += elementCount(shape);
    return { name, start, end: length, shape };
  });
  return { length, parts };
}

/** Ranges of the parameters that are decayed, or not, for an optimiser. */
export function decayRanges(layout: Layout, parameters: readonly Parameter[]): DecayRange[] {
  return layout.parts.map(({ start, end }, index) => ({
    start,
    end,
    decay: parameters[index]?.decay ?? false,
  }));
}

/** The graph's tensors as one array of its own. */
export function gather(graph: Graph, layout: Layout): Float32Array {
  const values = new Float32Array(layout.length);
  for (const { name, start } of layout.parts) {
    const tensor = graph.initializers.get(name);
    if (tensor !== undefined) values.set(floatsOf(tensor), start);
  }
  return values;
}

/** The graph with the array's numbers in the named tensors; a copy, so that training may go on. */
export function scatter(graph: Graph, layout: Layout, values: Float32Array): Graph {
  const initializers = new Map(graph.initializers);
  for (const { name, start, end, shape } of layout.parts) {
    const fresh = floatTensor(shape, values.slice(start, end));
    // How the tensor was written in the file (its name, its place) stays; its bytes are new.
    initializers.set(name, fresh);
  }
  return { ...graph, initializers };
}

function notFloat32(name: string, tensor: Tensor): InputError {
  return new InputError({
    code: "training/not-float32",
    message: `Weight '${name}' is ${tensor.type}; only float32 networks can be trained.`,
    where: `initializer '${name}'`,
    hint: "Train the float32 network that it was converted from.",
  });
}
