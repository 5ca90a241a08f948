/** Networks of inverted residuals: MobileNetV2 (1801.04381), MobileNetV3 (1905.02244) and MixNet (1907.09595). */
import { at } from "../../core/at.ts";
import { type Activation, type Maker, type Map2d, maker, type Published } from "./maker.ts";
import { classified } from "./resnets.ts";

interface Inverted {
  readonly kernels: readonly number[];
  readonly hidden: number;
  readonly to: number;
  readonly stride: number;
  readonly act: Activation;
  /** Channels inside the gate; none without. */
  readonly gate?: number;
  readonly gateAct?: readonly [Activation, Activation];
  /** Groups of the convolution before and after. */
  readonly expandGroups?: number;
  readonly projectGroups?: number;
}

/** Widths are rounded to multiples of 8, by at most a tenth down. */
function divisible(width: number): number {
  const rounded = Math.max(8, 8 * Math.floor((width + 4) / 8));
  return rounded < 0.9 * width ? rounded + 8 : rounded;
}

/** Several groups of channels, each with a kernel of its own. */
function mixed(
  m: Maker,
  x: Map2d,
  widths: readonly number[],
  convolve: (part: Map2d, at: number) => Map2d,
): Map2d {
  if (widths.length === 1) return convolve(x, 0);
  return m.concat(...m.split(x, widths).map(convolve));
}

function evenly(total: number, parts: number): readonly number[] {
  const least = Math.floor(total / parts);
  return Array.from({ length: parts }, (_, at) => (at === 0 ? total - least * (parts - 1) : least));
}

function inverted(m: Maker, x: Map2d, block: Inverted): Map2d {
  const { kernels, hidden, to, stride, act, gate, expandGroups = 1, projectGroups = 1 } = block;
  let y = x;
  if (hidden !== x.channels) {
    const outs = evenly(hidden, expandGroups);
    y = mixed(m, y, evenly(x.channels, expandGroups), (part, index) =>
      m.conv(part, at(outs, index)),
    );
    y = m.act(y, act);
  }
  y = mixed(m, y, evenly(hidden, kernels.length), (part, index) =>
    m.conv(part, part.channels, { kernel: at(kernels, index), stride, groups: part.channels }),
  );
  y = m.act(y, act);
  if (gate !== undefined) {
    const [inner, outer] = block.gateAct ?? (["relu", "hardsigmoid"] as const);
    const squeezed = m.conv(m.globalPool(y), gate, { act: inner, norm: false });
    const opened = m.act(m.conv(squeezed, hidden, { norm: false }), outer);
    y = m.binary("Mul", y, opened);
  }
  const outs = evenly(to, projectGroups);
  y = mixed(m, y, evenly(hidden, projectGroups), (part, index) => m.conv(part, at(outs, index)));
  return stride === 1 && x.channels === to ? m.binary("Add", y, x) : y;
}

/** Stages of MobileNetV2 (its table 2): expansion, written width, blocks, stride of the first one. */
export const MOBILENET_V2_STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** MobileNetV2 at width 1. */
export function mobilenetV2(side = 224, classes = 1000): Published {
  const m = maker("mobilenetv2", side);
  let x = m.conv(m.input, 32, { kernel: 3, stride: 2, act: "relu" });
  for (const [expansion, to, count, first] of MOBILENET_V2_STAGES) {
    for (let block = 0; block < count; block += 1) {
      const shape = { kernels: [3], hidden: expansion * x.channels, to, act: "relu" } as const;
      x = inverted(m, x, { ...shape, stride: block === 0 ? first : 1 });
    }
  }
  return classified(m, m.conv(x, 1280, { act: "relu" }), classes);
}

/** Kernel, hidden width, written width, whether there is a gate, whether hard swish, stride (tables 1 and 2). */
type Row = readonly [number, number, number, boolean, boolean, number];

const V3_LARGE: readonly Row[] = [
  [3, 16, 16, false, false, 1],
  [3, 64, 24, false, false, 2],
  [3, 72, 24, false, false, 1],
  [5, 72, 40, true, false, 2],
  [5, 120, 40, true, false, 1],
  [5, 120, 40, true, false, 1],
  [3, 240, 80, false, true, 2],
  [3, 200, 80, false, true, 1],
  [3, 184, 80, false, true, 1],
  [3, 184, 80, false, true, 1],
  [3, 480, 112, true, true, 1],
  [3, 672, 112, true, true, 1],
  [5, 672, 160, true, true, 2],
  [5, 960, 160, true, true, 1],
  [5, 960, 160, true, true, 1],
];

const V3_SMALL: readonly Row[] = [
  [3, 16, 16, true, false, 2],
  [3, 72, 24, false, false, 2],
  [3, 88, 24, false, false, 1],
  [5, 96, 40, true, true, 2],
  [5, 240, 40, true, true, 1],
  [5, 240, 40, true, true, 1],
  [5, 120, 48, true, true, 1],
  [5, 144, 48, true, true, 1],
  [5, 288, 96, true, true, 2],
  [5, 576, 96, true, true, 1],
  [5, 576, 96, true, true, 1],
];

