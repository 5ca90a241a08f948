import type { Node } from "../../graph/graph.ts";
import { axisIndex } from "../propagation.ts";
import type { Reordered } from "./reorder.ts";

/** A node that moves the parts together, and which axis of what it reads counts them. */
export interface Move {
  readonly node: Node;
  readonly place: number;
}

/** A node that takes single parts. */
export interface Take extends Move {
  /** Per output, which part it is. */
  readonly parts: readonly number[];
  /** Whether the axis that counts the parts stays, with an extent of 1. */
  readonly keeps: boolean;
}

/** A Reshape of which axis `place` of the output counts parts of axis `axis` of the input. */
export interface Projections extends Move {
  readonly axis: number;
  readonly count: number;
  /** Where the parts alternate within the axis: what is reordered first, and which unit then stands where. */
  readonly reordered: {
    readonly chain: readonly Reordered[];
    readonly order: readonly number[];
  } | null;
  /** The sizes that the Reshape asks for without those of `place`; null where they are computed when the network runs. */
  readonly target: readonly number[] | null;
  readonly moves: readonly Move[];
  readonly takes: readonly Take[];
}

/** Which axes of an input of this shape a Squeeze removes; null where that is only known when the network runs. */
export function squeezedAxes(
  axes: readonly number[] | null,
  from: readonly number[],
): readonly number[] | null {
  if (axes === null) return null;
  if (axes.length > 0) return axes.map((axis) => axisIndex(axis, from.length));
  return from.flatMap((extent, index) => (extent === 1 ? [index] : []));
}
