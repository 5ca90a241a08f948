/** YOLOv8, YOLOv9 (2402.13616) and YOLOv10 (2405.14458) by their public configurations. */
import { detections, type Level } from "./detections.ts";
import { type Maker, type Map2d, maker, type Published } from "./maker.ts";

interface Scale {
  readonly depth: number;
  readonly width: number;
  readonly most: number;
}

const SCALES = {
  n: { depth: 0.33, width: 0.25, most: 1024 },
  s: { depth: 0.33, width: 0.5, most: 1024 },
  m: { depth: 0.67, width: 0.75, most: 768 },
} as const satisfies Record<string, Scale>;

type ScaleName = keyof typeof SCALES;

function unit(m: Maker, x: Map2d, to: number, kernel = 1, stride = 1): Map2d {
  return m.conv(x, to, { kernel, stride, act: "silu" });
}

function depthwise(
  m: Maker,
  x: Map2d,
  kernel = 3,
  act: "silu" | "none" = "silu",
  stride = 1,
): Map2d {
  return m.conv(x, x.channels, { kernel, stride, groups: x.channels, act });
}

/** Two halves; the second goes on through blocks, all of whose results are kept. */
function crossStage(
  m: Maker,
  x: Map2d,
  to: number,
  count: number,
  block: (part: Map2d) => Map2d,
): Map2d {
  const half = to / 2;
  const parts = [...m.split(unit(m, x, to), [half, half])];
  for (let at = 0; at < count; at += 1) {
    const last = parts.at(-1);
    if (last !== undefined) parts.push(block(last));
  }
  return unit(m, m.concat(...parts), to);
}

function bottleneck(m: Maker, shortcut: boolean): (x: Map2d) => Map2d {
  return (x) => {
    const y = unit(m, unit(m, x, x.channels, 3), x.channels, 3);
    return shortcut ? m.binary("Add", y, x) : y;
  };
}

/** Depthwise and pointwise by turns; `large` with a kernel of 7 in the middle. */
function invertedBlock(m: Maker, large: boolean): (x: Map2d) => Map2d {
  return (x) => {
    const wide = unit(m, depthwise(m, x), 2 * x.channels);
    const middle = depthwise(m, wide, large ? 7 : 3);
    return m.binary("Add", depthwise(m, unit(m, middle, x.channels)), x);
  };
}

export function chainPool(m: Maker, x: Map2d, inner: number, to: number): Map2d {
  const parts = [unit(m, x, inner)];
  for (let at = 0; at < 3; at += 1) {
    const last = parts.at(-1);
    if (last !== undefined) parts.push(m.pool(last, 5, 1, { padding: 2 }));
  }
  return unit(m, m.concat(...parts), to);
}

/** Box sides in bins, and kinds, each through two convolutions of its own; `light` has depthwise ones for the kinds. */
function heads(
  m: Maker,
  maps: readonly Map2d[],
  classes: number,
  light: boolean,
): readonly Level[] {
  const first = maps[0]?.channels ?? 0;
  const boxes = Math.max(16, Math.floor(first / 4), 64);
  const kinds = Math.max(first, Math.min(classes, 100));
  return maps.map((x) => {
    const sides = unit(m, unit(m, x, boxes, 3), boxes, 3);
    const named = light
      ? unit(m, depthwise(m, unit(m, depthwise(m, x), kinds)), kinds)
      : unit(m, unit(m, x, kinds, 3), kinds, 3);
    return {
      map: m.conv(named, classes, { norm: false }),
      bins: m.conv(sides, 64, { norm: false }),
    };
  });
}

function scaled(scale: ScaleName): {
  readonly width: (full: number) => number;
  readonly depth: (full: number) => number;
} {
  const { depth, width, most } = SCALES[scale];
  return {
    width: (full) => 8 * Math.ceil((Math.min(full, most) * width) / 8),
    depth: (full) => Math.max(1, Math.round(full * depth)),
  };
}

