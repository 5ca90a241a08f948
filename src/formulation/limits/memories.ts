import { InputError } from "../../core/errors.ts";
import { type Graph, nodeId } from "../../graph/graph.ts";
import { isView, memoryOf, runBytes, storedValues } from "../../graph/liveness.ts";
import { inferShapes } from "../../graph/shapes/infer.ts";
import { namesRead, producerOf } from "../../graph/traversal.ts";
import { evaluateCount } from "../../structure/counts.ts";
import type { AxisCount, Structure } from "../../structure/structure.ts";
import type { NetworkProblem } from "../network/network-problem.ts";
import { OUTSIDE, type Place } from "../network/places.ts";

/** How the network runs. */
export interface RunSetting {
  /** Images per run. */
  readonly batch: number;
  /** Bytes per floating-point element. */
  readonly floatBytes: number;
}

/** Bytes of a value: `factor` times the lengths of the axes that choices shape. */
export interface ValueSize {
  readonly factor: number;
  readonly axes: readonly AxisCount[];
}

/** A use at the network's end: its outputs stay. */
const END = Number.POSITIVE_INFINITY;

/** The memory of a value and of its views. */
export interface Memory {
  readonly name: string;
  readonly size: ValueSize;
  /** Index of the node that writes it; -1 for inputs. */
  readonly written: number;
  readonly place: Place;
  readonly uses: { readonly at: number; readonly place: Place }[];
  /** What stands for it where a block or layer is dropped. */
  standIn: { readonly name: string; readonly kept: Place } | null;
}

/** The memories of a network, by the value that they are written as; and that value for each of their views. */
export interface Memories {
  readonly roots: ReadonlyMap<string, string>;
  readonly byName: ReadonlyMap<string, Memory>;
}

/** @throws InputError `formulation/unknown-shape` */
export function memoriesOf(network: NetworkProblem, setting: RunSetting): Memories {
  const { structure, places } = network;
  const { graph } = structure;
  const stored = storedValues(graph, (name) => structure.shapes.constant(name) !== null);
  const roots = memoryOf(graph, stored);
  const byName = new Map<string, Memory>();
  const add = (name: string, written: number, place: Place): void => {
    if (roots.get(name) !== name) return;
    const size = sizeOf(structure, name, setting);
    byName.set(name, { name, size, written, place, uses: [], standIn: null });
  };
  for (const { name } of graph.inputs) add(name, -1, OUTSIDE);
  graph.nodes.forEach((node, at) => {
    for (const name of node.outputs) add(name, at, places.of(nodeId(node)));
  });
  const memories = { roots, byName };
  addUses(network, memories);
  return memories;
}

function addUses(network: NetworkProblem, memories: Memories): void {
  const { roots, byName } = memories;
  const { structure, places } = network;
  const drops = dropsOf(network);
  const find = (name: string): Memory | undefined => byName.get(roots.get(name) ?? "");
  structure.graph.nodes.forEach((node, at) => {
    if (isView(node)) return;
    const own = places.of(nodeId(node));
    const around = drops.standIns.get(nodeId(node));
    for (const name of new Set(namesRead(node))) {
      const isStandIn = around !== undefined && name === around.name;
      find(name)?.uses.push({ at, place: isStandIn ? around.outside : own });
    }
  });
  for (const { name } of structure.graph.outputs)
    find(name)?.uses.push({ at: END, place: OUTSIDE });
  for (const [result, { name, kept, outside, until }] of drops.results) {
    const memory = byName.get(result);
    const source = find(name);
    if (memory === undefined || source === undefined) continue;
    memory.standIn = { name: source.name, kept };
    // The stand-in has to last until what it stands for would have been written.
    source.uses.push({ at: until, place: outside });
  }
  mergeClamps(network, memories);
}

