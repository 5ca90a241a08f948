import { type Random, randomFrom } from "../core/random.ts";
import { weightsAsInitializers } from "../graph/constants.ts";
import type { Graph, Node, Tensor } from "../graph/graph.ts";
import { elementCount, floatTensor } from "../graph/tensor.ts";
import { producerOf } from "../graph/traversal.ts";
import { findStructure } from "../structure/find-structure.ts";
import type { Structure } from "../structure/structure.ts";

/** Scale of the norm that ends a residual branch: branches begin quietly, so that deep networks learn at once. */
const BRANCH_END = 0.2;
/** Deviation of embeddings and other tensors that are neither contracted nor norms, as in vision transformers. */
const EMBEDDING = 0.02;

/**
 * The network with random weights: convolutions normal with variance 2 / fan-in (He et al., 1502.01852), matrix products 1 /
 * fan-in, biases 0, norms 1 and 0 with statistics 0 and 1, the norm at the end of each residual branch 0.2. Tensors that are no
 * weights stay. The same seed gives the same weights.
 */
export function randomWeights(original: Graph, seed: number): Graph {
  const graph = weightsAsInitializers(original);
  const structure = findStructure(graph);
  const random = randomFrom(seed);
  const fresh = new Map<string, Tensor>();
  const set = (name: string, value: (tensor: Tensor) => Float32Array): void => {
    const tensor = graph.initializers.get(name);
    if (tensor?.type !== "float32" || fresh.has(name)) return;
    fresh.set(name, floatTensor(tensor.shape, value(tensor)));
  };
  setLayers(structure, random, set);
  const quiet = branchEnds(structure);
  for (const node of graph.nodes) setNorm(node, quiet, set);
  const initializers = new Map(graph.initializers);
  for (const [name, tensor] of fresh) initializers.set(name, tensor);
  return { ...graph, initializers };
}

type Setter = (name: string, value: (tensor: Tensor) => Float32Array) => void;

function setLayers(structure: Structure, random: Random, set: Setter): void {
  const nodes = producerOf(structure.graph);
  for (const layer of structure.layers) {
    const { name, outputAxis } = layer.weight;
    const gain = layer.opType.startsWith("Conv") ? 2 : 1;
    set(name, (tensor) => {
      const fanIn = elementCount(tensor.shape) / (tensor.shape[outputAxis] ?? 1);
      return normals(tensor, Math.sqrt(gain / fanIn), random);
    });
    const node = nodes.get(layer.id);
    if (node?.opType === "MatMul") continue;
    set(node?.inputs[2] ?? "", filled(0));
  }
  for (const node of structure.graph.nodes) {
    if (node.opType === "Gather") set(node.inputs[0] ?? "", (t) => normals(t, EMBEDDING, random));
    // What is added to a value along its last axis alone is a bias; anything larger is an embedding.
    if (node.opType !== "Add" && node.opType !== "Concat") continue;
    for (const name of node.inputs) {
      set(name, (tensor) =>
        tensor.shape.length > 1
          ? normals(tensor, EMBEDDING, random)
          : new Float32Array(elementCount(tensor.shape)),
      );
    }
  }
}

function setNorm(node: Node, quiet: ReadonlySet<string>, set: Setter): void {
  if (!["BatchNormalization", "LayerNormalization", "GroupNormalization"].includes(node.opType))
    return;
  const [, scale = "", bias = "", mean = "", variance = ""] = node.inputs;
  set(scale, filled(quiet.has(node.outputs[0] ?? "") ? BRANCH_END : 1));
  set(bias, filled(0));
  if (node.opType !== "BatchNormalization") return;
  set(mean, filled(0));
  set(variance, filled(1));
}

/** Values that residual branches bring to their Adds. */
function branchEnds({ graph, blocks }: Structure): ReadonlySet<string> {
  const nodes = producerOf(graph);
  return new Set(blocks.map(({ add, branchInput }) => nodes.get(add)?.inputs[branchInput] ?? ""));
}

function filled(value: number): (tensor: Tensor) => Float32Array {
  return (tensor) => new Float32Array(elementCount(tensor.shape)).fill(value);
}

function normals(tensor: Tensor, deviation: number, random: Random): Float32Array {
  return Float32Array.from(
    { length: elementCount(tensor.shape) },
    () => deviation * random.normal(),
  );
}
