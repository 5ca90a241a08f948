import { InputError } from "../core/errors.ts";
import type { Extent, Graph, Node, Tensor, Value } from "../graph/graph.ts";
import { nodeLabel } from "../graph/graph.ts";
import { isResolved } from "../graph/shapes/extents.ts";
import { inferShapes, type Shapes } from "../graph/shapes/infer.ts";
import { intTensor, tensorFromBytes } from "../graph/tensor.ts";
import { removeDeadNodes } from "../graph/traversal.ts";
import { modernForm } from "./modern-form.ts";

export interface StaticOptions {
  /** Samples per run: the leading extent of every input. */
  readonly batch: number;
}

/**
 * The graph for one batch size: every shape is a number, sizes that were computed are constants, and nodes
 * have the form of opset 17 or above. Names of values stay. Requires inputs whose first axis is the
 * batch; a network exported for another batch is taken to mean the same at this one.
 * @throws InputError `gradients/open-shape` where a shape isn't known even so; `graph/contradictory-shapes` where the
 *   exported batch is written into the network
 *
 * @example
 * staticGraph(graph, { batch: 8 }).inputs[0]?.shape // [8, 3, 32, 32]
 */
export function staticGraph(graph: Graph, options: StaticOptions): Graph {
  const inputs = graph.inputs.map((value) => atBatch(value, options.batch));
  const outputs = graph.outputs.map((value) => ({ ...value, shape: null }));
  const open: Graph = { ...graph, inputs, outputs, values: [] };
  const modern = modernForm(open);
  const shapes = inferShapes(modern);
  const folded = removeDeadNodes(withKnownSizes(modern, shapes)).graph;
  checkShapes(folded, shapes);
  return {
    ...folded,
    outputs: folded.outputs.map((value) => ({ ...value, shape: shapes.resolved(value.name) })),
  };
}

function atBatch(value: Value, batch: number): Value {
  const [, ...rest] = value.shape ?? [];
  if (value.shape === null || value.shape.length === 0) return value;
  const shape: readonly Extent[] = [batch, ...rest];
  return { ...value, shape };
}

// Only integers and booleans: what is computed from weights must stay computed, so that gradients reach the weights.
function withKnownSizes(graph: Graph, shapes: Shapes): Graph {
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.filter((node) => {
    const [name = ""] = node.outputs;
    const tensor = node.outputs.length === 1 ? knownTensor(shapes, name) : null;
    if (tensor !== null) initializers.set(name, tensor);
    return tensor === null;
  });
  return { ...graph, nodes, initializers };
}

function knownTensor(shapes: Shapes, name: string): Tensor | null {
  const values = shapes.constant(name);
  const shape = shapes.resolved(name);
  if (values === null || shape === null || !isResolved(values)) return null;
  switch (shapes.of(name)?.type) {
    case "int64":
      // Markers for "to the end" may be the largest integer, which a number can't hold.
      return intTensor(
        shape,
        values.map((value) =>
          Math.min(Math.max(value, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER),
        ),
      );
    case "bool":
      return tensorFromBytes("bool", shape, Uint8Array.from(values));
    default:
      return null;
  }
}

function checkShapes(graph: Graph, shapes: Shapes): void {
  for (const node of graph.nodes) {
    const open = node.outputs.find((name) => name !== "" && shapes.resolved(name) === null);
    if (open !== undefined && shapes.of(open) !== null) throw openShape(node, open);
  }
}

function openShape(node: Node, name: string): InputError {
  return new InputError({
    code: "gradients/open-shape",
    message: `The shape of '${name}' isn't known although the batch size is.`,
    where: `${node.opType} '${nodeLabel(node)}'`,
    hint: "Give the network's inputs fixed sizes (height, width, tokens) when exporting it; only the batch may stay open.",
  });
}
