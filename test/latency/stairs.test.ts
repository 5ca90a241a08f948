import { expect, test } from "vitest";
import { stairsOf } from "../../src/latency/predict/stairs.ts";
import type { LatencyOp } from "../../src/latency/table.ts";

const op = (ms: (read: number, written: number) => number): LatencyOp => {
  const counts = [
    [8, 16, 24, 32, 40, 48, 56, 64],
    [8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96],
  ];
  const axis = (dim: number): LatencyOp["axes"][number] => ({
    fixed: 0,
    parts: [{ dim, perUnit: 1 }],
  });
  const cells = (counts[0] ?? []).flatMap((read) =>
    (counts[1] ?? []).map((written) => ms(read, written)),
  );
  return {
    ...{ id: "conv", label: "conv", kind: "Conv", axes: [axis(0), axis(1)], counts, ms: cells },
    origin: "p".repeat(cells.length),
  };
};

test("stairs are found on the axis that has them, with their period", () => {
  const stairs = stairsOf(op((read, written) => (1 + 0.001 * read) * Math.ceil(written / 32)));
  expect(stairs).toEqual([
    expect.objectContaining({ axis: 1, jumps: [40, 72], period: 32, largest: 1 }),
  ]);
});

test("growth in proportion is no stair", () => {
  expect(stairsOf(op((read, written) => read * written))).toEqual([]);
});