/** @param share of the hidden widths that are kept, for networks that were pruned */
export function mobilenetV3(
  size: "small" | "large",
  side = 224,
  classes = 1000,
  share = 1,
): Published {
  const m = maker(`mobilenetv3-${size}`, side);
  let x = m.conv(m.input, 16, { kernel: 3, stride: 2, act: "hardswish" });
  for (const [kernel, full, to, gated, swish, stride] of size === "large" ? V3_LARGE : V3_SMALL) {
    const hidden = full === x.channels ? full : divisible(share * full);
    const gate = gated ? { gate: divisible(hidden / 4) } : {};
    const act = swish ? "hardswish" : "relu";
    x = inverted(m, x, { kernels: [kernel], hidden, to, stride, act, ...gate });
  }
  const [wide, last] = size === "large" ? [960, 1280] : [576, 1024];
  x = m.globalPool(m.conv(x, wide, { act: "hardswish" }));
  x = m.act(m.conv(x, last, { norm: false }), "hardswish");
  return m.finish(m.conv(x, classes, { norm: false }).name);
}

/** Kernels, expansion, written width, repeats, stride, gate's share of the block's input, groups before and after, swish. */
type MixRow = readonly [
  readonly number[],
  number,
  number,
  number,
  number,
  number,
  1 | 2,
  1 | 2,
  boolean,
];

const MIX_SMALL: readonly MixRow[] = [
  [[3], 1, 16, 1, 1, 0, 1, 1, false],
  [[3], 6, 24, 1, 2, 0, 2, 2, false],
  [[3], 3, 24, 1, 1, 0, 2, 2, false],
  [[3, 5, 7], 6, 40, 1, 2, 0.5, 1, 1, true],
  [[3, 5], 6, 40, 3, 1, 0.5, 2, 2, true],
  [[3, 5, 7], 6, 80, 1, 2, 0.25, 1, 2, true],
  [[3, 5], 6, 80, 2, 1, 0.25, 1, 2, true],
  [[3, 5, 7], 6, 120, 1, 1, 0.5, 2, 2, true],
  [[3, 5, 7, 9], 3, 120, 2, 1, 0.5, 2, 2, true],
  [[3, 5, 7, 9, 11], 6, 200, 1, 2, 0.5, 1, 1, true],
  [[3, 5, 7, 9], 6, 200, 2, 1, 0.5, 1, 2, true],
];

const MIX_MEDIUM: readonly MixRow[] = [
  [[3], 1, 24, 1, 1, 0, 1, 1, false],
  [[3, 5, 7], 6, 32, 1, 2, 0, 2, 2, false],
  [[3], 3, 32, 1, 1, 0, 2, 2, false],
  [[3, 5, 7, 9], 6, 40, 1, 2, 0.5, 1, 1, true],
  [[3, 5], 6, 40, 3, 1, 0.5, 2, 2, true],
  [[3, 5, 7], 6, 80, 1, 2, 0.25, 1, 1, true],
  [[3, 5, 7, 9], 6, 80, 3, 1, 0.25, 2, 2, true],
  [[3], 6, 120, 1, 1, 0.5, 1, 1, true],
  [[3, 5, 7, 9], 3, 120, 3, 1, 0.5, 2, 2, true],
  [[3, 5, 7, 9], 6, 200, 1, 2, 0.5, 1, 1, true],
  [[3, 5, 7, 9], 6, 200, 3, 1, 0.5, 1, 2, true],
];

/** The large one is the medium one at 1.3 times its widths. */
export function mixnet(
  size: "small" | "medium" | "large",
  side = 224,
  classes = 1000,
  share = 1,
): Published {
  const m = maker(`mixnet-${size}`, side);
  const factor = size === "large" ? 1.3 : 1;
  const rows = size === "small" ? MIX_SMALL : MIX_MEDIUM;
  const stem = divisible(factor * (size === "small" ? 16 : 24));
  let x = m.conv(m.input, stem, { kernel: 3, stride: 2, act: "relu" });
  for (const [kernels, expansion, to, repeats, first, gate, before, after, swish] of rows) {
    for (let block = 0; block < repeats; block += 1) {
      const full = expansion * x.channels;
      const hidden = expansion === 1 ? full : divisible(share * full);
      x = inverted(m, x, {
        ...{ kernels, hidden, to: divisible(factor * to), stride: block === 0 ? first : 1 },
        ...{ act: swish ? "silu" : "relu", expandGroups: before, projectGroups: after },
        ...(gate > 0 ? { gate: Math.max(1, Math.floor(gate * x.channels)) } : {}),
        gateAct: ["silu", "hardsigmoid"],
      });
    }
  }
  return classified(m, m.conv(x, 1536, { act: "relu" }), classes);
}
