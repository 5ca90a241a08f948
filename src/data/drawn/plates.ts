import type { Random } from "../../core/random.ts";
import {
  between,
  type Canvas,
  type Colour,
  direction,
  light,
  noisePattern,
  paint,
  quantise,
  stripePattern,
  type Texture,
} from "../shape-canvas.ts";
import { polygonOutline, SHAPES } from "../shape-outlines.ts";
import { strokeOutline } from "./digits.ts";
import { type DrawnSet, randomOf } from "./set.ts";

/** What a plate can have, by label. */
export const DEFECTS = ["ok", "scratch", "dent", "hole"] as const;

/** Pixels per side. */
export const PLATE_SIZE = 48;

/** Cells per side of the grid that says where a defect is. */
export const PLATE_CELLS = 6;

export interface Plate {
  /** An index into `DEFECTS`. */
  readonly defect: number;
  /** The cell with the defect's centre, row by row from the top left; -1 where there is none. */
  readonly place: number;
  /** Grey bytes, 48 x 48. */
  readonly pixels: Uint8Array;
}

/** Defects of 50 plates in a row: 35 are in order, 6 dented, 6 holed, and 3 have a thin scratch. */
const TURNS: readonly number[] = Array.from({ length: 50 }, (_, at) => {
  if (at % 8 === 3) return 2;
  if (at % 8 === 6) return 3;
  return at % 16 === 1 && at < 48 ? 1 : 0;
});

/**
 * Draws a brushed metal plate with bolts at its corners as a camera above a belt sees it; three in ten have a defect: rarely a thin
 * scratch, a dent or a hole. Same set and index, same bytes on every platform.
 *
 * @example
 * DEFECTS[drawPlate({ seed: 1, split: "test" }, 0).defect] // "ok"
 */
export function drawPlate(set: DrawnSet, index: number): Plate {
  const random = randomOf(set, index);
  const defect = TURNS[index % TURNS.length] ?? 0;
  const canvas: Canvas = {
    size: PLATE_SIZE,
    data: new Float32Array(3 * PLATE_SIZE * PLATE_SIZE),
  };
  const steel = drawMetal(canvas, random);
  const x = between(random, -0.62, 0.62);
  const y = between(random, -0.62, 0.62);
  if (defect === 1) drawScratch(canvas, [x, y], steel, random);
  if (defect === 2) drawDent(canvas, [x, y], random);
  if (defect === 3) drawHole(canvas, [x, y], random);
  light(canvas, 0.2, random);
  const pixels = quantise(canvas, between(random, 0.008, 0.03), random);
  const cell = (at: number): number => Math.floor(((at + 1) / 2) * PLATE_CELLS);
  return {
    defect,
    place: defect === 0 ? -1 : cell(y) * PLATE_CELLS + cell(x),
    pixels: pixels.slice(0, PLATE_SIZE * PLATE_SIZE),
  };
}

/** The plate before its defect; returns the brightness of the metal. */
function drawMetal(canvas: Canvas, random: Random): number {
  const belt = plain(between(random, 0.05, 0.2), between(random, 0.08, 0.25));
  const whole = { x: 0, y: 0, axisX: [2, 0], axisY: [0, 2] } as const;
  paint(canvas, () => -1, whole, { ...belt, pattern: noisePattern(3, random) }, 1);
  const steel = between(random, 0.5, 0.7);
  const brushed: Texture = {
    ...plain(steel, steel + between(random, 0.03, 0.1)),
    pattern:
      random.integer(2) === 0
        ? stripePattern(between(random, 0.06, 0.14), random)
        : noisePattern(6 + random.integer(8), random),
  };
  const turn = between(random, -0.05, 0.05);
  const at = (x: number, y: number, radius: number) => ({
    x,
    y,
    axisX: [radius, radius * turn] as const,
    axisY: [-radius * turn, radius] as const,
  });
  paint(canvas, polygonOutline([-1, -1, 1, -1, 1, 1, -1, 1]), at(0, 0, 0.93), brushed, 1.2);
  const bolt = plain(between(random, 0.3, 0.4), between(random, 0.3, 0.4));
  for (const [x, y] of [
    [-0.8, -0.8],
    [0.8, -0.8],
    [-0.8, 0.8],
    [0.8, 0.8],
  ] as const) {
    paint(canvas, disc(), at(x, y, 0.1), bolt, 1);
  }
  return steel;
}

/** A line of less than a pixel's width, hardly brighter or darker than the metal. */
function drawScratch(
  canvas: Canvas,
  [x, y]: readonly [number, number],
  steel: number,
  random: Random,
): void {
  const reach = between(random, 0.18, 0.42);
  const [across, down] = direction(random);
  const bend = between(random, -0.08, 0.08);
  const points = [
    -reach * across,
    -reach * down,
    -bend * down,
    bend * across,
    reach * across,
    reach * down,
  ];
  const level = steel + (random.integer(2) === 0 ? 1 : -1) * between(random, 0.16, 0.34);
  const at = { x, y, axisX: [1, 0], axisY: [0, 1] } as const;
  paint(canvas, strokeOutline(points, between(random, 0.008, 0.018)), at, plain(level, level), 1);
}

/** A soft hollow: bright on one side, dark on the other. */
function drawDent(canvas: Canvas, [x, y]: readonly [number, number], random: Random): void {
  const radius = between(random, 0.12, 0.24);
  const depth = between(random, 0.1, 0.26);
  const [across, down] = direction(random);
  const { size, data } = canvas;
  for (let pixel = 0; pixel < size * size; pixel += 1) {
    const u = (((pixel % size) * 2 + 1) / size - 1 - x) / radius;
    const v = ((Math.floor(pixel / size) * 2 + 1) / size - 1 - y) / radius;
    const far = u * u + v * v;
    if (far >= 1) continue;
    const change = depth * (1 - far) * 1.6 * (u * across + v * down);
    for (let channel = 0; channel < 3; channel += 1) {
      const index = channel * size * size + pixel;
      data[index] = (data[index] ?? 0) + change;
    }
  }
}

/** A small dark disc, not quite round. */
function drawHole(canvas: Canvas, [x, y]: readonly [number, number], random: Random): void {
  const radius = between(random, 0.045, 0.1);
  const at = {
    x,
    y,
    axisX: [radius, 0] as const,
    axisY: [radius * between(random, -0.3, 0.3), radius * between(random, 0.7, 1)] as const,
  };
  const level = between(random, 0.08, 0.3);
  paint(canvas, disc(), at, plain(level, level), between(random, 0.8, 1.4));
}

function disc() {
  return SHAPES[0]?.outline ?? (() => 1);
}

function plain(first: number, second: number): Texture {
  const grey = (level: number): Colour => [level, level, level];
  return { first: grey(first), second: grey(second), pattern: () => 0 };
}
