import { InternalError } from "../core/errors.ts";
import { type AttributeLiteral, attributesFrom } from "../graph/build.ts";
import type { DataType, Graph, Node, Tensor } from "../graph/graph.ts";
import { intTensor, tensorFromBytes } from "../graph/tensor.ts";

export type Attributes = Readonly<Record<string, AttributeLiteral>>;

/** What is known of a value while a graph is extended: nothing is open, so that sizes can be written down. */
export interface StaticValue {
  readonly type: DataType;
  readonly shape: readonly number[];
}

/** Appends nodes to a graph whose shapes are all known. */
export interface Emitter {
  /** Version of the standard operator set that nodes are written for. */
  readonly opset: number;
  readonly shapeOf: (name: string) => readonly number[];
  readonly typeOf: (name: string) => DataType;
  /** A node with one output of the given shape and, unless said, the type of its first input; returns the output's name. */
  readonly node: (
    opType: string,
    inputs: readonly string[],
    shape: readonly number[],
    options?: { readonly attributes?: Attributes; readonly type?: DataType },
  ) => string;
  /** A constant number, as a tensor without axes. The same number is stored once. */
  readonly scalar: (value: number, type: DataType) => string;
  /** Constant integers, as an int64 vector. The same list is stored once. */
  readonly ints: (values: readonly number[]) => string;
  /** Constant floats. */
  readonly floats: (shape: readonly number[], values: Float64Array, type: DataType) => string;
  /** Adds an output that a node of the graph leaves out (indices of MaxPool, say); returns its name. */
  readonly openOutput: (node: Node, index: number, value: StaticValue) => string;
  /** Names of the nodes that follow begin with this. */
  readonly enter: (scope: string) => void;
  /** The graph with everything appended. Outputs and inputs are those of the start. */
  readonly graph: () => Graph;
}

/** Names that are not taken yet. */
interface Namer {
  readonly fresh: (role: string) => string;
  readonly freshConstant: () => string;
  readonly enter: (scope: string) => void;
}

function namerFor(graph: Graph, prefix: string): Namer {
  const taken = namesOf(graph);
  let scope = prefix;
  const free = (stem: string): string => {
    let name = stem;
    for (let count = 1; taken.has(name); count += 1) name = `${stem}_${count}`;
    taken.add(name);
    return name;
  };
  return {
    fresh: (role) => free(`${scope}/${role}`),
    freshConstant: () => free(`${prefix}/constant`),
    enter: (name) => {
      scope = `${prefix}/${name}`;
    },
  };
}

/** Tensors by what is in them, so that each is stored once. */
interface Constants {
  readonly tensors: Map<string, Tensor>;
  readonly store: (key: string, make: () => Tensor) => string;
}

function constantsNamed(freshName: () => string): Constants {
  const tensors = new Map<string, Tensor>();
  const names = new Map<string, string>();
  const store: Constants["store"] = (key, make) => {
    const stored = names.get(key);
    if (stored !== undefined) return stored;
    const name = freshName();
    tensors.set(name, make());
    names.set(key, name);
    return name;
  };
  return { tensors, store };
}

/**
 * An emitter on a graph, whose own values `known` describes.
 * @throws InternalError `gradients/unknown-value` where a rule asks for the shape of a value that isn't there
 */
export function emitterOn(
  graph: Graph,
  known: (name: string) => StaticValue | null,
  prefix: string,
): Emitter {
  const names = namerFor(graph, prefix);
  const constants = constantsNamed(names.freshConstant);
  const facts = new Map<string, StaticValue>();
  const appended: Node[] = [];
  const opened = new Map<Node, Node>();
  const fact = (name: string): StaticValue => {
    const value = facts.get(name) ?? constants.tensors.get(name) ?? known(name);
    if (value !== null) return value;
    throw new InternalError({
      code: "gradients/unknown-value",
      message: `The shape of the value '${name}' is not known.`,
    });
  };
  const append: Emitter["node"] = (opType, inputs, shape, { attributes = {}, type } = {}) => {
    const name = names.fresh(opType);
    facts.set(name, { type: type ?? fact(inputs[0] ?? "").type, shape });
    const outputs = [name];
    appended.push({
      name,
      opType,
      domain: "",
      inputs,
      outputs,
      attributes: attributesFrom(attributes),
    });
    return name;
  };
  const openOutput: Emitter["openOutput"] = (node, index, value) => {
    const open = opened.get(node) ?? node;
    const there = open.outputs[index] ?? "";
    if (there !== "") return there;
    const name = names.fresh(`output${index}`);
    const length = Math.max(open.outputs.length, index + 1);
    const outputs = Array.from({ length }, (_, at) => open.outputs[at] ?? "").with(index, name);
    opened.set(node, { ...open, outputs });
    facts.set(name, value);
    return name;
  };
  return {
    opset: graph.opsets.get("") ?? 0,
    shapeOf: (name) => fact(name).shape,
    typeOf: (name) => fact(name).type,
    node: append,
    scalar: (value, type) =>
      constants.store(`${type} ${value}`, () => numbers(type, [], Float64Array.of(value))),
    ints: (values) => constants.store(`ints ${values}`, () => intTensor([values.length], values)),
    floats: (shape, values, type) => {
      const small = values.length <= 64;
      const content = small ? values.join() : `unlike any other ${constants.tensors.size}`;
      return constants.store(`${type} [${shape}] ${content}`, () => numbers(type, shape, values));
    },
    openOutput,
    enter: names.enter,
    graph: () => ({
      ...graph,
      initializers: new Map([...graph.initializers, ...constants.tensors]),
      nodes: [...graph.nodes.map((node) => opened.get(node) ?? node), ...appended],
    }),
  };
}

function namesOf(graph: Graph): Set<string> {
  return new Set([
    ...graph.inputs.map((value) => value.name),
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap((node) => node.outputs),
    ...graph.outputs.map((value) => value.name),
  ]);
}

function numbers(type: DataType, shape: readonly number[], values: Float64Array): Tensor {
  switch (type) {
    case "float32":
      return tensorFromBytes(type, shape, new Uint8Array(Float32Array.from(values).buffer));
    case "float64":
      return tensorFromBytes(type, shape, new Uint8Array(Float64Array.from(values).buffer));
    case "int64":
      return intTensor(shape, [...values]);
    default:
      throw new InternalError({
        code: "gradients/unknown-value",
        message: `No constant of type ${type} can be made.`,
      });
  }
}
