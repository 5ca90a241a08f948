import { InternalError } from "../core/errors.ts";
import { type AttributeLiteral, attributesFrom } from "../graph/build.ts";
import type { DataType, Graph, Node, Tensor } from "../graph/graph.ts";
import { intTensor, tensorFromBytes } from "../graph/tensor.ts";

/** Element types that have gradients. */
export type FloatType = "float32" | "float64";

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
  /** A node with several outputs of the type of its first input; returns their names. */
  readonly nodes: (
    opType: string,
    inputs: readonly string[],
    shapes: readonly (readonly number[])[],
    attributes?: Attributes,
  ) => readonly string[];
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

/**
 * An emitter on a graph, whose own values `known` describes.
 * @throws InternalError `gradients/unknown-value` where a rule asks for the shape of a value that isn't there
 */
export function emitterOn(
  graph: Graph,
  known: (name: string) => StaticValue | null,
  prefix: string,
): Emitter {
  const facts = new Map<string, StaticValue>();
  const initializers = new Map(graph.initializers);
  const constants = new Map<string, string>();
  const appended: Node[] = [];
  const opened = new Map<Node, Node>();
  const taken = namesOf(graph);
  let scope = prefix;
  const fresh = (role: string): string => {
    let name = `${scope}/${role}`;
    for (let count = 1; taken.has(name); count += 1) name = `${scope}/${role}_${count}`;
    taken.add(name);
    return name;
  };
  const fact = (name: string): StaticValue => {
    const value = facts.get(name) ?? known(name);
    if (value !== null) return value;
    throw new InternalError({
      code: "gradients/unknown-value",
      message: `The shape of the value '${name}' is not known.`,
    });
  };
  const constant = (key: string, make: () => Tensor): string => {
    const stored = constants.get(key);
    if (stored !== undefined) return stored;
    const name = freshUnder(taken, `${prefix}/constant`);
    const tensor = make();
    initializers.set(name, tensor);
    facts.set(name, tensor);
    constants.set(key, name);
    return name;
  };
  const nodes: Emitter["nodes"] = (opType, inputs, shapes, attributes = {}) =>
    append(opType, inputs, shapes, attributes, fact(inputs[0] ?? "").type);
  const append = (
    opType: string,
    inputs: readonly string[],
    shapes: readonly (readonly number[])[],
    attributes: Attributes,
    type: DataType,
  ): readonly string[] => {
    const name = fresh(opType);
    const outputs = shapes.map((shape, index) => {
      const output = index === 0 ? name : fresh(`${opType}_out${index}`);
      facts.set(output, { type, shape });
      return output;
    });
    appended.push({
      name,
      opType,
      domain: "",
      inputs,
      outputs,
      attributes: attributesFrom(attributes),
    });
    return outputs;
  };
  return {
    opset: graph.opsets.get("") ?? 0,
    shapeOf: (name) => fact(name).shape,
    typeOf: (name) => fact(name).type,
    nodes,
    node: (opType, inputs, shape, { attributes = {}, type } = {}) =>
      append(opType, inputs, [shape], attributes, type ?? fact(inputs[0] ?? "").type)[0] ?? "",
    scalar: (value, type) =>
      constant(`${type} ${value}`, () => numbers(type, [], Float64Array.of(value))),
    ints: (values) => constant(`ints ${values}`, () => intTensor([values.length], values)),
    floats: (shape, values, type) => {
      const tensor = numbers(type, shape, values);
      const key = values.length > 64 ? `unique ${constants.size}` : `${type} [${shape}] ${values}`;
      return constant(key, () => tensor);
    },
    openOutput: (node, index, value) => {
      const open = opened.get(node) ?? node;
      const there = open.outputs[index] ?? "";
      if (there !== "") return there;
      const name = fresh(`out${index}`);
      const outputs = Array.from(
        { length: Math.max(open.outputs.length, index + 1) },
        (_, at) => open.outputs[at] ?? "",
      );
      outputs[index] = name;
      opened.set(node, { ...open, outputs });
      facts.set(name, value);
      return name;
    },
    enter: (name) => {
      scope = `${prefix}/${name}`;
    },
    graph: () => ({
      ...graph,
      initializers: new Map(initializers),
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

function freshUnder(taken: Set<string>, stem: string): string {
  let count = 0;
  while (taken.has(`${stem}_${count}`)) count += 1;
  taken.add(`${stem}_${count}`);
  return `${stem}_${count}`;
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
