import type { Graph } from "../../graph/graph.ts";
import { producerOf } from "../../graph/traversal.ts";
import { layerLabel } from "../label.ts";
import type { Layer, ResolvedShapes } from "../structure.ts";
import type { Parts } from "./from-names.ts";
import { layersBefore, type Reach, reachOf } from "./reach.ts";

/** What of a network parts are found from. */
export interface PartSource {
  readonly graph: Graph;
  readonly shapes: ResolvedShapes;
  readonly layers: readonly Layer[];
}

const MOST_PARTS = 12;

/**
 * Parts of a network by its graph alone. Layers belong together that hang on the same inputs and lead to the same ends, so that the
 * cut lies where one value feeds several of them: towers of several inputs, heads of several outputs. Where that tells nothing
 * apart: the two sides of an hourglass, or stem, stages of one scale and head. Null where nothing splits the network.
 */
export function partsFromGraph(source: PartSource): Parts | null {
  const reach = reachOf(source.graph, source.layers);
  const found = byReach(source, reach) ?? hourglass(source, reach) ?? byStages(source);
  return found === null || found.size < 2 || found.size > MOST_PARTS ? null : found;
}

/**
 * Whether a part that was found otherwise goes on behind an enlarged map on several scales; then its far side is the neck of a
 * detector.
 */
export function neckOf(
  { graph, layers }: PartSource,
  members: readonly number[],
): readonly number[] {
  const reach = reachOf(graph, layers);
  const scales = new Set(reach.lastLayers.filter((at) => reach.isBehindUpsampling[at]));
  return scales.size < 2 ? [] : members.filter((at) => reach.isBehindUpsampling[at]);
}

function byReach(source: PartSource, reach: Reach): Parts | null {
  const { layers } = source;
  const keys = layers.map(({ index }) => `${reach.inputsOf[index]} ${reach.endsOf[index]}`);
  const groups = new Map<string, number[]>();
  for (const [index, key] of keys.entries()) groups.set(key, [...(groups.get(key) ?? []), index]);
  if (groups.size < 2) return null;
  const detector = detectorParts(source, reach);
  if (detector !== null) return detector;
  if (groups.size > MOST_PARTS) return null;
  const parts = new Map<string, readonly number[]>();
  for (const members of groups.values()) {
    const name = nameOfGroup(source, reach, members[0] ?? 0);
    const unique = parts.has(name) ? `${name}-${parts.size + 1}` : name;
    parts.set(unique, members);
  }
  return parts;
}

/** An end's name for what leads to it alone; trunk for the one part that leads to every end; the inputs' names for towers. */
function nameOfGroup(source: PartSource, reach: Reach, layer: number): string {
  const endsOf = reach.endsOf[layer] ?? 0n;
  const inputsOf = reach.inputsOf[layer] ?? 0n;
  const all = reach.endsOf.reduce((sum, bits) => sum | bits, 0n);
  const ends = named(reach.ends, endsOf);
  const hasHeads = reach.endsOf.some((bits) => bits !== all);
  const towers = new Set(reach.inputsOf.filter((_, at) => reach.endsOf[at] === all));
  if (hasHeads && endsOf !== all) {
    return ends.length === 1 ? endLabel(source, reach, ends[0] ?? "") : ends.join("+");
  }
  if (towers.size < 2) return "trunk";
  const everyInput = reach.inputsOf.reduce((sum, bits) => sum | bits, 0n);
  const inputs = named(reach.inputs, inputsOf);
  return inputsOf === everyInput && inputs.length > 1 ? "joint" : inputs.join("+");
}

function endLabel({ graph, layers }: PartSource, { endsAreOutputs }: Reach, end: string): string {
  if (endsAreOutputs) return end;
  const node = producerOf(graph).get(layers.find(({ id }) => id === end)?.id ?? "");
  return node === undefined ? end : layerLabel(graph, node);
}

function named(list: readonly string[], bits: bigint): readonly string[] {
  return list.filter((_, bit) => (bits & (1n << BigInt(bit))) !== 0n);
}

/**
 * Backbone, neck and head of a detector: ends on several scales, some behind an enlarged map. The head leads to some of the ends
 * of its scale only; the neck lies behind an enlarged map; the backbone is the rest.
 */
