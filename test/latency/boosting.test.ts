import { expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { type BoostingOptions, boost } from "../../src/latency/cells/boosting.ts";

const OPTIONS: BoostingOptions = {
  trees: 60,
  leaves: 4,
  leafRows: 3,
  rate: 0.2,
  rowShare: 1,
  featureShare: 1,
  huber: Number.POSITIVE_INFINITY,
  shrinkage: 0,
};

const random = randomFrom(21);
const columns = [0, 1].map(() => Float64Array.from({ length: 200 }, () => random.next()));
const steps = Float64Array.from(columns[0] ?? [], (x, row) =>
  x > 0.5 ? ((columns[1]?.[row] ?? 0) > 0.3 ? 3 : 1) : -2,
);

test("boosting finds steps, and the steps inside of them", () => {
  const fitted = boost(columns, steps, OPTIONS, randomFrom(1))(columns);
  for (const [row, step] of steps.entries()) expect(fitted[row]).toBeCloseTo(step, 3);
});

test("boosting gives the mean of a leaf, shrunk towards what it had before", () => {
  const one = { ...OPTIONS, trees: 1, leaves: 2, rate: 1, shrinkage: 10 };
  const x = Float64Array.from([0, 0, 0, 0, 1, 1, 1]);
  const y = Float64Array.from([0, 0, 0, 0, 13, 13, 13]);
  // From the median 0: no step for the zeros, 39 / (3 + 10) for the others.
  expect([...boost([x], y, one, randomFrom(1))([x])]).toEqual([0, 0, 0, 0, 3, 3, 3]);
});

test("boosting answers between the values that it saw as their nearer one does", () => {
  const x = Float64Array.from([1, 1, 1, 2, 2, 2]);
  const y = Float64Array.from([5, 5, 5, 8, 8, 8]);
  const booster = boost([x], y, OPTIONS, randomFrom(1));
  const asked = booster([Float64Array.from([-9, 1.4, 1.6, 9])]);
  expect([...asked].map((value) => Math.round(value * 100) / 100)).toEqual([5, 5, 8, 8]);
});

test("boosting with a Huber loss is moved little by wild targets", () => {
  const wild = steps.map((step, row) => (row % 20 === 0 ? step + 100 : step));
  const meanOff = (huber: number): number => {
    const fitted = boost(
      columns,
      wild,
      { ...OPTIONS, leafRows: 20, huber },
      randomFrom(1),
    )(columns);
    return steps.reduce((sum, step, row) => sum + Math.abs((fitted[row] ?? 0) - step), 0) / 200;
  };
  expect(meanOff(1)).toBeLessThan(0.5);
  expect(meanOff(1)).toBeLessThan(meanOff(Number.POSITIVE_INFINITY) / 5);
});

test("boosting leaves a constant as it is", () => {
  const same = new Float64Array(200).fill(4);
  const fitted = boost(columns, same, OPTIONS, randomFrom(1))(columns);
  expect([...new Set(fitted)]).toEqual([4]);
});
