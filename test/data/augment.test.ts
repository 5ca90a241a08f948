import { expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import {
  type AugmentSpec,
  drawMix,
  drawMove,
  type ImageForm,
  type Move,
  mixImages,
  randomOf,
  writeImage,
} from "../../src/data/augment.ts";

const STAY: Move = { down: 0, right: 0, mirror: false, upsideDown: false, turn: false };

/** Tables that keep the byte as it is. */
const form = (channels: number, side: number, layout: "nchw" | "nhwc" = "nchw"): ImageForm => ({
  ...{ channels, height: side, width: side, layout },
  tables: Array.from({ length: channels }, () =>
    Float32Array.from({ length: 256 }, (_, byte) => byte),
  ),
});

function moved(move: Partial<Move>, side = 3): number[] {
  const out = new Float32Array(side * side);
  const bytes = Uint8Array.from({ length: side * side }, (_, at) => at);
  writeImage(bytes, form(1, side), { ...STAY, ...move }, out, 0);
  return [...out];
}

test("images stay, move with their border repeated, and are mirrored, turned over and transposed", () => {
  expect(moved({})).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(moved({ down: 1, right: -1 })).toEqual([3, 3, 4, 6, 6, 7, 6, 6, 7]);
  expect(moved({ mirror: true })).toEqual([2, 1, 0, 5, 4, 3, 8, 7, 6]);
  expect(moved({ upsideDown: true })).toEqual([6, 7, 8, 3, 4, 5, 0, 1, 2]);
  expect(moved({ turn: true })).toEqual([0, 3, 6, 1, 4, 7, 2, 5, 8]);
});

test("channels get their own numbers and the layout that the network wants", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const out = new Float32Array(8);
  const tables = [1, 10].map((scale) =>
    Float32Array.from({ length: 256 }, (_, byte) => byte * scale),
  );
  writeImage(bytes, { ...form(2, 2), tables }, STAY, out, 0);
  expect([...out]).toEqual([1, 3, 5, 7, 20, 40, 60, 80]);
  writeImage(bytes, { ...form(2, 2, "nhwc"), tables }, STAY, out, 0);
  expect([...out]).toEqual([1, 20, 3, 40, 5, 60, 7, 80]);
});

test("moves use the whole range evenly, and half of the images are mirrored", () => {
  const spec: AugmentSpec = { crop: 2, flip: "horizontal", mixup: 0 };
  const moves = Array.from({ length: 2000 }, (_, index) =>
    drawMove(spec, form(1, 4), randomOf(7, 3, index)),
  );
  for (let offset = -2; offset <= 2; offset += 1) {
    const share = moves.filter(({ down }) => down === offset).length / moves.length;
    expect(share).toBeGreaterThan(0.17);
    expect(share).toBeLessThan(0.23);
  }
  const mirrored = moves.filter(({ mirror }) => mirror).length / moves.length;
  expect(Math.abs(mirrored - 0.5)).toBeLessThan(0.04);
  expect(moves.some(({ upsideDown, turn }) => upsideDown || turn)).toBe(false);
});

test("an image is varied by seed, epoch and index alone", () => {
  const draw = (seed: number, epoch: number, index: number): number =>
    randomOf(seed, epoch, index).next();
  expect(draw(1, 2, 3)).toBe(draw(1, 2, 3));
  expect(new Set([draw(1, 2, 3), draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4)]).size).toBe(4);
});

test("mixup mixes each image with its partner by one share, whose distribution is Beta's", () => {
  const mixed = mixImages(Float32Array.of(1, 2, 10, 20), {
    share: 0.75,
    partners: Int32Array.of(1, 1),
  });
  expect([...mixed]).toEqual([0.75 + 2.5, 1.5 + 5, 10, 20]);
  const random = randomFrom(5);
  const shares = Array.from(
    { length: 4000 },
    () => drawMix({ crop: 0, flip: "none", mixup: 0.4 }, 2, random)?.share ?? Number.NaN,
  );
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  const variance = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / shares.length;
  expect(mean).toBeCloseTo(0.5, 1);
  // Variance of Beta(a, a): 1 / (4 (2a + 1)).
  expect(variance).toBeCloseTo(1 / (4 * 1.8), 2);
  expect(drawMix({ crop: 0, flip: "none", mixup: 0 }, 2, random)).toBeNull();
});
