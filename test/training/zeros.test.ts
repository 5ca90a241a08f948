import { expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { cubicShare, keepZeros } from "../../src/training/zeros.ts";

const layout = {
  length: 120,
  parts: [
    { name: "conv", start: 0, end: 100, shape: [10, 10] },
    { name: "bias", start: 100, end: 120, shape: [20] },
  ],
};
const parameters = [
  { name: "conv", shape: [10, 10], decay: true },
  { name: "bias", shape: [20], decay: false },
];

function weights(): Float32Array {
  const random = randomFrom(4);
  const values = Float32Array.from({ length: 120 }, random.normal);
  for (let at = 0; at < 40; at += 1) values[at] = 0;
  // A bias may be zero without having been removed.
  values[110] = 0;
  return values;
}

test("zeros of weights are kept and those of biases are not", () => {
  const values = weights();
  const keeper = keepZeros({ target: null }, layout, parameters, values, 100);
  const gradient = new Float32Array(120).fill(1);
  keeper.forget(gradient);
  expect([...gradient.slice(0, 40)]).toEqual(new Array(40).fill(0));
  expect([...gradient.slice(40)]).toEqual(new Array(80).fill(1));
  const moved = values.map((value) => value + 1);
  keeper.after(moved, 7);
  expect([...moved].filter((value) => value === 0)).toHaveLength(40);
});

test("the share of zeros rises by the cubic rule to the target, the smallest weights first, and none comes back", () => {
  const values = weights();
  const keeper = keepZeros({ target: 0.9 }, layout, parameters, values, 100);
  let before = 40;
  const gone = new Set<number>();
  for (let step = 1; step <= 100; step += 1) {
    const sizes = values.map(Math.abs);
    keeper.after(values, step);
    const zeros = [...values.slice(0, 100).keys()].filter((at) => values[at] === 0);
    expect(zeros.length).toBeGreaterThanOrEqual(before);
    for (const at of gone) expect(values[at]).toBe(0);
    const added = zeros.filter((at) => !gone.has(at) && at >= 40);
    const left = [...sizes.slice(40, 100).keys()]
      .map((at) => at + 40)
      .filter((at) => values[at] !== 0);
    for (const at of added)
      for (const other of left) expect(sizes[at]).toBeLessThanOrEqual(sizes[other] ?? 0);
    for (const at of zeros) gone.add(at);
    before = zeros.length;
  }
  expect(before).toBe(90);
  expect(cubicShare(0.4, 0.9, 0.5)).toBeCloseTo(0.9 - 0.5 * 0.125, 12);
  expect(cubicShare(0.4, 0.9, 3)).toBe(0.9);
});

test("nothing to keep, and fewer zeros than there are, are errors", () => {
  const dense = weights().map((value) => value || 1);
  expect(() => keepZeros({ target: null }, layout, parameters, dense, 10)).toThrowError(
    expect.objectContaining({ code: "training/no-zeros", exitCode: 2 }),
  );
  expect(() => keepZeros({ target: 0.1 }, layout, parameters, weights(), 10)).toThrowError(
    expect.objectContaining({ code: "training/more-zeros", exitCode: 2 }),
  );
});