export function yolov8(scale: ScaleName, side = 640, classes = 80): Published {
  const m = maker(`yolov8${scale}`, side);
  const { width, depth } = scaled(scale);
  const stage = (x: Map2d, to: number, count: number, shortcut: boolean): Map2d =>
    crossStage(m, x, width(to), depth(count), bottleneck(m, shortcut));
  const down = (x: Map2d, to: number): Map2d => unit(m, x, width(to), 3, 2);
  const p2 = stage(down(down(m.input, 64), 128), 128, 3, true);
  const p3 = stage(down(p2, 256), 256, 6, true);
  const p4 = stage(down(p3, 512), 512, 6, true);
  const top = stage(down(p4, 1024), 1024, 3, true);
  const p5 = chainPool(m, top, width(1024) / 2, width(1024));
  const n4 = stage(m.concat(m.up(p5, p4.height, p4.width), p4), 512, 3, false);
  const n3 = stage(m.concat(m.up(n4, p3.height, p3.width), p3), 256, 3, false);
  const o4 = stage(m.concat(down(n3, 256), n4), 512, 3, false);
  const o5 = stage(m.concat(down(o4, 512), p5), 1024, 3, false);
  return detections(m, heads(m, [n3, o4, o5], classes, false), "bins");
}

export function yolov10(scale: ScaleName, side = 640, classes = 80): Published {
  const m = maker(`yolov10${scale}`, side);
  const { width, depth } = scaled(scale);
  const stage = (
    x: Map2d,
    to: number,
    count: number,
    kind: "plain" | "add" | "light" | "large",
  ): Map2d => {
    const block =
      kind === "plain" || kind === "add"
        ? bottleneck(m, kind === "add")
        : invertedBlock(m, kind === "large");
    return crossStage(m, x, width(to), depth(count), block);
  };
  const down = (x: Map2d, to: number): Map2d => unit(m, x, width(to), 3, 2);
  // Channels change first, then the size.
  const apart = (x: Map2d, to: number): Map2d => depthwise(m, unit(m, x, width(to)), 3, "none", 2);
  const p2 = stage(down(down(m.input, 64), 128), 128, 3, "add");
  const p3 = stage(down(p2, 256), 256, 6, "add");
  const p4 = stage(apart(p3, 512), 512, 6, "add");
  const kinds = { n: "add", s: "large", m: "light" } as const;
  const top = stage(apart(p4, 1024), 1024, 3, kinds[scale]);
  const p5 = partialAttention(m, chainPool(m, top, width(1024) / 2, width(1024)));
  const n4 = stage(m.concat(m.up(p5, p4.height, p4.width), p4), 512, 3, "plain");
  const n3 = stage(m.concat(m.up(n4, p3.height, p3.width), p3), 256, 3, "plain");
  const o4 = stage(m.concat(down(n3, 256), n4), 512, 3, scale === "m" ? "light" : "plain");
  const o5 = stage(m.concat(apart(o4, 512), p5), 1024, 3, scale === "m" ? "light" : "large");
  return detections(m, heads(m, [n3, o4, o5], classes, true), "bins");
}

/** Half of the channels attend to each other across the picture. */
function partialAttention(m: Maker, x: Map2d): Map2d {
  const half = x.channels / 2;
  const [kept, part] = m.split(unit(m, x, 2 * half), [half, half]);
  if (kept === undefined || part === undefined) return x;
  const attended = m.binary("Add", attention(m, part), part);
  const inner = m.conv(unit(m, attended, 2 * half), half);
  return unit(m, m.concat(kept, m.binary("Add", inner, attended)), x.channels);
}

function attention(m: Maker, x: Map2d): Map2d {
  const headCount = Math.max(1, Math.floor(x.channels / 64));
  const wide = x.channels / headCount;
  const narrow = wide / 2;
  const cells = x.height * x.width;
  const all = m.conv(x, x.channels + 2 * narrow * headCount);
  const rows = m.node("Reshape", [all.name, m.ints([1, headCount, wide + 2 * narrow, cells])]);
  const query = m.node("Split", [rows, m.ints([narrow, narrow, wide])], { axis: 2 }, 3);
  const turned = m.node("Transpose", [query], { perm: [0, 1, 3, 2] });
  const scores = m.node("Mul", [
    m.node("MatMul", [turned, `${query}1`]),
    m.floats([narrow ** -0.5]),
  ]);
  const shares = m.node("Transpose", [m.node("Softmax", [scores], { axis: -1 })], {
    perm: [0, 1, 3, 2],
  });
  const seen = m.node("MatMul", [`${query}2`, shares]);
  const mixed: Map2d = {
    ...x,
    name: m.node("Reshape", [seen, m.ints([1, x.channels, x.height, x.width])]),
  };
  const values: Map2d = {
    ...x,
    name: m.node("Reshape", [`${query}2`, m.ints([1, x.channels, x.height, x.width])]),
  };
  return m.conv(m.binary("Add", mixed, depthwise(m, values, 3, "none")), x.channels);
}

