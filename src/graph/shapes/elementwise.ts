/** Ops on elements, and those that make tensors of sizes. */
import type { DataType, Extent } from "../graph.ts";
import { hasTrait } from "../op-traits.ts";
import { broadcastShapes } from "./extents.ts";
import { contradiction, inputAt, type Rule, shapeText, UNKNOWN } from "./rule.ts";

export const unary: Rule<"unary"> = (_op, site) => {
  const data = inputAt(site, 0);
  const given = site.node.opType === "CastLike" ? inputAt(site, 1).type : data.type;
  const type: DataType | null = hasTrait(site.node, "bool") ? "bool" : given;
  return [
    { type, shape: data.shape },
    { type: "bool", shape: data.shape },
  ];
};

export const elementwise: Rule<"elementwise"> = (op, site) => {
  const typed = inputAt(site, op.function === "Where" ? 1 : 0);
  const type: DataType | null = hasTrait(site.node, "bool") ? "bool" : typed.type;
  const shapes = site.inputs.map((fact) => fact.shape);
  const known = shapes.filter((shape) => shape !== null);
  if (known.length < shapes.length) return [{ type, shape: null }];
  const shape = broadcastShapes(known);
  if (shape === undefined) {
    throw contradiction(
      site.node,
      `the shapes ${known.map(shapeText).join(" and ")} don't go together.`,
    );
  }
  return [{ type, shape }];
};

export const expand: Rule<"expand"> = (op, site) => {
  const data = inputAt(site, 0);
  if (data.shape === null || op.target === null) return [{ type: data.type, shape: null }];
  const shape = broadcastShapes([data.shape, op.target]);
  if (shape === undefined) {
    throw contradiction(
      site.node,
      `${shapeText(data.shape)} can't be expanded to ${shapeText(op.target)}.`,
    );
  }
  return [{ type: data.type, shape }];
};

export const shape: Rule<"shape"> = (op, site) => {
  const rank = inputAt(site, 0).shape?.length;
  if (rank === undefined) return [{ type: "int64", shape: [null] }];
  return [{ type: "int64", shape: [shapeRange(op, rank).length] }];
};

/** Axes that a Shape node reports. */
export function shapeRange(
  op: { readonly start: number; readonly end: number | null },
  rank: number,
): readonly number[] {
  const clamp = (value: number): number =>
    Math.min(Math.max(value < 0 ? value + rank : value, 0), rank);
  const last = clamp(op.end ?? rank);
  return Array.from({ length: rank }, (_, axis) => axis).slice(clamp(op.start), last);
}

export const constant: Rule<"constant"> = (op) =>
  op.tensor === null ? [UNKNOWN] : [{ type: op.tensor.type, shape: op.tensor.shape }];

export const constantOfShape: Rule<"constantOfShape"> = (op, site) => {
  const rank = inputAt(site, 0).shape?.[0];
  const unknown =
    typeof rank === "number" ? new Array<Extent>(Math.min(rank, 64)).fill(null) : null;
  return [{ type: op.value?.type ?? "float32", shape: op.target ?? unknown }];
};

export const range: Rule<"range"> = (_op, site) => {
  const [start, limit, delta] = [0, 1, 2].map((index) => site.valuesAt(index)?.[0] ?? null);
  const { type } = inputAt(site, 0);
  if (start === 0 && delta === 1 && limit !== undefined) return [{ type, shape: [limit] }];
  if (
    typeof start !== "number" ||
    typeof limit !== "number" ||
    typeof delta !== "number" ||
    delta === 0
  ) {
    return [{ type, shape: [null] }];
  }
  return [{ type, shape: [Math.max(Math.ceil((limit - start) / delta), 0)] }];
};
