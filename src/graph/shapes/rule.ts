import { InputError } from "../../core/errors.ts";
import type { DataType, Extent, Graph, Node } from "../graph.ts";
import { nodeLabel } from "../graph.ts";
import type { Op, OpKind } from "../op.ts";

/** What is known of a value; null: unknown. */
export interface Fact {
  readonly type: DataType | null;
  readonly shape: readonly Extent[] | null;
}

/** What a rule may look at. */
export interface Site {
  readonly node: Node;
  /** One fact per input; unknown or omitted inputs are `UNKNOWN`. */
  readonly inputs: readonly Fact[];
  /** Values of an input where they are known. */
  readonly valuesAt: (index: number) => readonly Extent[] | null;
  /** Facts of the outputs of a subgraph, from those of its inputs; it sees the values around the node. */
  readonly inside: (subgraph: Graph, inputs: readonly Fact[]) => readonly Fact[];
}

/** Facts of the outputs of an op, from those of its inputs. */
export type Rule<Kind extends OpKind> = (
  op: Extract<Op, { kind: Kind }>,
  site: Site,
) => readonly Fact[];

export const UNKNOWN: Fact = { type: null, shape: null };

/** The fact of an input; unknown where it is omitted. */
export function inputAt(site: Site, index: number): Fact {
  return site.inputs[index] ?? UNKNOWN;
}

export function shapeText(shape: readonly Extent[]): string {
  return `[${shape.map((extent) => extent ?? "?").join(", ")}]`;
}

/** The error for shapes that can't go together. */
export function contradiction(node: Node, message: string): InputError {
  return new InputError({
    code: "graph/contradictory-shapes",
    message: `${node.opType} '${nodeLabel(node)}': ${message}`,
    where: `node '${nodeLabel(node)}'`,
    hint: "If a batch or an input size was asked for, the network may be exported for another one. Otherwise export it again.",
  });
}

/** An axis as an index from 0; an error where the tensor has no such axis. */
export function axisOf(axis: number, rank: number, node: Node): number {
  const index = axis < 0 ? axis + rank : axis;
  if (index >= 0 && index < rank) return index;
  throw contradiction(node, `axis ${axis} doesn't exist in a tensor of rank ${rank}.`);
}
