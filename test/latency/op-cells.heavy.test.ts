import { beforeAll, describe, expect, test } from "vitest";
import { randomFrom, shuffled } from "../../src/core/random.ts";
import type {
  CellPrediction,
  KnownCell,
  OpCell,
  OpCellModel,
} from "../../src/latency/cells/cell.ts";
import { fitOpCells } from "../../src/latency/cells/fit-op-cells.ts";
import { quantile } from "../../src/runtime/timing.ts";
import { sharedPath } from "../helpers/shared.ts";
import { readV100Cells } from "../helpers/v100-cells.ts";

const WIDTHS = [8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];
const NOISE = 0.02;

/** A made-up processor: stairs of 32 channels and 64 positions, memory, a launch, and a faster way for 3x3 kernels. */
function trueMs({ batch, inChannels, outChannels, height, kernel, stride, fused }: OpCell): number {
  const side = Math.ceil(height / stride);
  const rows = Math.ceil((batch * side * side) / 64) * 64;
  const columns = Math.ceil(outChannels / 32) * 32;
  const gain = kernel === 3 && stride === 1 && inChannels >= 32 ? 1.8 : 1;
  const computeMs = (2 * rows * columns * inChannels * kernel ** 2) / (2e9 * gain);
  const bytes = 4 * (batch * inChannels * height ** 2 + rows * columns);
  return 0.02 + Math.max(computeMs, bytes / 1e8) * (fused ? 1.1 : 1);
}

function randomCells(count: number, seed: number): readonly KnownCell[] {
  const random = randomFrom(seed);
  const one = <T>(values: readonly T[], or: T): T => values[random.integer(values.length)] ?? or;
  return Array.from({ length: count }, () => {
    const height = one([7, 14, 28, 56], 7);
    const cell: OpCell = {
      batch: one([1, 8], 1),
      inChannels: one(WIDTHS, 8),
      outChannels: one(WIDTHS, 8),
      height,
      width: height,
      kernel: one([1, 3, 5], 1),
      stride: one([1, 2], 1),
      fused: random.next() < 0.5,
    };
    return { ...cell, ms: trueMs(cell) * Math.exp(NOISE * random.normal()) };
  });
}

function errorsOf(predictions: readonly CellPrediction[], cells: readonly KnownCell[]): number[] {
  return cells.map(({ ms }, index) => Math.abs((predictions[index]?.ms ?? 0) / ms - 1));
}

const known = randomCells(500, 5);
const hidden = randomCells(800, 6);

describe("fitOpCells", () => {
  let model: OpCellModel;
  let predictions: readonly CellPrediction[];
  beforeAll(() => {
    model = fitOpCells(known);
    predictions = model.predictAll(hidden);
  });

  test("predicts cells that it never saw, from others of other sizes, kernels and batches", () => {
    const errors = errorsOf(predictions, hidden);
    // The noise alone makes a median of 0.0135.
    expect(quantile(errors, 0.5)).toBeLessThan(0.05);
    expect(quantile(errors, 0.9)).toBeLessThan(0.2);
  });

  test("gives intervals that hold nine in ten of the hidden times, and are no wider than that needs", () => {
    const held = hidden.filter(({ ms }, index) => {
      const { low = 0, high = 0 } = predictions[index] ?? {};
      return low <= ms && ms <= high;
    });
    expect(held.length / hidden.length).toBeGreaterThan(0.86);
    expect(held.length / hidden.length).toBeLessThan(0.96);
    expect(predictions.every(({ ms, low, high }) => low <= ms && ms <= high)).toBe(true);
  });

  test("says of one cell what it says of it among many", () => {
    const [first] = hidden;
    expect(first && model.predict(first)).toEqual(predictions[0]);
  });

  test("is told apart by the seed and by nothing else", () => {
    const few = known.slice(0, 60);
    const ask = hidden.slice(0, 20);
    const at = (seed: number): unknown => fitOpCells(few, { seed }).predictAll(ask);
    expect(at(3)).toEqual(at(3));
    expect(at(3)).not.toEqual(at(4));
  });

  test("is not led astray by a few wild times", () => {
    const wild = known.map((cell, index) =>
      index % 25 === 0 ? { ...cell, ms: 8 * cell.ms } : cell,
    );
    const errors = errorsOf(fitOpCells(wild).predictAll(hidden), hidden);
    expect(quantile(errors, 0.5)).toBeLessThan(0.1);
  });

  test("makes do with a dozen cells, by the law alone", () => {
    const errors = errorsOf(fitOpCells(known.slice(0, 12)).predictAll(hidden), hidden);
    expect(quantile(errors, 0.5)).toBeLessThan(0.6);
  });

  test("refuses what is no measurement", () => {
    expect(() => fitOpCells(known.slice(0, 11))).toThrow(
      expect.objectContaining({ code: "latency/few-cells" }),
    );
    const [first] = known;
    for (const change of [{ ms: 0 }, { ms: Number.NaN }, { inChannels: 0 }, { height: 7.5 }]) {
      const bad = [...known, { ...(first as KnownCell), ...change }];
      expect(() => fitOpCells(bad)).toThrow(expect.objectContaining({ code: "latency/bad-cell" }));
    }
    expect(() => fitOpCells(known, { coverage: 90 })).toThrow(
      expect.objectContaining({ code: "latency/bad-coverage" }),
    );
    expect(() => model.predict({ ...(first as KnownCell), stride: 0 })).toThrow(
      expect.objectContaining({ code: "latency/bad-cell" }),
    );
  });
});

const V100 = sharedPath("latency/v100-tensorrt-conv-fp16.csv.gz");

test.skipIf(V100 === null)(
  "predicts a V100's convolutions from a twentieth of those at batch 1",
  () => {
    const cells = readV100Cells(V100 ?? "").filter(({ batch }) => batch === 1);
    const mixed = shuffled(cells, randomFrom(1));
    const first = Math.round(cells.length / 20);
    const some = mixed.slice(first, first + 1000);
    const model = fitOpCells(mixed.slice(0, first), { elementBytes: 2 });
    const errors = errorsOf(model.predictAll(some), some);
    expect(quantile(errors, 0.5)).toBeLessThan(0.1);
    // A thousand cells; the twentieth of all batches, which bench:latency takes, is three times as many.
    expect(quantile(errors, 0.9)).toBeLessThan(0.45);
  },
);
