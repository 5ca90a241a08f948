/** Matrix products, normalisations and reductions. */
import type { Extent } from "../graph.ts";
import { broadcastShapes } from "./extents.ts";
import { axisOf, contradiction, inputAt, type Rule, shapeText } from "./rule.ts";

export const gemm: Rule<"gemm"> = (op, site) => {
  const [a, b] = [inputAt(site, 0), inputAt(site, 1)];
  const [rows = null, inner = null] = ordered(a.shape, op.transA);
  const [depth = null, columns = null] = ordered(b.shape, op.transB);
  if (differ(inner, depth)) {
    throw contradiction(
      site.node,
      `the input has ${inner} features, but the weight expects ${depth}.`,
    );
  }
  return [{ type: a.type, shape: [rows, columns] }];
};

function ordered(shape: readonly Extent[] | null, reversed: boolean): readonly Extent[] {
  if (shape === null) return [];
  return reversed ? [...shape].reverse() : shape;
}

function differ(left: Extent, right: Extent): boolean {
  return typeof left === "number" && typeof right === "number" && left !== right;
}

export const matMul: Rule<"matMul"> = (_op, site) => {
  const [a, b] = [inputAt(site, 0), inputAt(site, 1)];
  if (a.shape === null || b.shape === null) return [{ type: a.type, shape: null }];
  const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
  const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
  const batch = broadcastShapes([left.slice(0, -2), right.slice(0, -2)]);
  if (differ(left.at(-1) ?? null, right.at(-2) ?? null) || batch === undefined) {
    throw contradiction(
      site.node,
      `${shapeText(a.shape)} and ${shapeText(b.shape)} can't be multiplied.`,
    );
  }
  const shape = [
    ...batch,
    ...(a.shape.length === 1 ? [] : [left.at(-2) ?? null]),
    ...(b.shape.length === 1 ? [] : [right.at(-1) ?? null]),
  ];
  return [{ type: a.type, shape }];
};

export const batchNorm: Rule<"batchNorm"> = (_op, site) => {
  const data = inputAt(site, 0);
  const channels = data.shape?.[1] ?? null;
  for (const index of [1, 2, 3, 4]) {
    const parameters = inputAt(site, index).shape?.[0] ?? null;
    if (!differ(channels, parameters)) continue;
    throw contradiction(
      site.node,
      `the input has ${channels} channels, but '${site.node.inputs[index]}' has ${parameters}.`,
    );
  }
  const statistics = inputAt(site, 1);
  return [data, statistics, statistics, statistics, statistics];
};

export const layerNorm: Rule<"layerNorm"> = (op, site) => {
  const data = inputAt(site, 0);
  if (data.shape === null) return [data];
  const from = axisOf(op.axis, data.shape.length, site.node);
  const scale = inputAt(site, 1).shape;
  const normalised = data.shape.slice(from);
  const joint = scale === null ? normalised : broadcastShapes([normalised, scale]);
  if (joint === undefined) {
    throw contradiction(
      site.node,
      `the scale of shape ${shapeText(scale ?? [])} doesn't fit the normalised axes ${shapeText(normalised)}.`,
    );
  }
  const statistics = data.shape.map((extent, axis) => (axis < from ? extent : 1));
  const fact = { type: data.type, shape: statistics };
  return [data, fact, fact];
};

export const reduce: Rule<"reduce"> = (op, site) => {
  const data = inputAt(site, 0);
  const type = op.reduction.startsWith("Arg") ? "int64" : data.type;
  if (data.shape === null) return [{ type, shape: null }];
  const rank = data.shape.length;
  if (op.axes === null) {
    return [{ type, shape: op.keepDims ? data.shape.map(() => null) : null }];
  }
  if (op.axes.length === 0 && op.noopWithEmptyAxes) return [data];
  const axes = new Set(op.axes.map((axis) => axisOf(axis, rank, site.node)));
  const reduced = (axis: number): boolean => axes.size === 0 || axes.has(axis);
  const shape = op.keepDims
    ? data.shape.map((extent, axis) => (reduced(axis) ? 1 : extent))
    : data.shape.filter((_, axis) => !reduced(axis));
  return [{ type, shape }];
};
