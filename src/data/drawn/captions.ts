import { type Random, randomFrom, shuffled } from "../../core/random.ts";
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
  type Texture,
} from "../shape-canvas.ts";
import { SHAPES } from "../shape-outlines.ts";
import { type DrawnSet, randomOf, streamOf } from "./set.ts";
import {
  COLOURS,
  captionOf,
  type Described,
  FORMS,
  questionOf,
  type Relation,
  tokensOf,
} from "./words.ts";

/** A picture, a sentence that is true of it, a question about it and its answer. */
export interface CaptionPair {
  readonly scene: Relation;
  /** Channel-major RGB bytes, 3 x 32 x 32. */
  readonly pixels: Uint8Array;
  /** Tokens, as long as `TEXT_LENGTH`. */
  readonly caption: readonly number[];
  readonly question: readonly number[];
  /** An index into `ANSWERS`. */
  readonly answer: number;
}

/** Pixels per side. */
export const CAPTION_SIZE = 32;

/** Pictures that words tell apart: two objects of different colour and form, two sizes each, four relations, said from either. */
export const SCENES = (6 * 5 * (6 * 5) * 4 * 4) / 2;

/**
 * Draws the pairs of a set in any order. Any `SCENES` pairs from a multiple of it on show different scenes, so that no two
 * captions of them mean the same. Same set and index, same bytes on every platform, as for `drawShape`.
 *
 * @example
 * captionPairs({ seed: 1, split: "test" })(0).caption.length // 14
 */
export function captionPairs(set: DrawnSet): (index: number) => CaptionPair {
  const stream = streamOf(set);
  let order: readonly number[] = [];
  let ordered = -1;
  const sceneAt = (index: number): number => {
    const block = Math.floor(index / SCENES);
    if (block !== ordered) {
      const random = randomFrom(Math.imul(stream, 0x27d4eb2f) ^ Math.imul(block + 1, 0x165667b1));
      order = shuffled(
        Array.from({ length: SCENES }, (_, scene) => scene),
        random,
      );
      ordered = block;
    }
    return order[index % SCENES] ?? 0;
  };
  return (index) => {
    const random = randomOf(set, index);
    const scene = sceneOf(sceneAt(index));
    const pixels = drawScene(scene, random);
    const question = questionOf(scene, random);
    return {
      scene,
      pixels,
      caption: tokensOf(captionOf(scene, random)),
      question: tokensOf(question.words),
      answer: question.answer,
    };
  };
}

/** The scene of a number below `SCENES`: the first object is left of the second, or above it. */
function sceneOf(number: number): Relation {
  let rest = number;
  const digit = (base: number): number => {
    const value = rest % base;
    rest = Math.floor(rest / base);
    return value;
  };
  const [colour, colourStep, form, formStep] = [digit(6), digit(5), digit(6), digit(5)];
  const [size, otherSize, down] = [digit(2), digit(2), digit(2)];
  const first: Described = { colour, form, size };
  const second: Described = {
    colour: (colour + 1 + colourStep) % COLOURS.length,
    form: (form + 1 + formStep) % FORMS.length,
    size: otherSize,
  };
  return { first, second, relation: 2 * down };
}

function drawScene({ first, second, relation }: Relation, random: Random): Uint8Array {
  const canvas: Canvas = {
    size: CAPTION_SIZE,
    data: new Float32Array(3 * CAPTION_SIZE * CAPTION_SIZE),
  };
  ground(canvas, random);
  // Along the axis of the relation the objects are clearly apart, across it hardly.
  const near = between(random, 0.36, 0.54);
  const far = between(random, 0.36, 0.54);
  const shift = between(random, -0.4, 0.4);
  const slant = between(random, -0.16, 0.16);
  const upright = relation >= 2;
  const at = (along: number, across: number): readonly [number, number] =>
    upright ? [across, along] : [along, across];
  object(canvas, first, at(-near, shift + slant), random);
  object(canvas, second, at(far, shift - slant), random);
  light(canvas, 0.25, random);
  return quantise(canvas, between(random, 0.01, 0.06), random);
}

function ground(canvas: Canvas, random: Random): void {
  const grey = (): Colour => {
    const level = between(random, 0.15, 0.55);
    return [
      level + between(random, -0.06, 0.06),
      level + between(random, -0.06, 0.06),
      level + between(random, -0.06, 0.06),
    ];
  };
  const texture: Texture = {
    first: grey(),
    second: grey(),
    pattern: noisePattern(2 + random.integer(3), random),
  };
  const whole: Placement = { x: 0, y: 0, axisX: [2, 0], axisY: [0, 2] };
  paint(canvas, () => -1, whole, texture, 1);
}

function object(
  canvas: Canvas,
  { colour, form, size }: Described,
  [x, y]: readonly [number, number],
  random: Random,
): void {
  const radius = size === 0 ? between(random, 0.2, 0.25) : between(random, 0.36, 0.43);
  const [across, down] = direction(random);
  // Turned by up to a fifth of a right angle: a square stays one.
  const length = Math.sqrt(1 + 0.09 * down * down);
  const [cosine, sine] = [radius / length, (radius * 0.3 * down) / length];
  const placed = squared(form, {
    x: x + 0.03 * across,
    y,
    axisX: [cosine, sine],
    axisY: [-sine, cosine],
  });
  const base = COLOURS[colour]?.rgb ?? [0, 0, 0];
  const tint = (channel: 0 | 1 | 2): number => base[channel] + between(random, -0.08, 0.08);
  const plain: Colour = [tint(0), tint(1), tint(2)];
  const texture: Texture = { first: plain, second: plain, pattern: () => 0 };
  const outline = SHAPES.find(({ name }) => name === FORMS[form])?.outline ?? (() => 1);
  paint(canvas, outline, placed, texture, 1);
}

/** A square's outline stands on a corner; an eighth of a turn sets it on a side. */
function squared(form: number, at: Placement): Placement {
  if (FORMS[form] !== "square") return at;
  const half = Math.SQRT1_2;
  const { axisX, axisY } = at;
  return {
    ...at,
    axisX: [half * (axisX[0] + axisY[0]), half * (axisX[1] + axisY[1])],
    axisY: [half * (axisY[0] - axisX[0]), half * (axisY[1] - axisX[1])],
  };
}
