import type { Graph } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import { consumersOf, namesRead, producerOf } from "../../graph/traversal.ts";
import type { Layer } from "../structure.ts";

/** A set as the bits of a number. */
type Bits = bigint;

/** What each layer hangs on and leads to. Sets are bit masks over the lists they are named after. */
export interface Reach {
  /** Ends of the network: its outputs where it has several that layers lead to, otherwise the layers with none behind them. */
  readonly ends: readonly string[];
  readonly endsAreOutputs: boolean;
  readonly inputs: readonly string[];
  readonly endsOf: readonly Bits[];
  readonly inputsOf: readonly Bits[];
  /** Whether something on a way from the inputs to the layer enlarges a map. */
  readonly isBehindUpsampling: readonly boolean[];
  /** Indices of the layers with no layer behind them. */
  readonly lastLayers: readonly number[];
}

const ENLARGES: ReadonlySet<string> = new Set([
  "Resize",
  "Upsample",
  "ConvTranspose",
  "DepthToSpace",
]);

/** Walks the graph once in each direction. */
export function reachOf(graph: Graph, layers: readonly Layer[]): Reach {
  const lastLayers = lastOf(graph, layers);
  const outputs = graph.outputs.map(({ name }) => name);
  const byOutputs = spread(
    graph,
    "backward",
    new Map(outputs.map((name, bit) => [name, 1n << BigInt(bit)])),
  );
  const used = outputs.filter((_, bit) =>
    layers.some(({ id }) => ((byOutputs.get(id) ?? 0n) & (1n << BigInt(bit))) !== 0n),
  );
  const endsAreOutputs = used.length > 1;
  const lastIds = lastLayers.map((index) => layers[index]?.id ?? "");
  const ends = endsAreOutputs ? outputs : lastIds;
  const endBits = endsAreOutputs
    ? byOutputs
    : spread(graph, "backward", new Map(lastIds.map((id, bit) => [id, 1n << BigInt(bit)])));
  const inputs = graph.inputs.map(({ name }) => name);
  const inputBits = spread(
    graph,
    "forward",
    new Map(inputs.map((name, bit) => [name, 1n << BigInt(bit)])),
  );
  const enlarged = graph.nodes.filter((node) => node.domain === "" && ENLARGES.has(node.opType));
  const behind = spread(graph, "forward", new Map(enlarged.map((node) => [nodeId(node), 1n])));
  return {
    ends,
    endsAreOutputs,
    inputs,
    endsOf: layers.map(({ id }) => endBits.get(id) ?? 0n),
    inputsOf: layers.map(({ id }) => inputBits.get(id) ?? 0n),
    isBehindUpsampling: layers.map(({ id }) => (behind.get(id) ?? 0n) !== 0n),
    lastLayers,
  };
}

/** Carries marks along the graph's edges: to what reads a marked value, or to what a marked value was made of. */
function spread(
  graph: Graph,
  direction: "forward" | "backward",
  marks: ReadonlyMap<string, Bits>,
): ReadonlyMap<string, Bits> {
  const bits = new Map<string, Bits>(marks);
  const add = (name: string, more: Bits): void => {
    if (more !== 0n) bits.set(name, (bits.get(name) ?? 0n) | more);
  };
  const union = (names: readonly string[]): Bits =>
    names.reduce((sum, name) => sum | (bits.get(name) ?? 0n), 0n);
  const nodes = direction === "forward" ? graph.nodes : [...graph.nodes].reverse();
  for (const node of nodes) {
    const read = namesRead(node);
    if (direction === "forward") for (const output of node.outputs) add(output, union(read));
    else for (const input of read) add(input, union(node.outputs));
  }
  return bits;
}

/** Indices of the layers that no other layer reads from, directly or not. */
function lastOf(graph: Graph, layers: readonly Layer[]): readonly number[] {
  const ids = new Set(layers.map(({ id }) => id));
  const consumers = consumersOf(graph);
  const leadsOn = new Set<string>();
  for (const node of [...graph.nodes].reverse()) {
    const readers = node.outputs.flatMap((name) => consumers.get(name) ?? []).map(nodeId);
    if (readers.some((id) => ids.has(id) || leadsOn.has(id))) leadsOn.add(nodeId(node));
  }
  return layers.flatMap(({ index, id }) => (leadsOn.has(id) ? [] : [index]));
}

/** Layers that a value depends on. */
export function layersBefore(
  graph: Graph,
  layers: readonly Layer[],
  value: string,
): ReadonlySet<number> {
  const layerOf = new Map(layers.map((layer) => [layer.id, layer.index]));
  const producers = producerOf(graph);
  const seen = new Set<string>();
  const found = new Set<number>();
  const open = [value];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const node = producers.get(name);
    if (node === undefined || seen.has(nodeId(node))) continue;
    seen.add(nodeId(node));
    const layer = layerOf.get(nodeId(node));
    if (layer !== undefined) found.add(layer);
    open.push(...namesRead(node));
  }
  return found;
}
