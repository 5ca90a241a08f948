/** YOLOv7 and its tiny form (Wang et al., 2207.02696) by their public configurations. */
import { detections, type Level } from "./detections.ts";
import { type Activation, type Maker, type Map2d, maker, type Published } from "./maker.ts";

type Unit = (x: Map2d, to: number, kernel?: number, stride?: number) => Map2d;

function unitOf(m: Maker, act: Activation): Unit {
  return (x, to, kernel = 1, stride = 1) => m.conv(x, to, { kernel, stride, act });
}

export function yolov7tiny(side = 640, classes = 80): Published {
  const m = maker("yolov7t", side);
  const unit = unitOf(m, "leaky");
  const layers = (x: Map2d, inner: number): Map2d => {
    const beside = unit(x, inner);
    const first = unit(x, inner);
    const second = unit(first, inner, 3);
    return unit(m.concat(unit(second, inner, 3), second, first, beside), 2 * inner);
  };
  const halved = (x: Map2d): Map2d => m.pool(x, 2, 2);
  let x = layers(unit(unit(m.input, 32, 3, 2), 64, 3, 2), 32);
  const p3 = layers(halved(x), 64);
  const p4 = layers(halved(p3), 128);
  x = layers(halved(p4), 256);
  const beside = unit(x, 256);
  const inner = unit(x, 256);
  const pools = [5, 9, 13].map((kernel) => m.pool(inner, kernel, 1, { padding: kernel >> 1 }));
  const p5 = unit(m.concat(unit(m.concat(...pools, inner), 256), beside), 256);
  const joined = (small: Map2d, large: Map2d, width: number): Map2d =>
    m.concat(unit(large, width), m.up(unit(small, width), large.height, large.width));
  const n4 = layers(joined(p5, p4, 128), 64);
  const n3 = layers(joined(n4, p3, 64), 32);
  const o4 = layers(m.concat(unit(n3, 128, 3, 2), n4), 64);
  const o5 = layers(m.concat(unit(o4, 256, 3, 2), p5), 128);
  const levels = [unit(n3, 128, 3), unit(o4, 256, 3), unit(o5, 512, 3)];
  return detections(
    m,
    levels.map((level) => anchored(m, level, classes)),
    "rows",
  );
}

/** Three anchors per cell. */
function anchored(m: Maker, x: Map2d, classes: number): Level {
  const map = m.conv(x, 3 * (classes + 5), { norm: false });
  return { map: m.map("Sigmoid", [map.name], map) };
}

export function yolov7(side = 640, classes = 80): Published {
  const m = maker("yolov7m", side);
  const unit = unitOf(m, "silu");
  // Every second of four convolutions is kept beside the first two.
  const layers = (x: Map2d, inner: number, to: number): Map2d => {
    const beside = unit(x, inner);
    const first = unit(x, inner);
    const third = unit(unit(first, inner, 3), inner, 3);
    const fifth = unit(unit(third, inner, 3), inner, 3);
    return unit(m.concat(fifth, third, first, beside), to);
  };
  // All four are kept.
  const wide = (x: Map2d, to: number): Map2d => {
    const parts = [unit(x, to), unit(x, to)];
    for (let at = 0; at < 4; at += 1) {
      const last = parts.at(-1);
      if (last !== undefined) parts.push(unit(last, to / 2, 3));
    }
    return unit(m.concat(...[...parts].reverse()), to);
  };
  const halved = (x: Map2d, inner: number, ...others: readonly Map2d[]): Map2d => {
    const pooled = unit(m.pool(x, 2, 2), inner);
    return m.concat(unit(unit(x, inner), inner, 3, 2), pooled, ...others);
  };
  let x = unit(unit(unit(m.input, 32, 3), 64, 3, 2), 64, 3);
  x = layers(unit(x, 128, 3, 2), 64, 256);
  const p3 = layers(halved(x, 128), 128, 512);
  const p4 = layers(halved(p3, 256), 256, 1024);
  const p5 = pyramid(m, unit, layers(halved(p4, 512), 256, 1024));
  const joined = (small: Map2d, large: Map2d, width: number): Map2d =>
    m.concat(unit(large, width), m.up(unit(small, width), large.height, large.width));
  const n4 = wide(joined(p5, p4, 256), 256);
  const n3 = wide(joined(n4, p3, 128), 128);
  const o4 = wide(halved(n3, 128, n4), 256);
  const o5 = wide(halved(o4, 256, p5), 512);
  const levels = [unit(n3, 256, 3), unit(o4, 512, 3), unit(o5, 1024, 3)];
  return detections(
    m,
    levels.map((level) => anchored(m, level, classes)),
    "rows",
  );
}

function pyramid(m: Maker, unit: Unit, x: Map2d): Map2d {
  const inner = unit(unit(unit(x, 512), 512, 3), 512);
  const pools = [5, 9, 13].map((kernel) => m.pool(inner, kernel, 1, { padding: kernel >> 1 }));
  const first = unit(unit(m.concat(inner, ...pools), 512), 512, 3);
  return unit(m.concat(first, unit(x, 512)), 512);
}
