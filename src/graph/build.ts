import { checkGraph } from "./check.ts";
import type {
  Attribute,
  DataType,
  Extent,
  Graph,
  Node,
  SourcedAttribute,
  Tensor,
  Value,
} from "./graph.ts";

/**
 * An attribute as people write it. A number is an `int` where it is whole and a `float` otherwise; a list likewise. Wrap a
 * whole number that is meant as a float: `{ float: 1 }`, `{ floats: [0, 1] }`.
 */
export type AttributeLiteral =
  | number
  | readonly number[]
  | string
  | readonly string[]
  | Tensor
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly ints: readonly number[] }
  | { readonly graph: Graph };

interface NodeOptions {
  readonly attributes?: Readonly<Record<string, AttributeLiteral>>;
  /** Names of the outputs, or how many there are; one by default, named `<node>_out`, then `<node>_out1`, ... */
  readonly outputs?: readonly string[] | number;
  /** `<opType><number>` by default. */
  readonly name?: string;
  readonly domain?: string;
}

export interface GraphBuilder {
  /** A graph input; returns its name. */
  readonly input: (name: string, shape: readonly Extent[] | null, type?: DataType) => string;
  /** An initializer; returns its name. */
  readonly tensor: (name: string, tensor: Tensor) => string;
  /** A node; returns the name of its first output. */
  readonly node: (opType: string, inputs: readonly string[], options?: NodeOptions) => string;
  /** Makes a value an output of the graph; returns its name. */
  readonly output: (name: string, shape?: readonly Extent[] | null, type?: DataType) => string;
  /** Declares what the file says of an inner value. */
  readonly value: (name: string, shape: readonly Extent[] | null, type?: DataType) => string;
  /** The graph so far, checked and in topological order. */
  readonly graph: () => Graph;
}

/**
 * Builds a graph step by step.
 *
 * @example
 * const b = graphBuilder({ opset: 17 });
 * b.input("x", ["batch", 3, 8, 8]);
 * b.tensor("w", floatTensor([4, 3, 3, 3], new Float32Array(108)));
 * b.output(b.node("Conv", ["x", "w"], { attributes: { pads: [1, 1, 1, 1] } }));
 * b.graph().nodes.length // 1
 */
export function graphBuilder(
  options: { readonly opset?: number; readonly name?: string } = {},
): GraphBuilder {
  const { opset = 17, name: graphName = "graph" } = options;
  const inputs: Value[] = [];
  const outputs: Value[] = [];
  const values: Value[] = [];
  const initializers = new Map<string, Tensor>();
  const nodes: Node[] = [];
  const opsets = new Map([["", opset]]);
  const add =
    (list: Value[]) =>
    (name: string, shape: readonly Extent[] | null = null, type: DataType = "float32"): string => {
      list.push({ name, type, shape });
      return name;
    };
  return {
    input: add(inputs),
    output: add(outputs),
    value: add(values),
    tensor: (name, tensor) => {
      initializers.set(name, tensor);
      return name;
    },
    node: (opType, nodeInputs, nodeOptions = {}) => {
      const { domain = "" } = nodeOptions;
      const node = nodeFrom(opType, nodeInputs, nodes.length, nodeOptions);
      if (!opsets.has(domain)) opsets.set(domain, 1);
      nodes.push(node);
      return node.outputs[0] ?? "";
    },
    graph: () =>
      checkGraph({
        name: graphName,
        inputs: [...inputs],
        outputs: [...outputs],
        values: [...values],
        initializers: new Map(initializers),
        nodes: [...nodes],
        opsets: new Map(opsets),
      }),
  };
}

function nodeFrom(
  opType: string,
  inputs: readonly string[],
  index: number,
  options: NodeOptions,
): Node {
  const { attributes = {}, outputs = 1, name = `${opType}${index}`, domain = "" } = options;
  const outputNames =
    typeof outputs === "number"
      ? Array.from({ length: outputs }, (_, i) => `${name}_out${i === 0 ? "" : i}`)
      : outputs;
  return {
    name,
    opType,
    domain,
    inputs,
    outputs: outputNames,
    attributes: attributesFrom(attributes),
  };
}

/** Attributes of a node from what people write. */
export function attributesFrom(
  literals: Readonly<Record<string, AttributeLiteral>>,
): ReadonlyMap<string, SourcedAttribute> {
  return new Map(Object.entries(literals).map(([name, literal]) => [name, attributeFrom(literal)]));
}

function attributeFrom(literal: AttributeLiteral): Attribute {
  if (typeof literal === "number") {
    return Number.isInteger(literal)
      ? { kind: "int", value: literal }
      : { kind: "float", value: literal };
  }
  if (typeof literal === "string") return { kind: "string", value: literal };
  if (isList(literal)) return listFrom(literal);
  if ("float" in literal) return { kind: "float", value: literal.float };
  if ("floats" in literal) return { kind: "floats", value: literal.floats };
  if ("ints" in literal) return { kind: "ints", value: literal.ints };
  if ("graph" in literal) return { kind: "graph", value: literal.graph };
  return { kind: "tensor", value: literal };
}

function isList(literal: AttributeLiteral): literal is readonly number[] | readonly string[] {
  return Array.isArray(literal);
}

function listFrom(list: readonly number[] | readonly string[]): Attribute {
  const strings = list.filter((item) => typeof item === "string");
  if (strings.length > 0) return { kind: "strings", value: strings };
  const numbers = list.filter((item) => typeof item === "number");
  return numbers.every(Number.isInteger)
    ? { kind: "ints", value: numbers }
    : { kind: "floats", value: numbers };
}
