import type { Random } from "../../../src/core/random.ts";
import type { Attribute, Graph, Node, Tensor } from "../../../src/graph/graph.ts";
import { KNOWN_OPS } from "../../../src/graph/op-traits.ts";

const OPS = KNOWN_OPS.map(([name]) => name);
const NUMBERS = [0, 1, -1, 2, 3, -5, 7, 64, 1000, 2 ** 31, -(2 ** 31), 2 ** 40];
const TYPES = [
  "float32",
  "int64",
  "int32",
  "uint8",
  "bool",
  "float16",
  "string",
  "float64",
] as const;

/**
 * The graph after one to three changes that keep the file well-formed: other ops, inputs, attributes, shapes and types. It gets
 * as far as shapes and structure, which changed bytes seldom do.
 */
export function mutatedGraph(graph: Graph, random: Random): Graph {
  let changed = graph;
  for (let left = 1 + random.integer(3); left > 0; left -= 1) changed = once(changed, random);
  return changed;
}

function once(graph: Graph, random: Random): Graph {
  switch (random.integer(10)) {
    case 0:
      return onNode(graph, random, (node) => ({
        ...node,
        opType: OPS[random.integer(OPS.length)] ?? "",
      }));
    case 1:
    case 2:
      return onNode(graph, random, (node) => withInput(node, nameIn(graph, random), random));
    case 3:
      return onNode(graph, random, (node) => ({
        ...node,
        inputs: [...node.inputs, nameIn(graph, random)],
      }));
    case 4:
      return onNode(graph, random, (node) => ({ ...node, inputs: node.inputs.slice(0, -1) }));
    case 5:
      return onNode(graph, random, (node) => withOtherAttribute(node, random));
    case 6: {
      const nodes = graph.nodes.filter((_, index) => index !== random.integer(graph.nodes.length));
      return { ...graph, nodes };
    }
    case 7:
      return { ...graph, opsets: new Map([["", 1 + random.integer(27)]]) };
    case 8: {
      const inputs = graph.inputs.map((value) => {
        const shape = [...(value.shape ?? [1])];
        const extents = [null, "n", ...NUMBERS];
        shape[random.integer(shape.length + 1)] = extents[random.integer(extents.length)] ?? null;
        return { ...value, shape, type: random.integer(4) === 0 ? ("int64" as const) : value.type };
      });
      return { ...graph, inputs };
    }
    default:
      return withOtherTensor(graph, random);
  }
}

function onNode(graph: Graph, random: Random, change: (node: Node) => Node): Graph {
  const at = random.integer(graph.nodes.length);
  return {
    ...graph,
    nodes: graph.nodes.map((node, index) => (index === at ? change(node) : node)),
  };
}

function nameIn(graph: Graph, random: Random): string {
  const names = [
    "",
    ...graph.initializers.keys(),
    ...graph.inputs.map(({ name }) => name),
    ...graph.nodes.flatMap(({ outputs }) => outputs),
  ];
  return names[random.integer(names.length)] ?? "";
}

function withInput(node: Node, name: string, random: Random): Node {
  const at = random.integer(node.inputs.length);
  return { ...node, inputs: node.inputs.map((input, index) => (index === at ? name : input)) };
}

function withOtherAttribute(node: Node, random: Random): Node {
  const names = [...node.attributes.keys()];
  const name =
    random.integer(4) === 0
      ? (["axis", "axes", "group", "perm", "pads", "kernel_shape", "to", "keepdims"][
          random.integer(8)
        ] ?? "")
      : names[random.integer(names.length)];
  if (name === undefined) return node;
  const attributes = new Map(node.attributes);
  const number = (): number => NUMBERS[random.integer(NUMBERS.length)] ?? 0;
  const others: readonly Attribute[] = [
    { kind: "int", value: number() },
    { kind: "ints", value: Array.from({ length: random.integer(6) }, number) },
    { kind: "float", value: number() / 3 },
    { kind: "string", value: "none" },
  ];
  const value = others[random.integer(others.length)];
  if (value === undefined || random.integer(6) === 0) attributes.delete(name);
  else attributes.set(name, value);
  return { ...node, attributes };
}

/** Another shape, type or content of a constant, with as many bytes as the file had. */
function withOtherTensor(graph: Graph, random: Random): Graph {
  const entries = [...graph.initializers];
  const [name, tensor] = entries[random.integer(entries.length)] ?? [];
  if (name === undefined || tensor === undefined) return graph;
  return {
    ...graph,
    initializers: new Map(graph.initializers).set(name, otherTensor(tensor, random)),
  };
}

function otherTensor(tensor: Tensor, random: Random): Tensor {
  switch (random.integer(4)) {
    case 0:
      return { ...tensor, shape: [...tensor.shape].reverse() };
    case 1: {
      const shape = [...tensor.shape];
      shape[random.integer(shape.length + 1)] = NUMBERS[random.integer(8)] ?? 1;
      return { ...tensor, shape };
    }
    case 2:
      return { ...tensor, type: TYPES[random.integer(TYPES.length)] ?? "float32" };
    default: {
      const bytes = Uint8Array.from(tensor.bytes());
      if (tensor.type === "int64" && bytes.length >= 8) {
        const at = 8 * random.integer(bytes.length / 8);
        new DataView(bytes.buffer).setBigInt64(
          at,
          BigInt(NUMBERS[random.integer(NUMBERS.length)] ?? 0),
          true,
        );
      } else bytes.fill(255, random.integer(bytes.length + 1));
      return { ...tensor, bytes: () => bytes };
    }
  }
}
