import type { Graph, Node } from "../../src/graph/graph.ts";
import { nodeId } from "../../src/graph/graph.ts";
import type { Structure } from "../../src/structure/structure.ts";
import type { Subnet } from "../../src/subnet/subnet.ts";
import { type Evaluated, evaluate, type Numbers } from "./evaluate.ts";

/**
 * The whole network computed as the subnet should be: what a layer or a product reads of a removed unit counts as zero, a dropped
 * branch adds nothing, a dropped layer and its BatchNormalization pass their input on. Written on the evaluator alone.
 */
export function evaluateMasked(
  structure: Structure,
  subnet: Subnet,
  fed: ReadonlyMap<string, Numbers>,
): Evaluated {
  const { graph, blocks } = structure;
  const bypassed = bypass(structure, subnet);
  const silent = new Map(
    subnet.droppedBlocks.flatMap((index) => {
      const block = blocks[index];
      return block === undefined ? [] : [[block.add, block.branchInput] as const];
    }),
  );
  return evaluate(bypassed, fed, (node, input, value) => {
    if (silent.get(nodeId(node)) === input)
      return { ...value, data: new Float64Array(value.data.length) };
    const reads = ["Conv", "Gemm", "MatMul"].includes(node.opType);
    if (!reads || graph.initializers.has(node.inputs[input] ?? "")) return value;
    return withoutRemoved(structure, subnet, node.inputs[input] ?? "", value);
  });
}

/** Elements of every axis of which a unit is removed become zero. */
function withoutRemoved(
  structure: Structure,
  subnet: Subnet,
  name: string,
  value: Numbers,
): Numbers {
  const kept = subnet.kept.map((units) => new Set(units));
  const data = Float64Array.from(value.data);
  for (const [axis, extent] of value.shape.entries()) {
    const levels = structure.axis(name, axis)?.levels ?? [];
    const run = value.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    for (let element = 0; element < extent; element += 1) {
      const isRemoved = levels.some(({ dims, units }) => {
        const dim = dims[element] ?? -1;
        return dim >= 0 && kept[dim]?.has(units[element] ?? -1) !== true;
      });
      if (!isRemoved) continue;
      for (let at = element * run; at < data.length; at += extent * run) data.fill(0, at, at + run);
    }
  }
  return { shape: value.shape, data };
}

/** Dropped layers are left out: who read their output reads their input. */
function bypass(structure: Structure, subnet: Subnet): Graph {
  const { graph, layers } = structure;
  const renamed = new Map<string, string>();
  const gone = new Set<string>();
  for (const index of subnet.droppedLayers) {
    const layer = layers[index];
    const node = graph.nodes.find((one) => layer !== undefined && nodeId(one) === layer.id);
    if (layer === undefined || node === undefined) continue;
    const last = layer.normalisation ?? layer.id;
    for (const id of [layer.id, layer.normalisation]) if (id !== null) gone.add(id);
    renamed.set(last, node.inputs[0] ?? "");
  }
  const source = (name: string): string => {
    const before = renamed.get(name);
    return before === undefined ? name : source(before);
  };
  const nodes = graph.nodes
    .filter((node) => !gone.has(nodeId(node)))
    .map((node): Node => ({ ...node, inputs: node.inputs.map(source) }));
  return { ...graph, nodes, outputs: graph.outputs };
}