/** A Relu of a Relu, once what was between them is dropped, is the first of the two (subnet/drop.ts). */
function mergeClamps({ structure }: NetworkProblem, { roots, byName }: Memories): void {
  const { graph } = structure;
  const producers = producerOf(graph);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  graph.nodes.forEach((node, at) => {
    const [own = ""] = node.outputs;
    const memory = byName.get(own);
    const between = byName.get(roots.get(node.inputs[0] ?? "") ?? "")?.standIn ?? null;
    if (node.opType !== "Relu" || memory === undefined || between === null) return;
    if (producers.get(between.name)?.opType !== "Relu" || outputs.has(own)) return;
    memory.standIn = between;
    byName.get(between.name)?.uses.push({ at, place: memory.place });
  });
}

interface Drop {
  /** The value that stands for the result. */
  readonly name: string;
  /** Where the result is there for itself. */
  readonly kept: Place;
  readonly outside: Place;
  /** Index of the node up to which the stand-in must be there. */
  readonly until: number;
}

/** What can be dropped, by its result; and by the node that reads what stands for it. */
function dropsOf(network: NetworkProblem): {
  readonly results: ReadonlyMap<string, Drop>;
  readonly standIns: ReadonlyMap<string, Drop>;
} {
  const { structure, problem, layerIndices } = network;
  const { graph } = structure;
  const producers = producerOf(graph);
  const order = new Map(graph.nodes.map((node, at) => [nodeId(node), at]));
  const results = new Map<string, Drop>();
  const standIns = new Map<string, Drop>();
  problem.blocks.forEach(({ parent }, index) => {
    const block = structure.blocks[index];
    const name = producers.get(block?.add ?? "")?.inputs[1 - (block?.branchInput ?? 0)];
    if (block === undefined || name === undefined) return;
    const until = order.get(block.add) ?? END;
    const outside = { block: parent, layer: null };
    const drop = { name, kept: { block: index, layer: null }, outside, until };
    results.set(block.add, drop);
    standIns.set(block.add, drop);
  });
  problem.layers.forEach(({ block }, index) => {
    const layer = structure.layers[layerIndices[index] ?? -1];
    const name = producers.get(layer?.id ?? "")?.inputs[0];
    if (layer === undefined || name === undefined) return;
    const result = layer.normalisation ?? layer.id;
    const [reads = END, writes = END] = [order.get(layer.id), order.get(result)];
    // Directly behind the layer its normalisation reads nothing else: no node runs in between.
    const until = writes === reads + 1 ? reads : writes;
    const outside = { block, layer: null };
    const drop = { name, kept: { block, layer: index }, outside, until };
    results.set(result, drop);
    standIns.set(layer.id, drop);
  });
  return { results, standIns };
}

function sizeOf(structure: Structure, name: string, { batch, floatBytes }: RunSetting): ValueSize {
  const shapes = inferShapes(structure.graph, { batch, bind: structure.bind });
  const shape = shapes.resolved(name) ?? structure.shapes.of(name);
  if (shape === null) throw unknownShape(structure.graph, name);
  let factor = runBytes(shapes.of(name)?.type ?? "other", floatBytes);
  const axes: AxisCount[] = [];
  const dense = structure.dims.map(({ size }) => size);
  shape.forEach((extent, axis) => {
    const count = structure.count(name, axis);
    if (count.parts.length === 0) {
      factor *= extent;
      return;
    }
    axes.push(count);
    // An axis of samples times heads is longer at a larger batch; the count is that of one sample.
    factor *= extent / evaluateCount(count, dense);
  });
  return { factor, axes };
}

function unknownShape(graph: Graph, name: string): InputError {
  return new InputError({
    code: "formulation/unknown-shape",
    message: `Peak memory can't be counted: the shape of value '${name}' is not known.`,
    where: graph.name,
    hint: "Export the network with a fixed input size, or limit params, bytes or latency instead.",
  });
}

/** The same for two values that have one size whatever is kept. */
export function sizeText({ factor, axes }: ValueSize): string {
  return `${factor}*${axes.map((axis) => JSON.stringify(axis)).sort()}`;
}
