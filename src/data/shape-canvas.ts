import type { Random } from "../core/random.ts";
import type { Outline } from "./shape-outlines.ts";

/** Red, green and blue, each 0 to 1. */
export type Colour = readonly [number, number, number];

/** How far a point is on the way from a texture's first colour to its second, 0 to 1; coordinates from -1 to 1. */
export type Pattern = (x: number, y: number) => number;

/** Two colours and the pattern that mixes them. */
export interface Texture {
  readonly first: Colour;
  readonly second: Colour;
  readonly pattern: Pattern;
}

/** Square RGB picture, channel-major (3 x size x size), values nominally 0 to 1. */
export interface Canvas {
  readonly size: number;
  readonly data: Float32Array;
}

/** Where an outline is drawn: its centre and the two columns of the map from the outline's unit circle to the canvas. */
export interface Placement {
  readonly x: number;
  readonly y: number;
  /** Images of the outline's unit vectors, in canvas coordinates (-1 to 1). */
  readonly axisX: readonly [number, number];
  readonly axisY: readonly [number, number];
}

/** A direction chosen evenly without trigonometry: a point of the disc, put on its rim. */
export function direction(random: Random): readonly [number, number] {
  for (;;) {
    const x = random.next() * 2 - 1;
    const y = random.next() * 2 - 1;
    const squared = x * x + y * y;
    if (squared > 0.01 && squared <= 1) {
      const length = Math.sqrt(squared);
      return [x / length, y / length];
    }
  }
}

/** Smooth noise: random heights on a grid of cells x cells, blended between its nodes. */
export function noisePattern(cells: number, random: Random): Pattern {
  const side = cells + 1;
  const heights = Float64Array.from({ length: side * side }, () => random.next());
  const height = (row: number, column: number): number => heights[row * side + column] ?? 0;
  return (x, y) => {
    const u = Math.min(Math.max((x + 1) / 2, 0), 0.999999) * cells;
    const v = Math.min(Math.max((y + 1) / 2, 0), 0.999999) * cells;
    const column = Math.floor(u);
    const row = Math.floor(v);
    const right = smooth(u - column);
    const down = smooth(v - row);
    const top = height(row, column) * (1 - right) + height(row, column + 1) * right;
    const bottom = height(row + 1, column) * (1 - right) + height(row + 1, column + 1) * right;
    return top * (1 - down) + bottom * down;
  };
}

function smooth(t: number): number {
  return t * t * (3 - 2 * t);
}

/** Bands across a direction; `period` in canvas units. */
export function stripePattern(period: number, random: Random): Pattern {
  const [across, down] = direction(random);
  const phase = random.next();
  return (x, y) => {
    const t = (x * across + y * down) / period + phase;
    const saw = t - Math.floor(t);
    return Math.min(Math.max(Math.abs(saw - 0.5) * 6 - 1, 0), 1);
  };
}

/** A turned chessboard; `period` in canvas units. */
export function checkPattern(period: number, random: Random): Pattern {
  const [across, down] = direction(random);
  return (x, y) => {
    const u = Math.floor((x * across + y * down) / period);
    const v = Math.floor((y * across - x * down) / period);
    return (u + v) % 2 === 0 ? 0 : 1;
  };
}

/** Paints the whole canvas. */
export function fill(canvas: Canvas, texture: Texture): void {
  paint(canvas, () => -1, { x: 0, y: 0, axisX: [2, 0], axisY: [0, 2] }, texture, 1);
}

/**
 * Paints the inside of an outline over what is there.
 * @param softness width in pixels over which the edge fades.
 */
