/** Ops that move elements without computing: joining, cutting, padding, reordering, reshaping. */
import type { Extent } from "../graph.ts";
import { exactQuotient, isResolved, plus, productOfAll, times } from "./extents.ts";
import { axisOf, contradiction, inputAt, type Rule, type Site, shapeText } from "./rule.ts";

/** From here on an end means "to the end". */
const TO_THE_END = 2 ** 31 - 1;

export const concat: Rule<"concat"> = (op, site) => {
  const type = inputAt(site, 0).type;
  const shapes = site.inputs.map((fact) => fact.shape);
  const first = shapes.find((shape) => shape !== null);
  if (first === undefined || first === null) return [{ type, shape: null }];
  const axis = axisOf(op.axis, first.length, site.node);
  const shape = first.map((_, index) => {
    const extents = shapes.map((other) => other?.[index] ?? null);
    return index === axis ? extents.reduce(plus, 0) : sameExtent(extents, index, site);
  });
  return [{ type, shape }];
};

function sameExtent(extents: readonly Extent[], axis: number, site: Site): Extent {
  const numbers = [...new Set(extents.filter((extent) => typeof extent === "number"))];
  if (numbers.length > 1) {
    throw contradiction(site.node, `its inputs differ in axis ${axis}: ${numbers.join(" and ")}.`);
  }
  return numbers[0] ?? extents.find((extent) => extent !== null) ?? null;
}

export const split: Rule<"split"> = (op, site) => {
  const data = inputAt(site, 0);
  const parts = site.node.outputs.length;
  if (data.shape === null) return site.node.outputs.map(() => ({ type: data.type, shape: null }));
  const axis = axisOf(op.axis, data.shape.length, site.node);
  const whole = data.shape[axis] ?? null;
  const sizes = op.sizes ?? (op.sizesKnown ? equalParts(whole, parts) : []);
  const sum = sizes.reduce<Extent>(plus, 0);
  if (op.sizes !== null && typeof sum === "number" && typeof whole === "number" && sum !== whole) {
    throw contradiction(site.node, `the parts sum to ${sum}, but the axis has ${whole}.`);
  }
  return site.node.outputs.map((_, part) => ({
    type: data.type,
    shape:
      data.shape?.map((extent, index) => (index === axis ? (sizes[part] ?? null) : extent)) ?? null,
  }));
};

// From opset 18 on the last part may be smaller than the others.
function equalParts(whole: Extent, parts: number): readonly Extent[] {
  if (typeof whole !== "number") return new Array<Extent>(parts).fill(exactQuotient(whole, parts));
  const size = Math.ceil(whole / parts);
  return Array.from({ length: parts }, (_, part) => Math.min(size, whole - part * size));
}

export const slice: Rule<"slice"> = (op, site) => {
  const data = inputAt(site, 0);
  if (data.shape === null) return [{ type: data.type, shape: null }];
  const rank = data.shape.length;
  const axes = op.axes?.map((axis) => axisOf(axis, rank, site.node)) ?? null;
  const shape = data.shape.map((extent, axis) => {
    const index = axes === null ? 0 : axes.indexOf(axis);
    if (index < 0) return extent;
    if (op.starts === null || op.ends === null || op.steps === null) return null;
    return slicedExtent(
      extent,
      op.starts[index] ?? null,
      op.ends[index] ?? null,
      op.steps[index] ?? 1,
    );
  });
  return [{ type: data.type, shape }];
};

function slicedExtent(extent: Extent, start: Extent, end: Extent, step: number): Extent {
  if (start === 0 && step === 1) {
    if (end === extent || (typeof end === "number" && end >= TO_THE_END)) return extent;
    // A symbol is at least 1, so the first element is always there.
    if (end === 1) return 1;
  }
  if (typeof extent !== "number" || typeof start !== "number" || typeof end !== "number")
    return null;
  return sliceRange(extent, start, end, step).count;
}

/**
 * The first index that a slice takes from an axis and how many it takes, `step` apart, as the Slice operator defines it.
 * Nothing is listed: extents in a damaged file can be astronomic.
 */
export function sliceRange(
  extent: number,
  start: number,
  end: number,
  step: number,
): { readonly first: number; readonly count: number } {
  const backwards = step < 0;
  const clamp = (value: number, low: number, high: number): number =>
    Math.min(Math.max(value < 0 ? value + extent : value, low), high);
  const first = clamp(start, 0, backwards ? extent - 1 : extent);
  const last = clamp(end, backwards ? -1 : 0, backwards ? extent - 1 : extent);
  return { first, count: step === 0 ? 0 : Math.max(Math.ceil((last - first) / step), 0) };
}

export const pad: Rule<"pad"> = (op, site) => {
  const data = inputAt(site, 0);
  if (data.shape === null || op.pads === null) {
    return [{ type: data.type, shape: data.shape?.map(() => null) ?? null }];
  }
  const rank = data.shape.length;
  const axes = (op.axes ?? data.shape.map((_, axis) => axis)).map((axis) =>
    axisOf(axis, rank, site.node),
  );
  const shape = data.shape.map((extent, axis) => {
    const index = axes.indexOf(axis);
    if (index < 0) return extent;
    const around = plus(op.pads?.[index] ?? null, op.pads?.[index + axes.length] ?? null);
    return plus(extent, around);
  });
  return [{ type: data.type, shape }];
};

