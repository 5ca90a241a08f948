import type { Random } from "../core/random.ts";
import { randomFrom } from "../core/random.ts";
import {
  between,
  type Canvas,
  type Colour,
  checkPattern,
  direction,
  fill,
  light,
  noisePattern,
  type Pattern,
  type Placement,
  paint,
  quantise,
  stripePattern,
  type Texture,
} from "./shape-canvas.ts";
import { polygonOutline, SHAPES } from "./shape-outlines.ts";

/** The drawn set: which pictures it consists of. */
export interface ShapeSet {
  /** Pixels per side. */
  readonly size: number;
  readonly seed: number;
  readonly split: "train" | "test";
}

export interface Drawing {
  readonly label: number;
  /** Channel-major RGB bytes, 3 x size x size. */
  readonly pixels: Uint8Array;
}

/** Names of the classes, by label. */
export const SHAPE_NAMES: readonly string[] = SHAPES.map((shape) => shape.name);

/**
 * Draws one picture of the set: a large shape in front of a textured background with smaller clutter, partly covered, under
 * uneven light, with noise. How much of all that there is varies evenly from picture to picture, from hardly any to a lot. The same set and index give the same bytes on every platform: beyond the arithmetic that IEEE 754
 * fixes, only square roots are used. Labels take turns, so that any prefix of the set is balanced.
 *
 * @example
 * drawShape({ size: 64, seed: 1, split: "test" }, 3).label // 3
 */
export function drawShape(set: ShapeSet, index: number): Drawing {
  const stream = Math.imul(set.seed, 2) + (set.split === "train" ? 0 : 1);
  const random = randomFrom(Math.imul(stream, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca77));
  const label = index % SHAPES.length;
  const canvas: Canvas = { size: set.size, data: new Float32Array(3 * set.size * set.size) };
  const hardness = random.next();
  const ground = randomColour(random);
  fill(canvas, texture(ground, hardness * between(random, 0.1, 0.6), random));
  for (let left = random.integer(1 + Math.floor(hardness * 14)); left > 0; left -= 1) {
    drawClutter(canvas, random);
  }
  drawMain(canvas, label, ground, hardness, random);
  light(canvas, 0.35 * hardness, random);
  return {
    label,
    pixels: quantise(canvas, between(random, 0.004, 0.01 + 0.1 * hardness), random),
  };
}

function drawMain(
  canvas: Canvas,
  label: number,
  ground: Colour,
  hardness: number,
  random: Random,
): void {
  const radius = between(random, 0.74 - 0.49 * hardness, 0.78);
  const room = Math.max(0.04, 0.92 - radius);
  const x = between(random, -room, room);
  const y = between(random, -room, room);
  const at = placement(x, y, radius, between(random, 1 - 0.34 * hardness, 1), random);
  const colour = contrasting(
    ground,
    between(random, 0.4 - 0.28 * hardness, 0.5 - 0.1 * hardness),
    random,
  );
  const softness = between(random, 0.8, 1 + 2 * hardness) * (canvas.size / 64);
  const outline = SHAPES[label]?.outline ?? (() => 1);
  paint(canvas, outline, at, texture(colour, hardness * between(random, 0, 0.4), random), softness);
  for (let left = random.integer(1 + Math.floor(hardness * 4)); left > 0; left -= 1) {
    const [towardsX, towardsY] = direction(random);
    const reach = radius * between(random, 0.1, 1.0);
    const size = radius * between(random, 0.2, 0.5);
    const over = placement(x + towardsX * reach, y + towardsY * reach, size, 0.4, random);
    paint(canvas, blob(random), over, texture(randomColour(random), 0.25, random), 1);
  }
}

function drawClutter(canvas: Canvas, random: Random): void {
  const radius = between(random, 0.06, 0.26);
  const x = between(random, -1, 1);
  const y = between(random, -1, 1);
  // A line, a small copy of some class (never the largest thing in the picture), or a crooked blob.
  const kind = random.integer(3);
  const slim = kind === 0 ? between(random, 0.08, 0.2) : between(random, 0.6, 1);
  const length = kind === 0 ? radius * 2.5 : radius * 0.8;
  const at = placement(x, y, length, slim, random);
  const outline = kind === 1 ? SHAPES[random.integer(SHAPES.length)]?.outline : blob(random);
  const paintwork = texture(randomColour(random), between(random, 0, 0.3), random);
  paint(canvas, outline ?? blob(random), at, paintwork, between(random, 0.8, 2));
}

/** A crooked quadrilateral around the centre. */
function blob(random: Random): (x: number, y: number) => number {
  const reach = (): number => between(random, 0.55, 1);
  return polygonOutline([0, -reach(), reach(), 0, 0, reach(), -reach(), 0]);
}

/** Turned at will, `slim` times as wide as long, a little sheared. */
function placement(x: number, y: number, radius: number, slim: number, random: Random): Placement {
  const [cosine, sine] = direction(random);
  const shear = between(random, -0.18, 0.18);
  const wide = radius * slim;
  return {
    x,
    y,
    axisX: [radius * cosine, radius * sine],
    axisY: [wide * (-sine + shear * cosine), wide * (cosine + shear * sine)],
  };
}

function texture(base: Colour, variation: number, random: Random): Texture {
  const other = randomColour(random);
  const towards = (channel: 0 | 1 | 2): number =>
    base[channel] + (other[channel] - base[channel]) * variation;
  return { first: base, second: [towards(0), towards(1), towards(2)], pattern: pattern(random) };
}

function pattern(random: Random): Pattern {
  switch (random.integer(4)) {
    case 0:
      return noisePattern(2 + random.integer(4), random);
    case 1:
      return noisePattern(6 + random.integer(10), random);
    case 2:
      return stripePattern(between(random, 0.12, 0.6), random);
    default:
      return checkPattern(between(random, 0.12, 0.5), random);
  }
}

function randomColour(random: Random): Colour {
  return [random.next(), random.next(), random.next()];
}

/** A colour whose mean distance per channel from another is near the one asked for. */
function contrasting(from: Colour, distance: number, random: Random): Colour {
  let best: Colour = from;
  let error = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 12; attempt += 1) {
    const colour = randomColour(random);
    const apart =
      (Math.abs(colour[0] - from[0]) +
        Math.abs(colour[1] - from[1]) +
        Math.abs(colour[2] - from[2])) /
      3;
    if (Math.abs(apart - distance) < error) {
      error = Math.abs(apart - distance);
      best = colour;
    }
  }
  return best;
}
