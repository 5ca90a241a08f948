import { constantNodeValue } from "../graph/constants.ts";
import { foldedOf } from "../graph/fold/folded.ts";
import { tensorOf } from "../graph/fold/numbers.ts";
import type { Graph, Node, Tensor } from "../graph/graph.ts";
import { zeroAlong } from "../graph/slice-tensor.ts";
import { bytesPerElement, elementCount, tensorFromBytes } from "../graph/tensor.ts";
import { producerOf } from "../graph/traversal.ts";
import type { Structure } from "../structure/structure.ts";
import { type KeptAxes, keptAxes } from "./kept-axes.ts";
import { maskedStatistics } from "./mask-statistics.ts";
import { checkSubnet, isBlockGone, type Subnet } from "./subnet.ts";

/**
 * The whole network made to compute what the subnet computes: weights that read a removed unit are zero, sums over a pruned axis
 * leave out what is removed (mask-statistics.ts), a dropped branch is multiplied by zero before its Add, a dropped layer is
 * bypassed. Shapes stay. It shares no code with surgery beyond the
 * structure and the list of kept indices, so that one proves the other.
 *
 * @throws InputError as `checkSubnet`
 */
export function maskedGraph(structure: Structure, subnet: Subnet): Graph {
  checkSubnet(structure, subnet);
  const { graph } = structure;
  const kept = keptAxes(structure, subnet);
  const initializers = new Map(graph.initializers);
  const constants = new Map<string, Tensor>();
  const computed = new Map<string, Removal[]>();
  for (const layer of structure.layers) {
    const { name, inputAxis } = layer.weight;
    const removed = removedAlong(structure, kept, name, inputAxis);
    if (removed.length === 0) continue;
    const tensor = constants.get(name) ?? weightTensor(graph, name);
    if (tensor !== null) constants.set(name, zeroAlong(tensor, inputAxis, removed));
    else computed.set(name, [...(computed.get(name) ?? []), { axis: inputAxis, removed }]);
  }
  for (const [name, tensor] of constants)
    if (initializers.has(name)) initializers.set(name, tensor);
  const statistics = new Map<string, Tensor>();
  const nodes = graph.nodes
    .map((node) => maskedConstant(node, constants))
    .flatMap((node) => maskedProduct(node, computed, initializers, structure))
    .flatMap((node) => maskedStatistics(structure, kept, node, statistics));
  for (const [name, tensor] of statistics) initializers.set(name, tensor);
  return silenceDropped(structure, subnet, { ...graph, nodes, initializers });
}

function removedAlong(
  structure: Structure,
  kept: KeptAxes,
  name: string,
  axis: number,
): readonly number[] {
  const stays = kept(name, axis);
  if (stays === null) return [];
  const staying = new Set(stays);
  const length = structure.axis(name, axis)?.length ?? 0;
  return Array.from({ length }, (_, index) => index).filter((index) => !staying.has(index));
}

function weightTensor(graph: Graph, name: string): Tensor | null {
  const node = producerOf(graph).get(name);
  const stored = node?.opType === "Constant" ? constantNodeValue(node) : null;
  return graph.initializers.get(name) ?? stored;
}

function maskedConstant(node: Node, constants: ReadonlyMap<string, Tensor>): Node {
  const tensor = node.opType === "Constant" ? constants.get(node.outputs[0] ?? "") : undefined;
  if (tensor === undefined) return node;
  return { ...node, attributes: new Map([["value", { kind: "tensor", value: tensor }]]) };
}

interface Removal {
  readonly axis: number;
  readonly removed: readonly number[];
}

/** A weight that is computed when the network runs is multiplied by ones and zeros there. */
function maskedProduct(
  node: Node,
  computed: ReadonlyMap<string, readonly Removal[]>,
  initializers: Map<string, Tensor>,
  structure: Structure,
): readonly Node[] {
  const [own = ""] = node.outputs;
  const removals = computed.get(own);
  const weight = removals === undefined ? null : foldedOf(structure.graph, own);
  if (removals === undefined || weight === null) return [node];
  const whole = `${own}_whole`;
  const mask = `${own}_mask`;
  const ones = tensorOf({
    type: weight.type,
    shape: weight.shape,
    values: new Float64Array(elementCount(weight.shape)).fill(1),
  });
  initializers.set(
    mask,
    removals.reduce((tensor, { axis, removed }) => zeroAlong(tensor, axis, removed), ones),
  );
  const product: Node = {
    name: mask,
    opType: "Mul",
    domain: "",
    inputs: [whole, mask],
    outputs: [own],
    attributes: new Map(),
  };
  return [{ ...node, outputs: [whole, ...node.outputs.slice(1)] }, product];
}

const ZERO = "mdp_zero";

function silenceDropped(structure: Structure, subnet: Subnet, graph: Graph): Graph {
  const adds = new Map(
    subnet.droppedBlocks.flatMap((index) => {
      const block = structure.blocks[index];
      return block === undefined ? [] : [[block.add, block.branchInput] as const];
    }),
  );
  const bypassed = new Map(
    subnet.droppedLayers.flatMap((index) => {
      const layer = structure.layers[index];
      if (layer === undefined || isBlockGone(structure, subnet, layer.blocks.at(-1) ?? null))
        return [];
      const input = producerOf(graph).get(layer.id)?.inputs[0] ?? "";
      return [[layer.normalisation ?? layer.id, input] as const];
    }),
  );
  const nodes = graph.nodes.flatMap((node): readonly Node[] => {
    const [own = ""] = node.outputs;
    const branchInput = adds.get(own);
    if (branchInput !== undefined) return silencedAdd(node, branchInput);
    const input = bypassed.get(own);
    return input === undefined ? [node] : [identity(node, input)];
  });
  const initializers = new Map(graph.initializers);
  if (adds.size > 0) initializers.set(ZERO, zeroOf(structure));
  return { ...graph, nodes, initializers };
}

/** A scalar zero of the weights' type. */
function zeroOf(structure: Structure): Tensor {
  const [layer] = structure.layers;
  const type = foldedOf(structure.graph, layer?.weight.name ?? "")?.type ?? "float32";
  return tensorFromBytes(type, [], new Uint8Array(bytesPerElement(type)));
}

function silencedAdd(add: Node, branchInput: 0 | 1): readonly Node[] {
  const silent = `${add.outputs[0] ?? ""}_silenced`;
  const product: Node = {
    name: silent,
    opType: "Mul",
    domain: "",
    inputs: [add.inputs[branchInput] ?? "", ZERO],
    outputs: [silent],
    attributes: new Map(),
  };
  const inputs = add.inputs.map((name, index) => (index === branchInput ? silent : name));
  return [product, { ...add, inputs }];
}

function identity(node: Node, input: string): Node {
  const { source: _read, ...rest } = node;
  return { ...rest, opType: "Identity", inputs: [input], attributes: new Map() };
}
