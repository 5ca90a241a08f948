import { type Random, randomFrom } from "../core/random.ts";

/** How training images are varied. All of it keeps the class of most things; `all` also that of things without an upside. */
export interface AugmentSpec {
  /** Images move by up to so many pixels in each direction; what comes into view repeats the border. */
  readonly crop: number;
  /** Mirrored left to right for half of the images; `all`: also upside down and turned by quarters. */
  readonly flip: "none" | "horizontal" | "all";
  /** Mixup's alpha (Zhang et al., 1710.09412); 0: images stay whole. */
  readonly mixup: number;
}

export const FLIPS = [
  "none",
  "horizontal",
  "all",
] as const satisfies readonly AugmentSpec["flip"][];

/** Bytes of an image of the training set in the network's order of channels, pixel-major, and what they become. */
export interface ImageForm {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly layout: "nchw" | "nhwc";
  /** Per channel, the number that each of the 256 bytes becomes. */
  readonly tables: readonly Float32Array[];
}

/** How one image is moved. */
export interface Move {
  readonly down: number;
  readonly right: number;
  readonly mirror: boolean;
  readonly upsideDown: boolean;
  readonly turn: boolean;
}

/** The random source of one image in one epoch: nothing else decides how it is varied. */
export function randomOf(seed: number, epoch: number, index: number): Random {
  const mixed = Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(epoch + 1, 0x85ebca77);
  return randomFrom(mixed ^ Math.imul(index + 1, 0xc2b2ae3d));
}

/** Draws how an image is moved. Quarter turns need square images. */
export function drawMove(spec: AugmentSpec, form: ImageForm, random: Random): Move {
  const offset = (): number => random.integer(2 * spec.crop + 1) - spec.crop;
  const [down, right, first, second, third] = [
    offset(),
    offset(),
    random.next(),
    random.next(),
    random.next(),
  ];
  const all = spec.flip === "all";
  return {
    down,
    right,
    mirror: spec.flip !== "none" && first < 0.5,
    upsideDown: all && second < 0.5,
    turn: all && form.height === form.width && third < 0.5,
  };
}

/**
 * Moves an image and turns its bytes into numbers.
 * @param bytes height x width x channels.
 * @param out where the image begins at `start`, in the form's layout.
 */
export function writeImage(
  bytes: Uint8Array,
  form: ImageForm,
  move: Move,
  out: Float32Array,
  start: number,
): void {
  const { channels, height, width } = form;
  const plane = height * width;
  const rows = places(height, move.down, move.upsideDown, (move.turn ? 1 : width) * channels);
  const columns = places(width, move.right, move.mirror, (move.turn ? width : 1) * channels);
  const [perPixel, perChannel] = form.layout === "nhwc" ? [channels, 1] : [1, plane];
  for (let channel = 0; channel < channels; channel += 1) {
    const table = form.tables[channel] as Float32Array;
    let at = start + channel * perChannel;
    for (let y = 0; y < height; y += 1) {
      const row = (rows[y] as number) + channel;
      for (let x = 0; x < width; x += 1) {
        out[at] = table[bytes[row + (columns[x] as number)] as number] as number;
        at += perPixel;
      }
    }
  }
}

/** Where each of `length` rows or columns comes from, times the bytes between two of them. */
function places(length: number, offset: number, mirrored: boolean, stride: number): Int32Array {
  return Int32Array.from({ length }, (_, at) => {
    const moved = Math.min(length - 1, Math.max(0, at + offset));
    return (mirrored ? length - 1 - moved : moved) * stride;
  });
}

/** How the images of one batch are mixed with each other. */
export interface Mix {
  readonly share: number;
  /** For each image, the one in the batch that it is mixed with. */
  readonly partners: Int32Array;
}

/** Draws a batch's mix; null without mixup. */
export function drawMix(spec: AugmentSpec, size: number, random: Random): Mix | null {
  if (spec.mixup <= 0) return null;
  const share = drawBeta(spec.mixup, random);
  const partners = Int32Array.from({ length: size }, (_, at) => at);
  for (let last = size - 1; last > 0; last -= 1) {
    const pick = random.integer(last + 1);
    const picked = partners[pick] as number;
    partners[pick] = partners[last] as number;
    partners[last] = picked;
  }
  return { share, partners };
}

/** Each image becomes `share` of itself and the rest of its partner. */
export function mixImages(images: Float32Array, mix: Mix): Float32Array {
  const length = images.length / mix.partners.length;
  const mixed = new Float32Array(images.length);
  for (const [at, partner] of mix.partners.entries()) {
    const own = at * length;
    const other = partner * length;
    for (let offset = 0; offset < length; offset += 1) {
      mixed[own + offset] =
        mix.share * (images[own + offset] as number) +
        (1 - mix.share) * (images[other + offset] as number);
    }
  }
  return mixed;
}

/** Beta(alpha, alpha), of two gamma variates. */
function drawBeta(alpha: number, random: Random): number {
  const first = drawGamma(alpha, random);
  const second = drawGamma(alpha, random);
  return first + second > 0 ? first / (first + second) : 0.5;
}

/** Marsaglia and Tsang, "A simple method for generating gamma variables", 2000. */
function drawGamma(shape: number, random: Random): number {
  if (shape < 1) return drawGamma(shape + 1, random) * (1 - random.next()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random.next()) < 0.5 * x * x + d - d * v + d * Math.log(v))
      return d * v;
  }
}
