import { VerificationError } from "../core/errors.ts";
import { checkGraph } from "../graph/check.ts";
import { constantNodeValue } from "../graph/constants.ts";
import type { Extent, Graph, Node, Tensor, Value } from "../graph/graph.ts";
import { nodeLabel } from "../graph/graph.ts";
import { inferShapes } from "../graph/shapes/infer.ts";
import { sliceTensor } from "../graph/slice-tensor.ts";
import { removeDeadNodes } from "../graph/traversal.ts";
import type { Structure } from "../structure/structure.ts";
import { sizesAfterCut } from "./cut-sizes.ts";
import { dropParts } from "./drop.ts";
import { freezeNumbers } from "./freeze-numbers.ts";
import { type KeptAxes, keptAxes } from "./kept-axes.ts";
import { rewriteNode } from "./rewrite.ts";
import type { Rewriting } from "./rewriting.ts";
import { checkSubnet, type Subnet } from "./subnet.ts";

/**
 * Surgery: the network that is left. Weights are sliced by the dims on their axes, constants that hold sizes are rewritten,
 * dropped blocks and layers and what only they needed are gone; names stay. Keeping everything gives the same graph.
 *
 * @throws InputError as `checkSubnet`; VerificationError `subnet/wrong-shape` where the result's shapes are not as computed
 */
export function cutGraph(structure: Structure, subnet: Subnet): Graph {
  checkSubnet(structure, subnet);
  const graph = dropParts(structure, subnet);
  const kept = keptAxes(structure, subnet);
  const constants = new Map<string, Tensor>();
  const open = once(() => inferShapes(structure.graph));
  const added: Node[] = [];
  const sizes = once(() => sizesAfterCut(rewriting));
  const rewriting: Rewriting = {
    ...{ structure, graph, kept, open, constants, added },
    sizes: (name) => sizes()(name),
  };
  const nodes = graph.nodes.map((node) => cutConstant(rewriteNode(node, rewriting), kept));
  nodes.push(...added);
  const initializers = new Map(
    [...graph.initializers].map(([name, tensor]) => [name, cutTensor(name, tensor, kept)]),
  );
  for (const [name, tensor] of constants) initializers.set(name, tensor);
  const values = graph.values.map((value) => cutValue(value, kept));
  const changed =
    graph !== structure.graph ||
    constants.size > 0 ||
    nodes.some((node, index) => node !== graph.nodes[index]) ||
    [...initializers].some(([name, tensor]) => tensor !== graph.initializers.get(name));
  if (!changed) return structure.graph;
  const cut = checkGraph({ ...graph, nodes, initializers, values });
  const result = removeDeadNodes(freezeNumbers(structure, cut)).graph;
  checkShapes(structure, result, kept);
  return result;
}

function once<Result>(make: () => Result): () => Result {
  let made: { readonly result: Result } | null = null;
  return () => {
    made ??= { result: make() };
    return made.result;
  };
}

function cutTensor(name: string, tensor: Tensor, kept: KeptAxes): Tensor {
  return sliceTensor(
    tensor,
    tensor.shape.map((_, axis) => kept(name, axis)),
  );
}

/** A Constant node's tensor is sliced in its attribute. */
function cutConstant(node: Node, kept: KeptAxes): Node {
  if (node.opType !== "Constant" || node.domain !== "") return node;
  const tensor = constantNodeValue(node);
  const cut = tensor === null ? null : cutTensor(node.outputs[0] ?? "", tensor, kept);
  if (cut === null || cut === tensor) return node;
  return { ...node, attributes: new Map([["value", { kind: "tensor", value: cut }]]) };
}

function cutValue(value: Value, kept: KeptAxes): Value {
  const shape = value.shape?.map((extent, axis) => kept(value.name, axis)?.length ?? extent);
  return shape === undefined || shape.every((extent, axis) => extent === value.shape?.[axis])
    ? value
    : { ...value, shape };
}

/** Every value that is left has the shape that the kept units give it. */
function checkShapes(structure: Structure, graph: Graph, kept: KeptAxes): void {
  const batch = structure.shapes.of(graph.inputs[0]?.name ?? "")?.[0] ?? 1;
  const shapes = inferShapes(graph, { batch, bind: structure.bind });
  for (const node of graph.nodes) {
    for (const output of node.outputs) {
      const wanted = structure.shapes
        .of(output)
        ?.map((extent, axis) => kept(output, axis)?.length ?? extent);
      const found = shapes.of(output)?.shape;
      const right = wanted?.every((extent, axis) => fits(found?.[axis], extent)) ?? true;
      if (!right) throw wrongShape(node, output, wanted, found);
    }
  }
}

function wrongShape(
  node: Node,
  output: string,
  wanted: readonly number[] | undefined,
  found: readonly Extent[] | undefined,
): VerificationError {
  return new VerificationError({
    code: "subnet/wrong-shape",
    message: `After surgery ${node.opType} '${nodeLabel(node)}' gives [${found?.join(", ") ?? "?"}] instead of [${wanted?.join(", ") ?? "?"}].`,
    where: `value '${output}'`,
    hint: "Protect the dims that it touches, and please report the network.",
  });
}

// An extent may still be a name where the structure was found with it bound to a number.
function fits(found: Extent | undefined, wanted: number): boolean {
  return found === wanted || typeof found === "string";
}
