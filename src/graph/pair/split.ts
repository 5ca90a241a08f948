import type { Graph, Value } from "../graph.ts";
import { renamed } from "../rename.ts";
import { inferShapes } from "../shapes/infer.ts";
import { ancestors, namesRead } from "../traversal.ts";
import { without } from "./join.ts";
import type { JoinedPair, JoinedPart } from "./joined.ts";

/** The joined network with the embeddings themselves as outputs, in place of what they are compared by. */
export function withEmbeddings(graph: Graph, { parts, similarities }: JoinedPair): Graph {
  const products = new Set([similarities, ...parts.map(({ own }) => own)]);
  const others = graph.outputs.filter(({ name }) => !products.has(name));
  const outputs = [...parts.map(({ embedding }) => declaredOf(graph, embedding.joined)), ...others];
  return { ...graph, outputs };
}

/** One part of a joined network, with the names that it had in its own file. */
export function partOf(graph: Graph, part: JoinedPart): Graph {
  const outputs = part.outputs.map(({ joined }) => declaredOf(graph, joined));
  const inputs = graph.inputs.filter(({ name }) =>
    part.inputs.some(({ joined }) => joined === name),
  );
  const nodes = ancestors(
    graph,
    outputs.map(({ name }) => name),
  );
  const read = new Set([...nodes.flatMap(namesRead), ...outputs.map(({ name }) => name)]);
  const written = new Set(nodes.flatMap((node) => node.outputs));
  const own = new Map(
    [...part.inputs, ...part.outputs].map(({ own: name, joined }) => [joined, name]),
  );
  const value = (name: string): string => own.get(name) ?? without(part.name, name);
  return renamed(
    {
      ...{ ...graph, name: part.name, inputs, outputs, nodes },
      initializers: new Map([...graph.initializers].filter(([name]) => read.has(name))),
      values: graph.values.filter(({ name }) => written.has(name)),
    },
    { value, node: (name) => without(part.name, name) },
  );
}

/** An output's declaration: as the graph has it, or by its inferred shape. */
function declaredOf(graph: Graph, name: string): Value {
  const declared = graph.outputs.find((output) => output.name === name);
  if (declared !== undefined) return declared;
  const inferred = inferShapes(graph).of(name);
  return { name, type: inferred?.type ?? "float32", shape: inferred?.shape ?? null };
}