function detectorParts({ graph, shapes, layers }: PartSource, reach: Reach): Parts | null {
  const last = reach.lastLayers;
  const scaleOfLayer = (index: number): string | null => {
    const layer = layers[index];
    return layer === undefined ? null : scaleOf(shapes, layer);
  };
  const scales = [...new Set(last.map(scaleOfLayer))].filter((scale) => scale !== null);
  const isBehind = last.some((layer) => reach.isBehindUpsampling[layer]);
  if (scales.length < 2 || !isBehind) return null;
  const finals = graphEnds(graph, layers, last);
  const ofScale = scales.map((scale) =>
    last.reduce(
      (bits, layer, bit) => (scaleOfLayer(layer) === scale ? bits | (1n << BigInt(bit)) : bits),
      0n,
    ),
  );
  const isHead = (layer: number): boolean => {
    const bits = finals[layer] ?? 0n;
    const own = ofScale.find((scale) => (bits & ~scale) === 0n) ?? 0n;
    return own !== 0n && (bits !== own || (own & (own - 1n)) === 0n);
  };
  const head = layers.flatMap(({ index }) => (isHead(index) ? [index] : []));
  const rest = layers.flatMap(({ index }) => (isHead(index) ? [] : [index]));
  const neck = rest.filter((index) => reach.isBehindUpsampling[index]);
  const backbone = rest.filter((index) => !reach.isBehindUpsampling[index]);
  const parts = [
    ["backbone", backbone],
    ["neck", neck],
    ["head", head],
  ] as const;
  return new Map(parts.filter(([, members]) => members.length > 0));
}

function graphEnds(
  graph: Graph,
  layers: readonly Layer[],
  last: readonly number[],
): readonly bigint[] {
  const bits = new Array<bigint>(layers.length).fill(0n);
  for (const [bit, layer] of last.entries()) {
    for (const before of layersBefore(graph, layers, layers[layer]?.id ?? "")) {
      bits[before] = (bits[before] ?? 0n) | (1n << BigInt(bit));
    }
  }
  return bits;
}

/** How much larger the answer must be than the narrowest value, and how large beside the input. */
const WIDENS = 2;
const OF_INPUT = 0.5;

/**
 * Encoder and decoder of a network with an answer about as large as its input: around the first enlarged map, or around the
 * narrowest value that a layer writes.
 */
function hourglass({ graph, shapes, layers }: PartSource, reach: Reach): Parts | null {
  const sizeOf = (value: string): number =>
    shapes.of(value)?.reduce((product, extent) => product * extent, 1) ?? Number.NaN;
  const [input, output] = [graph.inputs[0]?.name ?? "", graph.outputs[0]?.name ?? ""];
  if (!(sizeOf(output) >= OF_INPUT * sizeOf(input))) return null;
  const sizes = layers.map(({ id }) => sizeOf(id));
  const narrowest = sizes.indexOf(Math.min(...sizes));
  const isWidening = sizeOf(output) >= WIDENS * (sizes[narrowest] ?? Number.NaN);
  const before = layersBefore(graph, layers, layers[narrowest]?.id ?? "");
  const isEncoder = reach.isBehindUpsampling.some((behind) => behind)
    ? (index: number): boolean => reach.isBehindUpsampling[index] !== true
    : (index: number): boolean => before.has(index);
  if (!isWidening && !reach.isBehindUpsampling.some((behind) => behind)) return null;
  const indices = layers.map(({ index }) => index);
  const [encoder, decoder] = [
    indices.filter(isEncoder),
    indices.filter((index) => !isEncoder(index)),
  ];
  return encoder.length === 0 || decoder.length === 0
    ? null
    : new Map([
        ["encoder", encoder],
        ["decoder", decoder],
      ]);
}

/**
 * Stem: what comes before the first block that can be dropped. Stages: the layers of one scale; without maps, everything up to the
 * last block as one body. Head: what comes behind the last map, or behind the last block.
 */
function byStages({ shapes, layers }: PartSource): Parts | null {
  const scales = layers.map((layer) => scaleOf(shapes, layer));
  const maps = layers.flatMap(({ index }) => (scales[index] === null ? [] : [index]));
  const inBlocks = layers.flatMap(({ index, blocks }) => (blocks.length > 0 ? [index] : []));
  const [firstOf = 0, lastOf = layers.length - 1] = [inBlocks[0], inBlocks.at(-1)];
  const isOfMaps = 2 * maps.length > layers.length;
  const lastMap = maps.at(-1) ?? -1;
  const stages: string[] = [];
  const stageOf = (scale: string): string => {
    if (!stages.includes(scale)) stages.push(scale);
    return `stage${stages.indexOf(scale) + 1}`;
  };
  let current = "stem";
  const parts = new Map<string, number[]>();
  for (const { index } of layers) {
    const scale = scales[index] ?? null;
    if (index < firstOf) current = "stem";
    else if (!isOfMaps) current = index > lastOf ? "head" : "body";
    else if (index > lastMap) current = "head";
    else if (scale !== null) current = stageOf(scale);
    parts.set(current, [...(parts.get(current) ?? []), index]);
  }
  return parts.size < 2 || parts.size >= layers.length ? null : parts;
}

/** Height and width of the map that a layer writes; null for a value without, or with a single position. */
function scaleOf(shapes: ResolvedShapes, { id, opType }: Layer): string | null {
  const shape = shapes.of(id) ?? [];
  const extents = opType === "MatMul" ? shape.slice(1, -1) : shape.slice(2);
  return extents.length < 2 || extents.every((extent) => extent === 1) ? null : extents.join("x");
}