export function paint(
  canvas: Canvas,
  outline: Outline,
  at: Placement,
  texture: Texture,
  softness: number,
): void {
  const { size, data } = canvas;
  const plane = size * size;
  visit(size, outline, at, softness, (pixel, cover, x, y) => {
    const mix = texture.pattern(x, y);
    for (let channel = 0; channel < 3; channel += 1) {
      const first = texture.first[channel] ?? 0;
      const colour = first + ((texture.second[channel] ?? 0) - first) * mix;
      const index = channel * plane + pixel;
      const under = data[index] ?? 0;
      data[index] = under + (colour - under) * cover;
    }
  });
}

/**
 * Calls for every pixel that an outline covers.
 * @param size pixels per side of the picture.
 * @param softness width in pixels over which the edge fades.
 * @param call with the pixel's index, the share that is covered (above 0, at most 1), and the pixel's centre, -1 to 1.
 */
export function visit(
  size: number,
  outline: Outline,
  at: Placement,
  softness: number,
  call: (pixel: number, cover: number, x: number, y: number) => void,
): void {
  const { axisX, axisY } = at;
  const determinant = axisX[0] * axisY[1] - axisY[0] * axisX[1];
  const pixelsPerUnit = (Math.sqrt(Math.abs(determinant)) * size) / 2;
  const margin = (2 * softness) / size;
  const reachX = Math.sqrt(axisX[0] * axisX[0] + axisY[0] * axisY[0]) * 1.05 + margin;
  const reachY = Math.sqrt(axisX[1] * axisX[1] + axisY[1] * axisY[1]) * 1.05 + margin;
  const toPixel = (coordinate: number): number => ((coordinate + 1) * size) / 2;
  const left = Math.max(0, Math.floor(toPixel(at.x - reachX)));
  const right = Math.min(size, Math.ceil(toPixel(at.x + reachX)));
  const top = Math.max(0, Math.floor(toPixel(at.y - reachY)));
  const bottom = Math.min(size, Math.ceil(toPixel(at.y + reachY)));
  for (let row = top; row < bottom; row += 1) {
    const y = (row * 2 + 1) / size - 1;
    for (let column = left; column < right; column += 1) {
      const x = (column * 2 + 1) / size - 1;
      const fromX = x - at.x;
      const fromY = y - at.y;
      const u = (fromX * axisY[1] - fromY * axisY[0]) / determinant;
      const v = (fromY * axisX[0] - fromX * axisX[1]) / determinant;
      const edge = 0.5 - (outline(u, v) * pixelsPerUnit) / softness;
      if (edge > 0) call(row * size + column, edge >= 1 ? 1 : edge, x, y);
    }
  }
}

/** Makes one side of the picture brighter than the other. */
export function light(canvas: Canvas, most: number, random: Random): void {
  const [across, down] = direction(random);
  const strength = between(random, 0, most);
  const { size, data } = canvas;
  for (let index = 0; index < data.length; index += 1) {
    const pixel = index % (size * size);
    const x = ((pixel % size) * 2 + 1) / size - 1;
    const y = (Math.floor(pixel / size) * 2 + 1) / size - 1;
    data[index] = (data[index] ?? 0) * (1 + strength * (x * across + y * down));
  }
}

/** Bytes with noise of the given standard deviation: the four bytes of one draw, added up, are nearly normal. */
export function quantise(canvas: Canvas, deviation: number, random: Random): Uint8Array {
  const bytes = new Uint8Array(canvas.data.length);
  // Four uniform bytes have mean 510 and standard deviation 147.8 together.
  const scale = deviation / 147.8;
  for (let index = 0; index < bytes.length; index += 1) {
    const draw = Math.floor(random.next() * 0x1_0000_0000);
    const sum = (draw & 255) + ((draw >>> 8) & 255) + ((draw >>> 16) & 255) + ((draw >>> 24) & 255);
    const value = (canvas.data[index] ?? 0) + (sum - 510) * scale;
    bytes[index] = Math.min(255, Math.max(0, Math.floor(value * 255 + 0.5)));
  }
  return bytes;
}

/** Uniform between two numbers. */
export function between(random: Random, low: number, high: number): number {
  return low + (high - low) * random.next();
}
