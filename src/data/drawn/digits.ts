import type { Random } from "../../core/random.ts";
import {
  between,
  type Canvas,
  type Colour,
  direction,
  paint,
  quantise,
  type Texture,
} from "../shape-canvas.ts";
import type { Outline } from "../shape-outlines.ts";
import { type DrawnSet, randomOf } from "./set.ts";

export interface DrawnDigit {
  readonly label: number;
  /** Grey bytes, 28 x 28: bright strokes on black. */
  readonly pixels: Uint8Array;
}

/** Pixels per side. */
export const DIGIT_SIZE = 28;

/** The way of the pen for each digit: points x, y from -1 to 1, y downwards. A point that is said twice stays a corner. */
const STROKES: readonly (readonly number[])[] = [
  [0, -0.9, 0.55, -0.55, 0.6, 0, 0.5, 0.6, 0, 0.9, -0.5, 0.6, -0.6, 0, -0.55, -0.55, 0, -0.9],
  [-0.3, -0.5, 0.05, -0.9, 0.05, -0.9, 0.05, 0.9],
  [-0.55, -0.5, -0.2, -0.9, 0.35, -0.85, 0.55, -0.45, 0.3, 0, -0.55, 0.9, -0.55, 0.9, 0.6, 0.9],
  [
    -0.5, -0.8, 0.1, -0.92, 0.5, -0.55, 0.3, -0.12, -0.1, -0.02, 0.4, 0.15, 0.55, 0.55, 0.1, 0.92,
    -0.55, 0.75,
  ],
  [0.25, 0.9, 0.25, -0.9, 0.25, -0.9, -0.6, 0.3, -0.6, 0.3, 0.65, 0.3],
  [
    0.5, -0.9, -0.4, -0.9, -0.4, -0.9, -0.5, -0.1, -0.5, -0.1, 0.1, -0.25, 0.55, 0.2, 0.4, 0.8,
    -0.1, 0.95, -0.55, 0.75,
  ],
  [
    0.4, -0.9, -0.2, -0.55, -0.55, 0.2, -0.35, 0.8, 0.15, 0.92, 0.55, 0.5, 0.3, 0.05, -0.2, 0.1,
    -0.5, 0.4,
  ],
  [-0.6, -0.9, 0.6, -0.9, 0.6, -0.9, -0.15, 0.9],
  [
    0.1, 0, -0.4, -0.3, -0.35, -0.8, 0.1, -0.92, 0.45, -0.6, 0.3, -0.2, -0.35, 0.2, -0.5, 0.65,
    -0.1, 0.93, 0.4, 0.75, 0.45, 0.3, 0.1, 0,
  ],
  [
    0.5, -0.4, 0.2, -0.02, -0.3, -0.1, -0.5, -0.5, -0.2, -0.9, 0.3, -0.88, 0.5, -0.4, 0.45, 0.3,
    0.1, 0.9,
  ],
];

/**
 * Draws one digit as a pen writes it: points moved a little, corners rounded, the whole turned, sheared and stretched, strokes of
 * one to three pixels. Labels take turns. Same set and index, same bytes on every platform.
 *
 * @example
 * drawDigit({ seed: 1, split: "test" }, 7).label // 7
 */
export function drawDigit(set: DrawnSet, index: number): DrawnDigit {
  const random = randomOf(set, index);
  const label = index % STROKES.length;
  const canvas: Canvas = {
    size: DIGIT_SIZE,
    data: new Float32Array(3 * DIGIT_SIZE * DIGIT_SIZE),
  };
  const points = rounded(rounded(shaken(STROKES[label] ?? [], random)));
  const level = between(random, 0.75, 1);
  const ink: Colour = [level, level, level];
  const texture: Texture = { first: ink, second: ink, pattern: () => 0 };
  const height = between(random, 0.58, 0.74);
  const width = height * between(random, 0.75, 1.05);
  const [, tilt] = direction(random);
  const shear = 0.28 * tilt;
  const turn = between(random, -0.12, 0.12);
  const at = {
    x: between(random, -0.1, 0.1),
    y: between(random, -0.1, 0.1),
    axisX: [width, width * turn],
    axisY: [-height * (shear + turn), height],
  } as const;
  const pen = between(random, 0.07, 0.16);
  paint(canvas, strokeOutline(points, pen), at, texture, 1);
  const pixels = quantise(canvas, between(random, 0.002, 0.02), random);
  return { label, pixels: pixels.slice(0, DIGIT_SIZE * DIGIT_SIZE) };
}

function shaken(points: readonly number[], random: Random): readonly number[] {
  const moved: number[] = [];
  for (let at = 0; at < points.length; at += 2) {
    const again = at > 0 && points[at] === points[at - 2] && points[at + 1] === points[at - 1];
    const [x, y] = again
      ? moved.slice(-2)
      : [
          (points[at] ?? 0) + between(random, -0.09, 0.09),
          (points[at + 1] ?? 0) + between(random, -0.09, 0.09),
        ];
    moved.push(x ?? 0, y ?? 0);
  }
  return moved;
}

/** Chaikin's corner cutting: every segment gives the points at a quarter and at three quarters of it; the ends stay. */
function rounded(points: readonly number[]): readonly number[] {
  const result = points.slice(0, 2);
  for (let at = 0; at + 3 < points.length; at += 2) {
    const [x = 0, y = 0, toX = 0, toY = 0] = points.slice(at, at + 4);
    result.push(0.75 * x + 0.25 * toX, 0.75 * y + 0.25 * toY);
    result.push(0.25 * x + 0.75 * toX, 0.25 * y + 0.75 * toY);
  }
  return [...result, ...points.slice(-2)];
}

/** Distance to a line through points, less half the width of the pen. */
export function strokeOutline(points: readonly number[], pen: number): Outline {
  return (x, y) => {
    let nearest = Number.POSITIVE_INFINITY;
    for (let at = 0; at + 3 < points.length; at += 2) {
      const [fromX, fromY] = [points[at] ?? 0, points[at + 1] ?? 0];
      const [alongX, alongY] = [(points[at + 2] ?? 0) - fromX, (points[at + 3] ?? 0) - fromY];
      const squared = alongX * alongX + alongY * alongY;
      const share = squared === 0 ? 0 : ((x - fromX) * alongX + (y - fromY) * alongY) / squared;
      const clamped = Math.min(1, Math.max(0, share));
      const [offX, offY] = [x - fromX - clamped * alongX, y - fromY - clamped * alongY];
      nearest = Math.min(nearest, offX * offX + offY * offY);
    }
    return Math.sqrt(nearest) - pen;
  };
}
