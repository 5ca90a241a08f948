import { describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { type CellModel, fitCells } from "../../src/latency/fit/cell-model.ts";
import { conditioned } from "../../src/latency/fit/gaussian-process.ts";
import { type CellSample, fitFamily } from "../../src/latency/fit/law.ts";
import { nonnegativeLeastSquares } from "../../src/latency/fit/nonnegative.ts";
import { stairsMs } from "./fake-measurer.ts";

describe("fitCells", () => {
  test("recovers stairs over two counts from a third of the cells with 1 % noise", () => {
    const random = randomFrom(5);
    const counts = Array.from({ length: 16 }, (_, index) => 4 * (index + 1));
    const cells = counts.flatMap((x) => counts.map((y) => [x, y]));
    const samples = cells
      .filter(() => random.next() < 0.33)
      .map((cell) => ({ counts: cell, ms: stairsMs(cell) * (1 + 0.01 * random.normal()) }));
    const model = fitCells(samples);
    const errors = cells.map((cell) => Math.abs(model.at(cell) / stairsMs(cell) - 1));
    expect(Math.max(...errors)).toBeLessThan(0.03);
    expect(errors.reduce((sum, error) => sum + error, 0) / errors.length).toBeLessThan(0.008);
  });

  test("follows a cell that is off the law where it was measured often", () => {
    const samples = Array.from({ length: 40 }, (_, index) => {
      const count = 8 * ((index % 8) + 1);
      return { counts: [count], ms: stairsMs([count]) * (count === 40 ? 1.2 : 1) };
    });
    const model = fitCells(samples);
    expect(model.at([40]) / stairsMs([40])).toBeGreaterThan(1.15);
    expect(model.at([56]) / stairsMs([56])).toBeLessThan(1.05);
    expect(model.measured([40])).toBe(true);
    expect(model.measured([41])).toBe(false);
  });

  test("takes the middle of the samples where no count shapes the time", () => {
    const samples = [1, 1.1, 0.9, 1, 9].map((ms) => ({ counts: [], ms }));
    expect(fitCells(samples).at([])).toBeCloseTo(1.03, 1);
  });

  test("stays finite and not negative for operations that are sometimes fused away", () => {
    const samples = [0, 0, 0.006, 0, 0.007].map((ms, index) => ({ counts: [8 * index + 8], ms }));
    const model = fitCells(samples);
    for (const count of [8, 24, 48]) {
      expect(model.at([count])).toBeGreaterThanOrEqual(0);
      expect(model.at([count])).toBeLessThan(0.01);
    }
  });
});

describe("fitFamily", () => {
  /** Calls, weights and arithmetic of a 1x1 convolution on images of so many positions. */
  const msAt = (positions: number, [x = 0, y = 0]: readonly number[]): number =>
    0.01 + (x * y * (0.2 + positions / 500)) / 4096 + (positions * (x + y)) / 400_000;
  const drawn = (positions: number, count: number, seed: number): CellSample[] => {
    const random = randomFrom(seed);
    return Array.from({ length: count }, () => {
      const counts = [16 * (1 + random.integer(8)), 16 * (1 + random.integer(8))];
      return { counts, ms: msAt(positions, counts) * (1 + 0.01 * random.normal()) };
    });
  };
  const meanError = (model: CellModel, positions: number): number => {
    const errors = [16, 48, 80, 128].flatMap((x) =>
      [16, 64, 128].map((y) => Math.abs(model.at([x, y]) / msAt(positions, [x, y]) - 1)),
    );
    return errors.reduce((sum, error) => sum + error, 0) / errors.length;
  };

  test("tells an operation from four cells of it and many of the same at other sizes of images", () => {
    const few = drawn(784, 4, 1);
    const others = [196, 3136, 49].map((positions, at) => ({
      samples: drawn(positions, 30, 2 + at),
      positions,
    }));
    const law = fitFamily([...others, { samples: few, positions: 784 }])(784);
    const alone = meanError(fitCells(few), 784);
    const helped = meanError(fitCells(few, law), 784);
    expect(helped).toBeLessThan(0.03);
    expect(helped).toBeLessThan(0.5 * alone);
  });

  test("leaves an operation alone that isn't like its family", () => {
    const own = drawn(784, 60, 5);
    const strange = (counts: readonly number[]): number => 1 / msAt(784, counts);
    expect(meanError(fitCells(own, strange), 784)).toBeLessThan(0.02);
  });
});

describe("nonnegativeLeastSquares", () => {
  test("finds coefficients that are not negative, and zero for those that would be", () => {
    const rows = [1, 2, 3, 4].map((x) => Float64Array.of(1, x));
    const rising = nonnegativeLeastSquares(rows, [3, 5, 7, 9]);
    expect(rising[0]).toBeCloseTo(1, 6);
    expect(rising[1]).toBeCloseTo(2, 6);
    const falling = nonnegativeLeastSquares(rows, [4, 3, 2, 1]);
    expect(falling[1]).toBe(0);
    expect(falling[0]).toBeCloseTo(2.5, 6);
  });
});

describe("conditioned", () => {
  test("agrees with the closed form for two observations", () => {
    const kernel = (a: number, b: number): number => (a === b ? 1 : 0.5);
    const posterior = conditioned(kernel, [1, 3], [0.1, 0.2]);
    // Inverse of [[1.1, 0.5], [0.5, 1.2]] times [1, 3], worked out by hand.
    const determinant = 1.1 * 1.2 - 0.25;
    const weights = [(1.2 * 1 - 0.5 * 3) / determinant, (-0.5 * 1 + 1.1 * 3) / determinant];
    const mean = posterior.mean((observation) => (observation === 0 ? 0.7 : 0.2));
    expect(mean).toBeCloseTo(0.7 * (weights[0] ?? 0) + 0.2 * (weights[1] ?? 0), 10);
  });
});
