import { InternalError } from "../core/errors.ts";
import type { Graph, Node } from "../graph/graph.ts";
import { nodeLabel } from "../graph/graph.ts";
import type { Axes, Axis, Elements } from "./elements.ts";
import type { ResolvedShapes, Shuffle } from "./structure.ts";

/** What the rules read and write while elements flow through the graph, in topological order. */
export interface Propagation {
  readonly graph: Graph;
  readonly shapes: ResolvedShapes;
  readonly elements: Elements;
  /** Axes of each value met so far. An initializer's are elements of its own from the start: uses unite them. */
  readonly axes: Map<string, Axes>;
  readonly shuffles: Map<string, Shuffle>;
}

/** A rule reads the axes of a node's inputs, unites elements and sets the axes of its outputs. */
export type Rule<Kind> = (node: Node, op: Kind, flow: Propagation) => void;

/** Axes of an input; none where it is omitted or of unknown rank. */
export function axesOf(flow: Propagation, name: string): Axes {
  return flow.axes.get(name) ?? (flow.shapes.of(name) ?? []).map(() => null);
}

export function inputAxes(flow: Propagation, node: Node, index: number): Axes {
  return axesOf(flow, node.inputs[index] ?? "");
}

/** Shape of an input or output. Rules run only where the shapes of all of them are known. */
export function shapeOf(flow: Propagation, name: string | undefined): readonly number[] {
  return flow.shapes.of(name ?? "") ?? [];
}

/** Sets the axes of an output. Requires one entry per axis, each as long as the axis. */
export function setAxes(flow: Propagation, name: string | undefined, axes: Axes): void {
  if (name === undefined || name === "") return;
  const shape = shapeOf(flow, name);
  const wrong = axes.findIndex((axis, index) => axis !== null && axis.length !== shape[index]);
  if (wrong >= 0 || axes.length !== shape.length) {
    throw new InternalError({
      code: "structure/axes-mismatch",
      message: `Value '${name}' has shape [${shape.join(", ")}], but its axes were found with lengths [${axes.map((axis) => axis?.length ?? "fixed").join(", ")}].`,
      where: `value '${name}'`,
      hint: "This is a fault in a structure rule; please report the network.",
    });
  }
  flow.axes.set(name, axes);
}

/** All axes of a value fixed. */
export function fixedAxes(flow: Propagation, name: string): Axes {
  return shapeOf(flow, name).map(() => null);
}

/**
 * Index by index, two axes go together; where one of them is fixed, the other is pinned. Returns what stands for both: null
 * where it is fixed and no layer produces it (a position map added to an image has fixed height and width).
 */
export function uniteAxes(flow: Propagation, left: Axis, right: Axis, reason: string): Axis {
  if (left === null || right === null || left.length !== right.length) {
    flow.elements.pin(left, reason);
    flow.elements.pin(right, reason);
    const present = left ?? right;
    return present?.some((element) => isProduced(flow, element)) === true ? present : null;
  }
  flow.elements.uniteAll(left, right);
  return left;
}

function isProduced({ elements }: Propagation, element: number): boolean {
  return elements.atoms(element).some((atom) => elements.produced(atom));
}

/** Axes as elements even where they are fixed: fixed ones become pinned elements. */
export function asElements(
  flow: Propagation,
  axis: Axis,
  length: number,
  reason: string,
): Int32Array {
  if (axis !== null) return axis;
  const fresh = flow.elements.fresh(length);
  flow.elements.pin(fresh, reason);
  return fresh;
}

/** Pins every axis of the named values. */
export function pinValues(flow: Propagation, names: Iterable<string>, reason: string): void {
  for (const name of names) for (const axis of axesOf(flow, name)) flow.elements.pin(axis, reason);
}

/** Pins the axes of a value that `pinned` picks and returns the others, with null for the pinned ones. */
export function pinAxes(
  flow: Propagation,
  axes: Axes,
  pinned: (index: number) => boolean,
  reason: string,
): Axes {
  return axes.map((axis, index) => {
    if (!pinned(index)) return axis;
    flow.elements.pin(axis, reason);
    return null;
  });
}

/** An axis number that may count from the end. */
export function axisIndex(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** `Conv 'layer1.0.conv1'`: how reasons name a node. */
export function describe(node: Node): string {
  return `${node.opType} '${nodeLabel(node)}'`;
}
