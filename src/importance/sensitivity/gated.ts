import type { Graph, Node, Tensor, Value } from "../../graph/graph.ts";
import { nodeId } from "../../graph/graph.ts";
import type { Feed } from "../../runtime/session.ts";
import { dimsAlong } from "../../structure/counts.ts";
import type { AxisUnits, Structure, UnitLevel } from "../../structure/structure.ts";
import { isSum, maskShape, statisticsUnder, summedAxis } from "../../subnet/mask-statistics.ts";

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
  /** What feeds are made of, for factors between 0 and 1. */
  readonly gates: { readonly units: readonly UnitGate[]; readonly parts: readonly string[] };
  /** Layers that can be bypassed: those whose input may stand for their output. */
  readonly layers: readonly number[];
}

/** An input along an axis with units: a factor for each of its elements. */
export interface UnitGate {
  readonly name: string;
  /** The value behind it. */
  readonly gated: string;
  readonly shape: readonly number[];
  readonly units: AxisUnits;
  /** Fed with the axis's length over the number of units that stay, for means over them; null where nobody asks. */
  readonly ratio: string | null;
}

/**
 * Gates the inputs of every layer, unit by unit, which is where a removed unit makes itself felt; sums over units in norms and
 * products of activations likewise (the masked original of a proof has the same: `mask-statistics.ts`); the branch of every
 * block before its Add; and every layer that may be dropped, between its output and its input.
 * @param only names of gates to build; all where left out. A gate bears the same name whichever others there are, and one that
 * is left out stays open.
 */
export function gatedNetwork(structure: Structure, only?: ReadonlySet<string>): GatedNetwork {
  const { graph } = structure;
  const isWanted = (name: string): boolean => only?.has(name) !== false;
  const state: Gating = {
    ...{ structure, isWanted, nodes: [], inputs: [], units: new Map(), sums: [], scalars: [] },
    constants: new Map(graph.initializers),
  };
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
    if (block !== undefined && isWanted(blockGate(block.index))) {
      const gate = scalarGate(state, blockGate(block.index));
      read[block.branchInput] = op(state, "Mul", read[block.branchInput] ?? "", gate);
    }
    const dropped = bypassed.get(id);
    if (dropped === undefined || !isWanted(layerGate(dropped.index)))
      state.nodes.push(...gatedSum(state, { ...node, inputs: read }));
    else bypass(state, { ...node, inputs: read }, dropped.index, readBy.get(dropped.index) ?? "");
  }
  const { nodes, inputs, scalars, constants: initializers } = state;
  const units = [...state.units.values(), ...state.sums].filter(({ name }) => isWanted(name));
  return {
    graph: { ...graph, nodes, initializers, inputs: [...graph.inputs, ...inputs], values: [] },
    feeds: (cut) => feedsOf(cut, units, scalars),
    gates: { units, parts: scalars },
    layers: droppable.map((layer) => layer.index),
  };
}

const blockGate = (index: number): string => `mdp_block_${index}`;
const layerGate = (index: number): string => `mdp_layer_${index}`;

interface Gating {
  readonly structure: Structure;
  readonly isWanted: (name: string) => boolean;
  readonly nodes: Node[];
  readonly inputs: Value[];
  /** Gates of layers, by the value that they read. */
  readonly units: Map<string, UnitGate>;
  /** Gates of sums. */
  readonly sums: UnitGate[];
  readonly scalars: string[];
  readonly constants: Map<string, Tensor>;
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
  const gate = scalarGate(state, layerGate(layer));
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
  const isWanted = state.isWanted(name);
  if (isWanted) state.inputs.push({ name, type: "float32", shape: extents });
  const gated = isWanted ? op(state, "Mul", value, name) : value;
  known.set(value, { name, gated, shape: extents, units, ratio: null });
  return gated;
}

/** A node that sums over units that may go, told which of them stay; other nodes as they are. */
function gatedSum(state: Gating, node: Node): readonly Node[] {
  const { structure, constants, inputs, sums } = state;
  const axis = summedAxis(structure, node);
  const [value = ""] = node.inputs;
  const shape = structure.shapes.of(value);
  const units = axis === null ? null : structure.axis(value, axis);
  const isFree = [...dimsAlong(units)].some((dim) => structure.dims[dim]?.pinned === null);
  if (axis === null || shape === null || units === null || !isFree) return [node];
  const name = `mdp_sum_${sums.length}`;
  const extents = maskShape(shape, axis);
  const ratio = isSum(node) ? null : `${name}_ratio`;
  sums.push({ name, gated: value, shape: extents, units, ratio });
  if (!state.isWanted(name)) return [node];
  inputs.push({ name, type: "float32", shape: extents });
  if (ratio !== null) inputs.push({ name: ratio, type: "float32", shape: [1] });
  return statisticsUnder(structure, node, { mask: name, ratio: ratio ?? "" }, constants);
}

function feedsOf(
  cut: Cut,
  units: readonly UnitGate[],
  scalars: readonly string[],
): Record<string, Feed> {
  const gone = new Set([...cut.droppedBlocks.map(blockGate), ...cut.droppedLayers.map(layerGate)]);
  const feeds: Record<string, Feed> = {};
  for (const { name, shape, units: axis, ratio } of units) {
    const stays = ({ dims, units: own }: UnitLevel, at: number): boolean => {
      const kept = cut.kept.get(dims[at] ?? -1);
      return kept === undefined || kept.has(own[at] ?? -1);
    };
    const data = Float32Array.from({ length: axis.length }, (_, at) =>
      axis.levels.every((level) => stays(level, at)) ? 1 : 0,
    );
    feeds[name] = { type: "float32", shape, data };
    if (ratio === null) continue;
    const staying = data.reduce((sum, flag) => sum + flag, 0);
    const factor = Float32Array.of(axis.length / Math.max(1, staying));
    feeds[ratio] = { type: "float32", shape: [1], data: factor };
  }
  for (const name of scalars) {
    feeds[name] = { type: "float32", shape: [1], data: Float32Array.of(gone.has(name) ? 0 : 1) };
  }
  return feeds;
}
