import type { Graph, Node, Value } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import type { Feed } from "../../runtime/session.ts";
import type { AxisUnits, Structure, UnitLevel } from "../../structure/structure.ts";

/** What is taken away for one measurement. */
export interface Cut {
  /** Units that stay, by dim; all of a dim that isn't named. */
  readonly kept: ReadonlyMap<number, ReadonlySet<number>>;
  readonly droppedBlocks: readonly number[];
  readonly droppedLayers: readonly number[];
}

/** The whole network with a factor on everything that can go, fed with every run: 1 keeps it, 0 takes it away. */
export interface GatedNetwork {
  readonly graph: Graph;
  readonly feeds: (cut: Cut) => Readonly<Record<string, Feed>>;
  /** Layers that can be bypassed: those whose input may stand for their output. */
  readonly layers: readonly number[];
}

interface UnitGate {
  readonly name: string;
  /** The value behind it. */
  readonly gated: string;
  readonly shape: readonly number[];
  readonly units: AxisUnits;
}

/**
 * Gates the inputs of every layer, unit by unit, which is where a removed unit makes itself felt; the branch of every block before
 * its Add; and every layer that may be dropped, between its output and its input.
 */
export function gatedNetwork(structure: Structure): GatedNetwork {
  const { graph } = structure;
  const state: Gating = { structure, nodes: [], inputs: [], units: new Map(), scalars: [] };
  const layerOf = new Map(structure.layers.map((layer) => [layer.id, layer]));
  const blockOf = new Map(structure.blocks.map((block) => [block.add, block]));
  const droppable = structure.layers.filter((layer) => layer.drop !== null);
  const bypassed = new Map(droppable.map((layer) => [layer.normalisation ?? layer.id, layer]));
  const readBy = new Map<number, string>();
  for (const node of graph.nodes) {
    const id = nodeId(node);
    const read = [...node.inputs];
    const layer = layerOf.get(id);
    if (layer !== undefined) {
      readBy.set(layer.index, read[0] ?? "");
      read[0] = gatedUnits(state, node);
    }
    const block = blockOf.get(id);
    if (block !== undefined) {
      const gate = scalarGate(state, `mdp_block_${block.index}`);
      read[block.branchInput] = op(state, "Mul", read[block.branchInput] ?? "", gate);
    }
    const dropped = bypassed.get(id);
    if (dropped === undefined) state.nodes.push({ ...node, inputs: read });
    else bypass(state, { ...node, inputs: read }, dropped.index, readBy.get(dropped.index) ?? "");
  }
  const { nodes, inputs, units, scalars } = state;
  return {
    graph: { ...graph, nodes, inputs: [...graph.inputs, ...inputs], values: [] },
    feeds: (cut) => feedsOf(cut, [...units.values()], scalars),
    layers: droppable.map((layer) => layer.index),
  };
}

interface Gating {
  readonly structure: Structure;
  readonly nodes: Node[];
  readonly inputs: Value[];
  readonly units: Map<string, UnitGate>;
  readonly scalars: string[];
}

function op({ nodes }: Gating, opType: string, left: string, right: string): string {
  const name = `mdp_gated_${nodes.length}`;
  nodes.push({
    ...{ name, opType, domain: "", inputs: [left, right], outputs: [name], attributes: new Map() },
  });
  return name;
}

function scalarGate({ inputs, scalars }: Gating, name: string): string {
  inputs.push({ name, type: "float32", shape: [1] });
  scalars.push(name);
  return name;
}

/** output = input + gate * (computed - input), under the name that others read. */
function bypass(state: Gating, node: Node, layer: number, input: string): void {
  const gate = scalarGate(state, `mdp_layer_${layer}`);
  const computed = `${gate}_computed`;
  state.nodes.push({ ...node, outputs: [computed, ...node.outputs.slice(1)] });
  const part = op(state, "Mul", op(state, "Sub", computed, input), gate);
  const output = node.outputs[0] ?? "";
  state.nodes.push({
    ...{ name: `${gate}_sum`, opType: "Add", domain: "", inputs: [input, part] },
    ...{ outputs: [output], attributes: new Map() },
  });
}

/** The layer's input with a gate on its units; layers that read the same value share it. */
function gatedUnits(state: Gating, node: Node): string {
  const { structure, units: known } = state;
  const value = node.inputs[0] ?? "";
  const before = known.get(value);
  if (before !== undefined) return before.gated;
  const shape = structure.shapes.of(value);
  const axis = node.opType.startsWith("Conv") ? 1 : (shape?.length ?? 0) - 1;
  const units = structure.axis(value, axis);
  if (shape === null || units === null) return value;
  const name = `mdp_units_${known.size}`;
  const extents = shape.map((extent, at) => (at === axis ? extent : 1));
  state.inputs.push({ name, type: "float32", shape: extents });
  const gated = op(state, "Mul", value, name);
  known.set(value, { name, gated, shape: extents, units });
  return gated;
}

function feedsOf(
  cut: Cut,
  units: readonly UnitGate[],
  scalars: readonly string[],
): Record<string, Feed> {
  const gone = new Set([
    ...cut.droppedBlocks.map((index) => `mdp_block_${index}`),
    ...cut.droppedLayers.map((index) => `mdp_layer_${index}`),
  ]);
  const feeds: Record<string, Feed> = {};
  for (const { name, shape, units: axis } of units) {
    const stays = ({ dims, units: own }: UnitLevel, at: number): boolean => {
      const kept = cut.kept.get(dims[at] ?? -1);
      return kept === undefined || kept.has(own[at] ?? -1);
    };
    const data = Float32Array.from({ length: axis.length }, (_, at) =>
      axis.levels.every((level) => stays(level, at)) ? 1 : 0,
    );
    feeds[name] = { type: "float32", shape, data };
  }
  for (const name of scalars) {
    feeds[name] = { type: "float32", shape: [1], data: Float32Array.of(gone.has(name) ? 0 : 1) };
  }
  return feeds;
}
