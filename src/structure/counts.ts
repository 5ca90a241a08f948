import type { NodeId } from "../graph/graph.ts";
import type { AxisCount, AxisUnits, Contraction, CountPart, Structure } from "./structure.ts";

/** How many units of each dim stay, and what is dropped; absent parts stay whole. */
export interface KeptCounts {
  /** Units kept per dim. */
  readonly units?: readonly number[];
  readonly droppedBlocks?: readonly number[];
  readonly droppedLayers?: readonly number[];
}

/** Length of an axis for the given units kept per dim. */
export function evaluateCount(form: AxisCount, units: readonly number[]): number {
  return form.parts.reduce(
    (sum, part) =>
      sum + dimsOf(part).reduce((product, dim) => product * (units[dim] ?? 0), part.perUnit),
    form.fixed,
  );
}

/** The dims whose kept units are multiplied. */
export function dimsOf(part: CountPart): readonly number[] {
  return part.times === undefined ? [part.dim] : [part.dim, ...part.times];
}

/** The dims on an axis, each once. */
export function dimsAlong(units: AxisUnits | null): ReadonlySet<number> {
  if (units === null) return NONE;
  const known = ALONG.get(units);
  if (known !== undefined) return known;
  const dims = new Set<number>();
  for (const level of units.levels) {
    let last = -1;
    for (const dim of level.dims) {
      if (dim !== last && dim !== -1) dims.add(dim);
      last = dim;
    }
  }
  ALONG.set(units, dims);
  return dims;
}

const NONE: ReadonlySet<number> = new Set();
/** Many values share one axis' units, which never change. */
const ALONG = new WeakMap<AxisUnits, ReadonlySet<number>>();

/** Multiply-accumulates of a contraction, dense. */
export function contractionMacs(structure: Structure, { factor, axes }: Contraction): number {
  const dense = denseUnits(structure);
  return axes.reduce((product, axis) => product * evaluateCount(axis, dense), factor);
}

/** The count of an axis with the dims that can't be pruned counted as fixed. */
export function freeCount(structure: Structure, value: string, axis: number): AxisCount {
  const { fixed, parts } = structure.count(value, axis);
  const isFree = (part: CountPart): boolean =>
    dimsOf(part).some((dim) => structure.dims[dim]?.pinned === null);
  const whole = { fixed, parts: parts.filter((part) => !isFree(part)) };
  return {
    fixed: whole.parts.length === 0 ? fixed : evaluateCount(whole, denseUnits(structure)),
    parts: parts.filter(isFree),
  };
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
  const product = (factor: number, axes: readonly AxisCount[]): number =>
    axes.reduce((result, axis) => result * evaluateCount(axis, units), factor);
  let sum = 0;
  for (const { id, factor, axes } of structure.contractions) {
    if (!dropped.has(id)) sum += product(factor, axes);
  }
  for (const { id, macsPerPair, input, output, places } of structure.layers) {
    if (!dropped.has(id)) sum += product(macsPerPair, [input, output, ...places]);
  }
  return sum;
}
