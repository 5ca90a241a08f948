/** What the readers of attributes share. */
import type { Extent, Graph, Node } from "../graph.ts";
import type { Op, OpKind } from "../op.ts";
import type { KnownValues } from "../values.ts";

/** The member of `Op` of a kind. */
export type Kind<Key extends OpKind> = Extract<Op, { kind: Key }>;

export interface Context {
  readonly node: Node;
  readonly graph: Graph;
  readonly known: KnownValues;
  /** Version of the standard operator set. */
  readonly opset: number;
}

/** Values of an input that holds sizes; null where it is omitted or not constant. */
export function valuesAt(context: Context, index: number): readonly Extent[] | null {
  const name = context.node.inputs[index] ?? "";
  return name === "" ? null : context.known(name);
}

/** As `valuesAt`, where every value must be a number. */
export function numbersAt(context: Context, index: number): readonly number[] | null {
  const values = valuesAt(context, index);
  return values?.every((value) => typeof value === "number") ? values : null;
}

export function has(context: Context, index: number): boolean {
  return (context.node.inputs[index] ?? "") !== "";
}

export function listOf(node: Node, name: string): readonly number[] | null {
  const attribute = node.attributes.get(name);
  return attribute?.kind === "ints" ? attribute.value : null;
}

/** Axes from the attribute before opset `since`, from input `index` after; absent: an empty list. */
export function axesOf(context: Context, index: number, since: number): readonly number[] | null {
  if (context.opset < since) return listOf(context.node, "axes") ?? [];
  return has(context, index) ? numbersAt(context, index) : [];
}
