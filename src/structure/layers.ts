import { foldedOf } from "../graph/fold/folded.ts";
import type { Graph, Node } from "../graph/graph.ts";
import { intAttribute, nodeId } from "../graph/graph.ts";
import { elementCount } from "../graph/tensor.ts";
import { consumersOf } from "../graph/traversal.ts";
import { blocksAround, type FoundBlock } from "./blocks.ts";
import type { FoundDims } from "./dims.ts";
import { layerLabel, uniqueNames } from "./label.ts";
import type { AxisCount, AxisUnits, Dim, Layer, LayerDrop, ResolvedShapes } from "./structure.ts";
import { contractedAndProduced, type WeightSource, weightOf } from "./weight-of.ts";

export interface LayerContext extends Pick<FoundDims, "axis" | "count"> {
  readonly graph: Graph;
  readonly shapes: ResolvedShapes;
  readonly dims: readonly Dim[];
  readonly blocks: readonly FoundBlock[];
  /** Batch that the shapes were found with. */
  readonly batch: number;
}

/** The ops with weights, in graph order. */
export function findLayers(context: LayerContext): readonly Layer[] {
  const { graph } = context;
  const nodes = graph.nodes.filter((node) => weightOf(graph, node) !== null);
  const names = uniqueNames(nodes.map((node) => layerLabel(graph, node)));
  return nodes.flatMap((node, index) => {
    const weight = weightOf(graph, node);
    return weight === null ? [] : [layerFrom(context, node, weight, index, names[index] ?? "")];
  });
}

function layerFrom(
  context: LayerContext,
  node: Node,
  weight: WeightSource,
  index: number,
  name: string,
): Layer {
  const { graph, blocks } = context;
  const groups = intAttribute(node, "group", 1);
  const [seenInput, seenOutput] = contractedAndProduced(node, weight);
  const inputAxis = weight.axes[seenInput] ?? seenInput;
  const outputAxis = weight.axes[seenOutput] ?? seenOutput;
  const grouped = groups > 1 && node.opType === "ConvTranspose";
  const contracted = context.count(weight.name, inputAxis);
  const perGroup = (weight.tensor.shape[inputAxis] ?? 0) / groups;
  const around = blocksAround(blocks, node);
  const normalisation = normalisationOf(graph, node);
  const places = placesOf(context, node);
  const macsPerPair = pairMacs(context, node, weight);
  const channels = channelAxes(context, node);
  const inputs = weight.tensor.shape[inputAxis] ?? 0;
  return {
    index,
    id: nodeId(node),
    name,
    opType: node.opType,
    weight: { name: weight.name, inputAxis, outputAxis },
    input: grouped ? { fixed: perGroup, parts: [] } : contracted,
    output: context.count(node.outputs[0] ?? "", channels.output),
    groups,
    parameters: parametersOf(context, node, weight),
    macs: macsPerPair * (grouped ? perGroup : inputs) * channels.outputs,
    macsPerPair: macsPerPair / elementCount(places.map(({ length }) => length)),
    places: places.map(({ count }) => count),
    blocks: around,
    normalisation: normalisation === null ? null : nodeId(normalisation),
    drop: dropOf(context, node, normalisation, around),
  };
}

/** Where the channels are on a layer's data input and output. */
function channelAxes(
  context: LayerContext,
  node: Node,
): { readonly input: number; readonly output: number; readonly outputs: number } {
  const shape = context.shapes.of(node.outputs[0] ?? "") ?? [];
  const axis = node.opType === "MatMul" ? shape.length - 1 : 1;
  return { input: axis, output: axis, outputs: shape[axis] ?? 0 };
}

/** Axes of the output besides the channels that dims shape, with their dense lengths: heads that a MatMul's weight has apart. */
function placesOf(
  context: LayerContext,
  node: Node,
): readonly { readonly count: AxisCount; readonly length: number }[] {
  const [output = ""] = node.outputs;
  const shape = context.shapes.of(output) ?? [];
  const produced = channelAxes(context, node).output;
  return shape.flatMap((length, axis) => {
    const count = context.count(output, axis);
    return axis === produced || count.parts.length === 0 ? [] : [{ count, length }];
  });
}