export const transpose: Rule<"transpose"> = (op, site) => {
  const data = inputAt(site, 0);
  if (data.shape === null) return [data];
  const { shape } = data;
  const perm = op.perm ?? shape.map((_, axis) => shape.length - 1 - axis);
  if (perm.length !== shape.length || new Set(perm).size !== perm.length) {
    throw contradiction(
      site.node,
      `perm ${shapeText(perm)} doesn't fit a tensor of rank ${shape.length}.`,
    );
  }
  return [{ type: data.type, shape: perm.map((axis) => shape[axis] ?? null) }];
};

export const reshape: Rule<"reshape"> = (op, site) => {
  const data = inputAt(site, 0);
  if (op.target === null) {
    const rank = inputAt(site, 1).shape?.[0];
    return [
      {
        type: data.type,
        shape: typeof rank === "number" ? new Array<Extent>(Math.min(rank, 64)).fill(null) : null,
      },
    ];
  }
  const copied = op.target.map((extent, axis) =>
    extent === 0 && !op.allowZero ? (data.shape?.[axis] ?? null) : extent,
  );
  return [{ type: data.type, shape: filled(data.shape, copied, site) }];
};

/** The target with its -1 replaced by what is left of the elements. */
function filled(
  shape: readonly Extent[] | null,
  target: readonly Extent[],
  site: Site,
): readonly Extent[] {
  const total = shape === null ? null : productOfAll(shape);
  const open = target.indexOf(-1);
  const given = productOfAll(target.filter((extent) => extent !== -1));
  const rest = exactQuotient(total, given);
  const numbers = typeof total === "number" && typeof given === "number";
  if (numbers && (open < 0 ? total !== given : rest === null && given !== 0)) {
    throw contradiction(
      site.node,
      `${shapeText(shape ?? [])} can't be reshaped to ${shapeText(target)}.`,
    );
  }
  return target.map((extent) => (extent === -1 ? rest : extent));
}

export const flatten: Rule<"flatten"> = (op, site) => {
  const data = inputAt(site, 0);
  if (data.shape === null) return [{ type: data.type, shape: [null, null] }];
  const rank = data.shape.length;
  const axis = op.axis === rank ? rank : axisOf(op.axis, Math.max(rank, 1), site.node);
  const shape = [productOfAll(data.shape.slice(0, axis)), productOfAll(data.shape.slice(axis))];
  return [{ type: data.type, shape }];
};

export const squeeze: Rule<"squeeze"> = (op, site) => {
  const data = inputAt(site, 0);
  if (data.shape === null || op.axes === null) return [{ type: data.type, shape: null }];
  const rank = data.shape.length;
  const axes = new Set(op.axes.map((axis) => axisOf(axis, rank, site.node)));
  if (axes.size === 0 && !isResolved(data.shape)) return [{ type: data.type, shape: null }];
  for (const axis of axes) {
    const extent = data.shape[axis];
    if (typeof extent !== "number" || extent === 1) continue;
    throw contradiction(site.node, `axis ${axis} has extent ${extent} and can't be removed.`);
  }
  const shape = data.shape.filter((extent, axis) =>
    axes.size === 0 ? extent !== 1 : !axes.has(axis),
  );
  return [{ type: data.type, shape }];
};

export const unsqueeze: Rule<"unsqueeze"> = (op, site) => {
  const data = inputAt(site, 0);
  if (data.shape === null || op.axes === null) return [{ type: data.type, shape: null }];
  const rank = data.shape.length + op.axes.length;
  const axes = new Set(op.axes.map((axis) => axisOf(axis, rank, site.node)));
  const rest = [...data.shape];
  const shape = Array.from({ length: rank }, (_, axis) =>
    axes.has(axis) ? 1 : (rest.shift() ?? null),
  );
  return [{ type: data.type, shape }];
};

export const tile: Rule<"tile"> = (op, site) => {
  const data = inputAt(site, 0);
  const shape =
    data.shape?.map((extent, axis) => times(extent, op.repeats?.[axis] ?? null)) ?? null;
  return [{ type: data.type, shape }];
};

export const gather: Rule<"gather"> = (op, site) => {
  const data = inputAt(site, 0);
  const indices = inputAt(site, 1).shape;
  if (data.shape === null || indices === null) return [{ type: data.type, shape: null }];
  const axis = axisOf(op.axis, data.shape.length, site.node);
  const shape = [...data.shape.slice(0, axis), ...indices, ...data.shape.slice(axis + 1)];
  return [{ type: data.type, shape }];
};

export const depthToSpace: Rule<"depthToSpace"> = (op, site) => {
  const data = inputAt(site, 0);
  if (data.shape === null) return [data];
  const [batch = null, channels = null, ...spatial] = data.shape;
  const larger = spatial.map((extent) => times(extent, op.blockSize));
  return [
    { type: data.type, shape: [batch, exactQuotient(channels, op.blockSize ** 2), ...larger] },
  ];
};

export const spaceToDepth: Rule<"spaceToDepth"> = (op, site) => {
  const data = inputAt(site, 0);
  if (data.shape === null) return [data];
  const [batch = null, channels = null, ...spatial] = data.shape;
  const smaller = spatial.map((extent) => exactQuotient(extent, op.blockSize));
  return [{ type: data.type, shape: [batch, times(channels, op.blockSize ** 2), ...smaller] }];
};