/** Widths of the stem, of the four stages (written, inner), of the neck, and of the way down in it; blocks in a chain. */
interface NineShape {
  readonly stem: readonly [number, number];
  readonly first: "short" | number;
  readonly stages: readonly (readonly [number, number])[];
  readonly neck: readonly (readonly [number, number])[];
  readonly down: readonly [number, number];
  readonly chain: number;
}

const NINES = {
  t: {
    stem: [16, 32],
    first: "short",
    stages: [
      [32, 32],
      [64, 64],
      [96, 96],
      [128, 128],
    ],
    neck: [
      [96, 96],
      [64, 64],
      [96, 96],
      [128, 128],
    ],
    down: [48, 64],
    chain: 3,
  },
  s: {
    stem: [32, 64],
    first: "short",
    stages: [
      [64, 64],
      [128, 128],
      [192, 192],
      [256, 256],
    ],
    neck: [
      [192, 192],
      [128, 128],
      [192, 192],
      [256, 256],
    ],
    down: [96, 128],
    chain: 3,
  },
  m: {
    stem: [32, 64],
    first: 1,
    stages: [
      [128, 128],
      [240, 240],
      [360, 360],
      [480, 480],
    ],
    neck: [
      [360, 360],
      [240, 240],
      [360, 360],
      [480, 480],
    ],
    down: [184, 240],
    chain: 1,
  },
} as const satisfies Record<string, NineShape>;

export function yolov9(scale: keyof typeof NINES, side = 640, classes = 80): Published {
  const shape: NineShape = NINES[scale];
  const m = maker(`yolov9${scale}`, side);
  const at = (
    list: readonly (readonly [number, number])[],
    index: number,
  ): readonly [number, number] => list[index] ?? [0, 0];
  const stage = (x: Map2d, [to, inner]: readonly [number, number]): Map2d =>
    aggregated(m, x, to, inner, inner / 2, (part) =>
      unit(m, chainStage(m, part, inner / 2, shape.chain), inner / 2, 3),
    );
  const down = (x: Map2d, to: number): Map2d =>
    unit(m, m.pool(x, 2, 1, { average: true }), to, 3, 2);
  let x = unit(m, unit(m, m.input, shape.stem[0], 3, 2), shape.stem[1], 3, 2);
  const [to, inner] = at(shape.stages, 0);
  x =
    shape.first === "short"
      ? aggregated(m, x, to, inner, inner / 2, (part) => unit(m, part, inner / 2, 3))
      : stage(x, [to, inner]);
  const p3 = stage(down(x, at(shape.stages, 1)[0]), at(shape.stages, 1));
  const p4 = stage(down(p3, at(shape.stages, 2)[0]), at(shape.stages, 2));
  const top = stage(down(p4, at(shape.stages, 3)[0]), at(shape.stages, 3));
  const p5 = chainPool(m, top, top.channels / 2, top.channels);
  const n4 = stage(m.concat(m.up(p5, p4.height, p4.width), p4), at(shape.neck, 0));
  const n3 = stage(m.concat(m.up(n4, p3.height, p3.width), p3), at(shape.neck, 1));
  const o4 = stage(m.concat(down(n3, shape.down[0]), n4), at(shape.neck, 2));
  const o5 = stage(m.concat(down(o4, shape.down[1]), p5), at(shape.neck, 3));
  return detections(m, heads(m, [n3, o4, o5], classes, false), "bins");
}

/** Two halves and two further results, side by side. */
function aggregated(
  m: Maker,
  x: Map2d,
  to: number,
  inner: number,
  _width: number,
  block: (part: Map2d) => Map2d,
): Map2d {
  const [first, second] = m.split(unit(m, x, inner), [inner / 2, inner / 2]);
  if (first === undefined || second === undefined) return x;
  const third = block(second);
  return unit(m, m.concat(first, second, third, block(third)), to);
}

/** Two halves, one through bottlenecks whose first convolution had a 1x1 beside it while it was trained. */
function chainStage(m: Maker, x: Map2d, to: number, count: number): Map2d {
  let chain = unit(m, x, to / 2);
  const beside = unit(m, x, to / 2);
  for (let at = 0; at < count; at += 1) {
    chain = m.binary("Add", unit(m, unit(m, chain, to / 2, 3), to / 2, 3), chain);
  }
  return unit(m, m.concat(chain, beside), to);
}
