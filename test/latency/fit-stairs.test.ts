import { describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { fitCells } from "../../src/latency/fit/cell-model.ts";
import type { CellSample } from "../../src/latency/fit/law.ts";
import { type Stairs, topOf } from "../../src/latency/fit/stairs.ts";

const NOISE = 0.003;

/** Times of an operation over two widths up to 128, multiples of 4, with these stairs. */
function samplesOf(stairs: Stairs, count: number): CellSample[] {
  const random = randomFrom(8);
  return Array.from({ length: count }, () => {
    const counts = [0, 1].map(() => 4 * (1 + random.integer(32)));
    const [from = 0, to = 0] = counts.map((width) => topOf(width, stairs));
    const ms = (0.3 + 1e-3 * from + 5e-4 * from * to) * (1 + NOISE * random.normal());
    return { counts, ms };
  });
}

describe("stairs", () => {
  test.each([
    { period: 8, phase: 0 },
    { period: 64, phase: 0 },
    { period: 32, phase: 8 },
  ])(
    "of $period channels from $phase on are found in the times, and predict what lies between",
    (stairs) => {
      const model = fitCells(samplesOf(stairs, 100));
      expect(model.stairs).toEqual(stairs);
      for (const width of [20, 44, 76, 100]) {
        const top = topOf(width, stairs);
        const trueMs = 0.3 + 1e-3 * top + 5e-4 * top ** 2;
        expect(Math.abs(model.at([width, width]) / trueMs - 1)).toBeLessThan(0.02);
      }
    },
  );

  test("stay the usual ones where those fit, and where there is little to find others in", () => {
    const usual = { period: 16, phase: 0 };
    expect(fitCells(samplesOf(usual, 100)).stairs).toEqual(usual);
    expect(fitCells(samplesOf({ period: 32, phase: 0 }, 20)).stairs).toEqual(usual);
  });
});
