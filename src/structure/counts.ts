import type { NodeId } from "../graph/graph.ts";
import type { AxisCount, Structure } from "./structure.ts";

/** How many units of each dim stay, and what is dropped; absent parts stay whole. */
export interface KeptCounts {
  /** Units kept per dim. */
  readonly units?: readonly number[];
  readonly droppedBlocks?: readonly number[];
  readonly droppedLayers?: readonly number[];
}

/** Length of an axis for the given units kept per dim. */
export function evaluateCount(form: AxisCount, units: readonly number[]): number {
  return form.parts.reduce((sum, part) => sum + part.perUnit * (units[part.dim] ?? 0), form.fixed);
}

/** Units per dim of the whole network. */
export function denseUnits(structure: Structure): readonly number[] {
  return structure.dims.map((dim) => dim.size);
}

/** Nodes that dropping removes: those of dropped blocks without their Add, dropped layers and their BatchNormalization. */
export function droppedNodes(structure: Structure, kept: KeptCounts): ReadonlySet<NodeId> {
  const dropped = new Set<NodeId>();
  for (const index of kept.droppedBlocks ?? []) {
    const block = structure.blocks[index];
    for (const node of block?.nodes ?? []) if (node !== block?.add) dropped.add(node);
  }
  for (const index of kept.droppedLayers ?? []) {
    const layer = structure.layers[index];
    if (layer === undefined) continue;
    dropped.add(layer.id);
    if (layer.normalisation !== null) dropped.add(layer.normalisation);
  }
  return dropped;
}

/** Parameters: elements of all weights, biases and affine factors that stay. */
export function parameterCount(structure: Structure, kept: KeptCounts = {}): number {
  const units = kept.units ?? denseUnits(structure);
  const dropped = droppedNodes(structure, kept);
  let sum = 0;
  for (const weight of structure.weights) {
    if (weight.consumers.every((consumer) => dropped.has(consumer))) continue;
    sum += weight.axes.reduce(
      (product, axis) => product * evaluateCount(axis, units),
      weight.factor,
    );
  }
  return sum;
}

/** Multiply-accumulates at batch 1 of the layers and contractions that stay. */
export function macCount(structure: Structure, kept: KeptCounts = {}): number {
  const units = kept.units ?? denseUnits(structure);
  const dropped = droppedNodes(structure, kept);
  let sum = 0;
  for (const { id, macs } of structure.contractions) if (!dropped.has(id)) sum += macs;
  for (const layer of structure.layers) {
    if (dropped.has(layer.id)) continue;
    sum +=
      layer.macsPerPair * evaluateCount(layer.input, units) * evaluateCount(layer.output, units);
  }
  return sum;
}
