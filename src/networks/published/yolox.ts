/** YOLOX (Ge et al., 2107.08430) and YOLOv5 (its public configuration), which share their blocks. */
import { detections, type Level } from "./detections.ts";
import { type Activation, type Maker, type Map2d, maker, type Published } from "./maker.ts";

interface Sizes {
  readonly depth: number;
  readonly width: number;
  readonly depthwise: boolean;
}

const SHAPES = {
  yoloxn: { depth: 0.33, width: 0.25, depthwise: true },
  yoloxt: { depth: 0.33, width: 0.375, depthwise: false },
  yoloxs: { depth: 0.33, width: 0.5, depthwise: false },
  yoloxm: { depth: 0.67, width: 0.75, depthwise: false },
  yoloxl: { depth: 1, width: 1, depthwise: false },
} as const satisfies Record<string, Sizes>;

export type YoloxName = keyof typeof SHAPES;

interface Units {
  readonly m: Maker;
  readonly unit: (x: Map2d, to: number, kernel?: number, stride?: number) => Map2d;
  /** The same, split into a depthwise and a pointwise one in the nano. */
  readonly large: (x: Map2d, to: number, stride?: number) => Map2d;
  readonly inner: (width: number) => number;
}

function unitsOf(m: Maker, depthwise: boolean, act: Activation, share: number): Units {
  const unit: Units["unit"] = (x, to, kernel = 1, stride = 1) =>
    m.conv(x, to, { kernel, stride, act });
  return {
    m,
    unit,
    inner: (width) => (share === 1 ? width : 8 * Math.max(1, Math.round((share * width) / 8))),
    large: (x, to, stride = 1) =>
      depthwise
        ? unit(m.conv(x, x.channels, { kernel: 3, stride, groups: x.channels, act }), to)
        : unit(x, to, 3, stride),
  };
}

/** Two halves, one through a chain of bottlenecks (Wang et al., 1911.11929). */
function crossStage(u: Units, x: Map2d, to: number, count: number, shortcut: boolean): Map2d {
  const hidden = u.inner(to / 2);
  let chain = u.unit(x, hidden);
  const beside = u.unit(x, hidden);
  for (let at = 0; at < count; at += 1) {
    const next = u.large(u.unit(chain, hidden), hidden);
    chain = shortcut ? u.m.binary("Add", next, chain) : next;
  }
  return u.unit(u.m.concat(chain, beside), to);
}

function pyramidPool(u: Units, x: Map2d): Map2d {
  const half = u.unit(x, x.channels / 2);
  const pooled = [5, 9, 13].map((kernel) => u.m.pool(half, kernel, 1, { padding: kernel >> 1 }));
  return u.unit(u.m.concat(half, ...pooled), x.channels);
}

/** @param share of the widths inside of blocks that are kept, for networks that were pruned */
export function yolox(
  name: YoloxName,
  side = 640,
  classes = 80,
  options: { readonly act?: Activation; readonly share?: number } = {},
): Published {
  const { depth, width, depthwise } = SHAPES[name];
  const { act = "silu", share = 1 } = options;
  const m = maker(name, side);
  const u = unitsOf(m, depthwise, act, share);
  const base = Math.round(64 * width);
  const few = Math.max(1, Math.round(3 * depth));
  let x = u.unit(focus(m, m.input), base, 3);
  x = crossStage(u, u.large(x, 2 * base, 2), 2 * base, few, true);
  const p3 = crossStage(u, u.large(x, 4 * base, 2), 4 * base, 3 * few, true);
  const p4 = crossStage(u, u.large(p3, 8 * base, 2), 8 * base, 3 * few, true);
  x = pyramidPool(u, u.large(p4, 16 * base, 2));
  const p5 = crossStage(u, x, 16 * base, few, false);
  const neck = (to: number, ...parts: readonly Map2d[]): Map2d =>
    crossStage(u, m.concat(...parts), to, few, false);
  const lateral = u.unit(p5, 8 * base);
  const middle = neck(8 * base, m.up(lateral, p4.height, p4.width), p4);
  const reduced = u.unit(middle, 4 * base);
  const n3 = neck(4 * base, m.up(reduced, p3.height, p3.width), p3);
  const n4 = neck(8 * base, u.large(n3, 4 * base, 2), reduced);
  const n5 = neck(16 * base, u.large(n4, 8 * base, 2), lateral);
  const levels = [n3, n4, n5].map((level): Level => decoupled(u, level, 4 * base, classes));
  return detections(m, levels, "rows");
}

/** Four pictures of half the size, side by side. */
function focus(m: Maker, x: Map2d): Map2d {
  const part = (top: number, left: number): Map2d => {
    const shape = { channels: x.channels, height: x.height / 2, width: x.width / 2 };
    const ends = m.ints([x.height, x.width]);
    const inputs = [x.name, m.ints([top, left]), ends, m.ints([2, 3]), m.ints([2, 2])];
    return m.map("Slice", inputs, shape);
  };
  return m.concat(part(0, 0), part(1, 0), part(0, 1), part(1, 1));
}

function decoupled(u: Units, x: Map2d, hidden: number, classes: number): Level {
  const stem = u.unit(x, hidden);
  const kinds = u.large(u.large(stem, hidden), hidden);
  const places = u.large(u.large(stem, hidden), hidden);
  const out = (from: Map2d, to: number): Map2d => u.m.conv(from, to, { norm: false });
  const sure = (from: Map2d): Map2d => u.m.map("Sigmoid", [from.name], from);
  return {
    map: u.m.concat(out(places, 4), sure(out(places, 1)), sure(out(kinds, classes))),
  };
}

/** YOLOv5 small, version 6 and later. */
export function yolov5s(side = 640, classes = 80): Published {
  const m = maker("yolov5s", side);
  const u = unitsOf(m, false, "silu", 1);
  let x = m.conv(m.input, 32, { kernel: 6, stride: 2, padding: 2, act: "silu" });
  x = crossStage(u, u.unit(x, 64, 3, 2), 64, 1, true);
  const p3 = crossStage(u, u.unit(x, 128, 3, 2), 128, 2, true);
  const p4 = crossStage(u, u.unit(p3, 256, 3, 2), 256, 3, true);
  x = crossStage(u, u.unit(p4, 512, 3, 2), 512, 1, true);
  const p5 = chainPool(u, x, 512);
  const lateral = u.unit(p5, 256);
  const middle = crossStage(u, m.concat(m.up(lateral, p4.height, p4.width), p4), 256, 1, false);
  const reduced = u.unit(middle, 128);
  const n3 = crossStage(u, m.concat(m.up(reduced, p3.height, p3.width), p3), 128, 1, false);
  const n4 = crossStage(u, m.concat(u.unit(n3, 128, 3, 2), reduced), 256, 1, false);
  const n5 = crossStage(u, m.concat(u.unit(n4, 256, 3, 2), lateral), 512, 1, false);
  const levels = [n3, n4, n5].map((level): Level => {
    const map = m.conv(level, 3 * (classes + 5), { norm: false });
    return { map: m.map("Sigmoid", [map.name], map) };
  });
  return detections(m, levels, "rows");
}

/** Three poolings one behind the other, each beside the one before. */
function chainPool(u: Units, x: Map2d, to: number): Map2d {
  const parts = [u.unit(x, x.channels / 2)];
  for (let at = 0; at < 3; at += 1) {
    const last = parts.at(-1);
    if (last !== undefined) parts.push(u.m.pool(last, 5, 1, { padding: 2 }));
  }
  return u.unit(u.m.concat(...parts), to);
}