/** MACs at batch 1 for one contracted and one produced channel: kernel size times places it is applied at. */
function pairMacs(context: LayerContext, node: Node, weight: WeightSource): number {
  const { shapes, batch } = context;
  const places = node.opType === "ConvTranspose" ? node.inputs[0] : node.outputs[0];
  const shape = shapes.of(places ?? "") ?? [];
  const kernel = node.opType.startsWith("Conv") ? elementCount(weight.tensor.shape.slice(2)) : 1;
  const channels = shape[channelAxes(context, node).output] ?? 1;
  return channels === 0 ? 0 : (kernel * elementCount(shape)) / channels / batch;
}

function parametersOf(context: LayerContext, node: Node, weight: WeightSource): number {
  const bias = foldedOf(context.graph, node.inputs[2] ?? "");
  return elementCount(weight.tensor.shape) + (bias === null ? 0 : elementCount(bias.shape));
}

function normalisationOf(graph: Graph, node: Node): Node | null {
  const readers = consumersOf(graph).get(node.outputs[0] ?? "") ?? [];
  const [reader] = readers;
  if (readers.length !== 1 || reader?.opType !== "BatchNormalization") return null;
  return reader.inputs[0] === node.outputs[0] && !isOutput(graph, node) ? reader : null;
}

function isOutput(graph: Graph, node: Node): boolean {
  return graph.outputs.some((value) => node.outputs.includes(value.name));
}

/**
 * A layer may go where its input can stand for its output: one shape on both sides, and either the same units in the same
 * places (depthwise), or one prunable dim on each side with the same units in the same places.
 */
function dropOf(
  context: LayerContext,
  node: Node,
  normalisation: Node | null,
  around: readonly number[],
): LayerDrop | null {
  const { graph, shapes } = context;
  const last = normalisation ?? node;
  const input = shapes.of(node.inputs[0] ?? "");
  const output = shapes.of(last.outputs[0] ?? "");
  if (input === null || output === null || isOutput(graph, last)) return null;
  if (input.length !== output.length || input.some((extent, i) => extent !== output[i]))
    return null;
  if (isOnlyLayer(context, around)) return null;
  const channels = channelAxes(context, node);
  const left = context.axis(node.inputs[0] ?? "", channels.input);
  const right = context.axis(last.outputs[0] ?? "", channels.output);
  if (left === null || right === null || !equalLevels(left, right, "units")) return null;
  if (equalLevels(left, right, "dims")) return { kind: "same-dim" };
  return tieBetween(context.dims, left, right, context.blocks);
}

// A branch keeps at least one layer: dropping it whole is what blocks are for.
function isOnlyLayer(context: LayerContext, around: readonly number[]): boolean {
  const block = context.blocks[around.at(-1) ?? -1];
  if (block === undefined) return false;
  let layers = 0;
  for (const node of block.branch) if (weightOf(context.graph, node) !== null) layers += 1;
  return layers < 2;
}

function tieBetween(
  dims: readonly Dim[],
  left: AxisUnits,
  right: AxisUnits,
  blocks: readonly FoundBlock[],
): LayerDrop | null {
  const before = singleDim(dims, left);
  const after = singleDim(dims, right);
  if (before === null || after === null || before.size !== after.size) return null;
  if (before.pinned !== null || after.pinned !== null) return null;
  const output = depth(blocks, after.block) < depth(blocks, before.block);
  return output
    ? { kind: "tie", outlives: after.index, tied: before.index }
    : { kind: "tie", outlives: before.index, tied: after.index };
}

/** The only dim on an axis; null where there are several, a product of them or fixed elements among it. */
function singleDim(dims: readonly Dim[], { levels }: AxisUnits): Dim | null {
  const [level] = levels;
  const [first = -1] = level?.dims ?? [];
  const isOnly = levels.length === 1 && level?.dims.every((dim) => dim === first);
  return isOnly ? (dims[first] ?? null) : null;
}

/** How many blocks there are around: a dim outside of all outlives one inside. */
function depth(blocks: readonly FoundBlock[], block: number | null): number {
  let levels = 0;
  for (let at = block; at !== null; at = blocks[at]?.parent ?? null) levels += 1;
  return levels;
}

function equalLevels(left: AxisUnits, right: AxisUnits, of: "dims" | "units"): boolean {
  return (
    left.levels.length === right.levels.length &&
    left.levels.every((level, at) => equalLists(level[of], right.levels[at]?.[of]))
  );
}

function equalLists(left: Int32Array, right: Int32Array | undefined): boolean {
  return left.length === right?.length && left.every((item, index) => item === right[index]);
}
