import type { Op } from "../../graph/op.ts";
import { describe, inputAxes, type Propagation, type Rule, setAxes } from "../propagation.ts";
import { forget } from "./forget.ts";

type Kind<K extends Op["kind"]> = Extract<Op, { kind: K }>;

/**
 * Channels become pixels: of [C] = [b * b * C'] (mode DCR) or [C' * b * b] (CRD) a channel of the result goes with all b * b
 * channels that are its pixels.
 */
export const depthToSpace: Rule<Kind<"depthToSpace">> = (node, op, flow) => {
  const [batch = null, channels = null, ...spatial] = inputAxes(flow, node, 0);
  if (channels === null || spatial.some((axis) => axis !== null)) {
    forget(flow, node, `${describe(node)} moves channels into an image that can't be pruned`);
    return;
  }
  const pixels = op.blockSize ** 2;
  const left = flow.elements.fresh(channels.length / pixels);
  const within = flow.elements.fresh(pixels);
  flow.elements.pin(within, `${describe(node)} makes pixels of it`);
  channels.forEach((element, index) => {
    const isInner = op.mode === "CRD";
    const channel = isInner ? Math.floor(index / pixels) : index % left.length;
    const pixel = isInner ? index % pixels : Math.floor(index / left.length);
    uniteWithProduct(flow, element, [left[channel] ?? 0, within[pixel] ?? 0]);
  });
  setAxes(flow, node.outputs[0], [batch, left, ...spatial.map(() => null)]);
};

/** Pixels become channels: [C] becomes [b * b * C]; each channel is there b * b times. */
export const spaceToDepth: Rule<Kind<"spaceToDepth">> = (node, op, flow) => {
  const [batch = null, channels = null, ...spatial] = inputAxes(flow, node, 0);
  if (channels === null || spatial.some((axis) => axis !== null)) {
    forget(flow, node, `${describe(node)} moves an image that can't be pruned into channels`);
    return;
  }
  const { length } = channels;
  const repeated = Int32Array.from(
    { length: length * op.blockSize ** 2 },
    (_, index) => channels[index % length] ?? 0,
  );
  setAxes(flow, node.outputs[0], [batch, repeated, ...spatial.map(() => null)]);
};

/** Statistics are taken over the channels of a group, so that groups go whole. Scale and bias are per channel or per group. */
export const groupNorm: Rule<Kind<"groupNorm">> = (node, op, flow) => {
  const axes = inputAxes(flow, node, 0);
  const [batch = null, channels = null, ...spatial] = axes;
  if (channels === null || spatial.some((axis) => axis !== null)) {
    forget(flow, node, `${describe(node)} normalises over an axis that can't be pruned`);
    return;
  }
  const reason = `${describe(node)} normalises over the channels of a group`;
  const groups = flow.elements.fresh(op.groups);
  const width = channels.length / op.groups;
  const within = flow.elements.fresh(width);
  flow.elements.pin(within, reason);
  channels.forEach((element, index) => {
    const group = groups[Math.floor(index / width)] ?? 0;
    uniteWithProduct(flow, element, [group, within[index % width] ?? 0]);
  });
  for (const index of [1, 2]) {
    const [parameter = null] = inputAxes(flow, node, index);
    if (parameter === null) flow.elements.pin(channels, reason);
    else flow.elements.uniteAll(parameter, parameter.length === groups.length ? groups : channels);
  }
  setAxes(flow, node.outputs[0], [batch, channels, ...spatial.map(() => null)]);
};

function uniteWithProduct({ elements }: Propagation, element: number, parts: number[]): void {
  elements.unite(element, elements.product(parts));
}
