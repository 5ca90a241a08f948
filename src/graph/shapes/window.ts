/** Convolutions, pools and resizing: ops that slide a window over the spatial axes (ONNX operators, Conv, MaxPool, ...). */
import type { Extent } from "../graph.ts";
import type { Op, Window } from "../op.ts";
import { times } from "./extents.ts";
import { contradiction, type Fact, inputAt, type Rule, type Site, UNKNOWN } from "./rule.ts";

type Of<Kind extends Op["kind"]> = Extract<Op, { kind: Kind }>;

export const conv: Rule<"conv"> = (op, site) => {
  const data = inputAt(site, 0);
  const weight = inputAt(site, 1).shape;
  if (data.shape === null) return [{ type: data.type, shape: null }];
  const [batch = null, channels = null, ...spatial] = data.shape;
  checkChannels(channels, weight?.[1] ?? null, op.group, site);
  const kernel = weight?.slice(2) ?? op.kernelShape;
  const sizes = spatial.map((extent, axis) =>
    windowCount(extent, axis, { ...op, ceilMode: false }, kernel?.[axis] ?? null, site),
  );
  return [{ type: data.type, shape: [batch, weight?.[0] ?? null, ...sizes] }];
};

function checkChannels(channels: Extent, perGroup: Extent, group: number, site: Site): void {
  if (typeof channels !== "number" || typeof perGroup !== "number") return;
  if (channels === perGroup * group) return;
  throw contradiction(
    site.node,
    `the input has ${channels} channels, but the weight expects ${perGroup} x ${group} groups.`,
  );
}

/** Number of window positions along one axis; where nothing is cut off and the stride is 1, a symbol stays. */
function windowCount(
  extent: Extent,
  axis: number,
  window: Window & { readonly ceilMode: boolean },
  kernel: Extent,
  site: Site,
): Extent {
  const stride = window.strides[axis] ?? 1;
  const reach =
    typeof kernel === "number" ? (kernel - 1) * (window.dilations[axis] ?? 1) + 1 : null;
  if (window.autoPad.startsWith("SAME")) return sameCount(extent, stride);
  if (reach === null) return null;
  const [begin, end] = padsOf(window, axis);
  if (typeof extent !== "number") return stride === 1 && begin + end === reach - 1 ? extent : null;
  const room = extent + begin + end - reach;
  if (room < 0) {
    throw contradiction(
      site.node,
      `a window of ${reach} doesn't fit into ${extent} + ${begin + end} padded elements.`,
    );
  }
  return window.ceilMode ? ceilCount(room, stride, extent + begin) : Math.floor(room / stride) + 1;
}

function sameCount(extent: Extent, stride: number): Extent {
  if (stride === 1) return extent;
  return typeof extent === "number" ? Math.ceil(extent / stride) : null;
}

function padsOf(window: Window, axis: number): readonly [number, number] {
  if (window.autoPad !== "NOTSET") return [0, 0];
  const axes = window.pads.length / 2;
  return [window.pads[axis] ?? 0, window.pads[axis + axes] ?? 0];
}

// The last window must start inside the input or its left padding.
function ceilCount(room: number, stride: number, inside: number): number {
  const count = Math.ceil(room / stride) + 1;
  return (count - 1) * stride >= inside ? count - 1 : count;
}

export const convTranspose: Rule<"convTranspose"> = (op, site) => {
  const data = inputAt(site, 0);
  const weight = inputAt(site, 1).shape;
  if (data.shape === null) return [{ type: data.type, shape: null }];
  const [batch = null, channels = null, ...spatial] = data.shape;
  checkChannels(channels, weight?.[0] ?? null, 1, site);
  const out = weight?.[1];
  const kernel = weight?.slice(2) ?? op.kernelShape;
  const sizes = spatial.map((extent, axis) =>
    transposedExtent(extent, axis, op, kernel?.[axis] ?? null),
  );
  return [
    { type: data.type, shape: [batch, typeof out === "number" ? out * op.group : null, ...sizes] },
  ];
};

function transposedExtent(
  extent: Extent,
  axis: number,
  op: Of<"convTranspose">,
  kernel: Extent,
): Extent {
  const given = op.outputShape?.[axis];
  if (given !== undefined) return given;
  if (typeof extent !== "number" || typeof kernel !== "number") return null;
  const stride = op.strides[axis] ?? 1;
  if (op.autoPad.startsWith("SAME")) return extent * stride;
  const [begin, end] = padsOf(op, axis);
  const reach = (kernel - 1) * (op.dilations[axis] ?? 1) + 1;
  return stride * (extent - 1) + (op.outputPadding[axis] ?? 0) + reach - begin - end;
}

export const pool: Rule<"pool"> = (op, site) => {
  const data = inputAt(site, 0);
  if (data.shape === null) return [{ type: data.type, shape: null }, UNKNOWN];
  const [batch = null, channels = null, ...spatial] = data.shape;
  const sizes = spatial.map((extent, axis) =>
    windowCount(extent, axis, op, op.kernelShape?.[axis] ?? null, site),
  );
  const shape = [batch, channels, ...sizes];
  return [
    { type: data.type, shape },
    { type: "int64", shape },
  ];
};

export const globalPool: Rule<"globalPool"> = (_op, site) => {
  const data = inputAt(site, 0);
  const shape = data.shape?.map((extent, axis) => (axis < 2 ? extent : 1)) ?? null;
  return [{ type: data.type, shape }];
};

export const resize: Rule<"resize"> = (op, site) => {
  const data = inputAt(site, 0);
  const plain = site.node.attributes.get("keep_aspect_ratio_policy");
  const stretches = plain?.kind !== "string" || plain.value === "stretch";
  if (data.shape === null || !stretches) return [{ type: data.type, shape: null }];
  const axes = (op.axes ?? data.shape.map((_, axis) => axis)).map((axis) =>
    axis < 0 ? axis + (data.shape?.length ?? 0) : axis,
  );
  const shape = data.shape.map((extent, axis) => resizedExtent(extent, axes.indexOf(axis), op));
  return [{ type: data.type, shape }];
};

function resizedExtent(extent: Extent, index: number, op: Of<"resize">): Extent {
  if (index < 0) return extent;
  if (op.sizes !== null && op.sizes.length > 0) return op.sizes[index] ?? null;
  const scale = op.scales?.[index];
  if (scale === undefined) return null;
  return typeof extent === "number" ? Math.floor(extent * scale) : times(extent, scale);
}

/** Ops that leave the shape of their first input as it is; further outputs are unknown. */
export function sameShape(_op: Op, site: Site): readonly Fact[] {
  return [inputAt(site, 0)];
}
