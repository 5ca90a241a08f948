import type { Random } from "../../core/random.ts";
import {
  between,
  type Canvas,
  type Colour,
  direction,
  light,
  noisePattern,
  type Placement,
  paint,
  quantise,
  stripePattern,
  type Texture,
  visit,
} from "../shape-canvas.ts";
import { SHAPES } from "../shape-outlines.ts";
import { type DrawnSet, randomOf } from "./set.ts";

/** Kinds of objects; class 0 of a mask is the ground, the kinds follow. */
export const SCENE_CLASSES = ["circle", "triangle", "square", "star", "cross"] as const;

/** Pixels per side. */
export const SCENE_SIZE = 64;

/** Objects in a scene, at most. */
export const SCENE_OBJECTS = 4;

/** Pixels of an object that have to be seen; what is covered further has no box. */
const SEEN = 40;

export interface SceneObject {
  /** An index into `SCENE_CLASSES`. */
  readonly kind: number;
  /** Left, top, right, bottom of what is seen, in pixels; right and bottom lie behind the last pixel. */
  readonly box: readonly [number, number, number, number];
}

export interface Scene {
  /** Channel-major RGB bytes, 3 x 64 x 64. */
  readonly pixels: Uint8Array;
  /** Class of every pixel, 64 x 64: 0 for the ground, 1 + kind for an object. */
  readonly mask: Uint8Array;
  readonly objects: readonly SceneObject[];
}

/**
 * Draws one to four objects before a textured ground, with a box around each and the class of every pixel. Objects may cover each
 * other; a box goes around what is seen. Same set and index, same bytes on every platform.
 *
 * @example
 * drawScene({ seed: 1, split: "test" }, 0).mask.length // 4096
 */
export function drawScene(set: DrawnSet, index: number): Scene {
  const random = randomOf(set, index);
  const canvas: Canvas = {
    size: SCENE_SIZE,
    data: new Float32Array(3 * SCENE_SIZE * SCENE_SIZE),
  };
  const ground = randomColour(random);
  const whole: Placement = { x: 0, y: 0, axisX: [2, 0], axisY: [0, 2] };
  paint(canvas, () => -1, whole, texture(ground, between(random, 0.1, 0.35), random), 1);
  // Which object is on top at each pixel, counted from 1.
  const owners = new Uint8Array(SCENE_SIZE * SCENE_SIZE);
  const kinds: number[] = [];
  const count = 1 + random.integer(SCENE_OBJECTS);
  for (let number = 1; number <= count; number += 1) {
    kinds.push(drawObject(canvas, owners, number, ground, random));
  }
  light(canvas, 0.25, random);
  const pixels = quantise(canvas, between(random, 0.01, 0.05), random);
  const objects = kinds.flatMap((kind, at) => {
    const box = boxOf(owners, at + 1);
    return box === null ? [] : [{ kind, box }];
  });
  const mask = owners.map((owner) => (owner === 0 ? 0 : 1 + (kinds[owner - 1] ?? 0)));
  return { pixels, mask, objects };
}

function drawObject(
  canvas: Canvas,
  owners: Uint8Array,
  number: number,
  ground: Colour,
  random: Random,
): number {
  const kind = random.integer(SCENE_CLASSES.length);
  const outline = SHAPES.find(({ name }) => name === SCENE_CLASSES[kind])?.outline ?? (() => 1);
  const radius = between(random, 0.22, 0.46);
  const [cosine, sine] = direction(random);
  const at: Placement = {
    x: between(random, -0.75, 0.75),
    y: between(random, -0.75, 0.75),
    axisX: [radius * cosine, radius * sine],
    axisY: [-radius * sine, radius * cosine],
  };
  const colour = apart(ground, random);
  paint(canvas, outline, at, texture(colour, between(random, 0, 0.25), random), 1);
  visit(SCENE_SIZE, outline, at, 1, (pixel, cover) => {
    if (cover >= 0.5) owners[pixel] = number;
  });
  return kind;
}

/** The box around an object's pixels; null where too little of it is seen. */
function boxOf(owners: Uint8Array, number: number): SceneObject["box"] | null {
  let [left, top, right, bottom, seen] = [SCENE_SIZE, SCENE_SIZE, 0, 0, 0];
  owners.forEach((owner, pixel) => {
    if (owner !== number) return;
    const column = pixel % SCENE_SIZE;
    const row = Math.floor(pixel / SCENE_SIZE);
    left = Math.min(left, column);
    top = Math.min(top, row);
    right = Math.max(right, column + 1);
    bottom = Math.max(bottom, row + 1);
    seen += 1;
  });
  return seen < SEEN ? null : [left, top, right, bottom];
}

function texture(base: Colour, variation: number, random: Random): Texture {
  const other = randomColour(random);
  const towards = (channel: 0 | 1 | 2): number =>
    base[channel] + (other[channel] - base[channel]) * variation;
  const pattern =
    random.integer(3) === 0
      ? stripePattern(between(random, 0.15, 0.5), random)
      : noisePattern(2 + random.integer(7), random);
  return { first: base, second: [towards(0), towards(1), towards(2)], pattern };
}

function randomColour(random: Random): Colour {
  return [random.next(), random.next(), random.next()];
}

/** A colour that is clearly another one. */
function apart(from: Colour, random: Random): Colour {
  for (;;) {
    const colour = randomColour(random);
    const distance = colour.reduce<number>(
      (sum, value, channel) => sum + Math.abs(value - (from[channel] ?? 0)),
      0,
    );
    if (distance > 0.75) return colour;
  }
}
