import { expect, test } from "vitest";
import { createOptimiser, type OptimiserSpec } from "../../src/training/optimisers.ts";
import { rateAt, type ScheduleSpec } from "../../src/training/schedules.ts";
import { clipByGlobalNorm, globalNorm, moveAverage } from "../../src/training/smoothing.ts";

const RANGES = [
  { start: 0, end: 3, decay: true },
  { start: 3, end: 4, decay: false },
];

/** Four steps on gradients curvature * weight + 0.1 * step, as the figures below were made with PyTorch 1.13 (lr 0.1). */
function fourSteps(spec: OptimiserSpec): number[] {
  const weights = Float32Array.of(1, -2, 0.5, 0.25);
  const curvature = [1, 0.5, 2, 3];
  const optimiser = createOptimiser(spec, RANGES);
  for (let step = 0; step < 4; step += 1) {
    const gradients = weights.map((weight, at) => (curvature[at] ?? 0) * weight + 0.1 * step);
    optimiser.step(weights, gradients, 0.1, step);
  }
  return [...weights];
}

const SGD = {
  kind: "sgd",
  momentum: 0.9,
  nesterov: false,
  weightDecay: 0.01,
  decayAll: false,
} as const;

test.each([
  ["SGD with momentum", SGD, [0.1309878528, -1.2393497229, -0.2402854711, -0.2392999679]],
  [
    "SGD with Nesterov's momentum",
    { ...SGD, nesterov: true },
    [-0.0409985632, -1.0672404766, -0.2767255604, -0.2058258653],
  ],
  [
    "AdamW",
    {
      kind: "adamw",
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-8,
      weightDecay: 0.05,
      decayAll: false,
    },
    [0.5832368135, -1.571040392, 0.0970067382, -0.1278141886],
  ],
] as const)(
  "%s moves weights as PyTorch's does, with decay on one group only",
  (_, spec, wanted) => {
    for (const [at, weight] of fourSteps(spec).entries())
      expect(weight).toBeCloseTo(wanted[at] ?? 0, 5);
  },
);

test("decayAll decays what is left alone otherwise", () => {
  const weights = Float32Array.of(1, 1, 1, 1);
  createOptimiser({ ...SGD, decayAll: true }, RANGES).step(weights, new Float32Array(4), 1, 0);
  expect([...weights]).toEqual([...Float32Array.of(0.99, 0.99, 0.99, 0.99)]);
});

const SCHEDULE: ScheduleSpec = { kind: "cosine", rate: 0.1, warmupEpochs: 0, finalShare: 0.1 };
const rates = (spec: ScheduleSpec, total = 10, perEpoch = 1): number[] =>
  Array.from({ length: total }, (_, step) => rateAt(spec, step, total, perEpoch));

test("the cosine schedule is PyTorch's CosineAnnealingLR", () => {
  const wanted = [0.1, 0.0977975433, 0.0914057647, 0.0814503364, 0.0689057647, 0.055];
  for (const [step, rate] of wanted.entries()) expect(rates(SCHEDULE)[step]).toBeCloseTo(rate, 9);
});

test("linear, step and constant schedules are what their names say", () => {
  expect(rates({ ...SCHEDULE, kind: "linear", finalShare: 0 }, 4)).toEqual([
    0.1,
    0.1 * 0.75,
    0.1 * 0.5,
    0.1 * 0.25,
  ]);
  const stepped = rates({ ...SCHEDULE, kind: "step" }, 8).map((rate) => rate.toFixed(4));
  expect(stepped).toEqual(
    [..."0000"].map(() => "0.1000").concat(["0.0100", "0.0100", "0.0010", "0.0010"]),
  );
  expect(new Set(rates({ ...SCHEDULE, kind: "constant" }))).toEqual(new Set([0.1]));
});

test("the warm-up rises linearly to the full rate, and the rest of the schedule follows it", () => {
  const warm = rates({ ...SCHEDULE, warmupEpochs: 2, finalShare: 0 }, 12, 2);
  expect(warm.slice(0, 5).map((rate) => rate.toFixed(3))).toEqual([
    "0.025",
    "0.050",
    "0.075",
    "0.100",
    "0.100",
  ]);
  expect(warm.at(-1)).toBeLessThan(0.01);
});

test("clipping scales all gradients together to the largest norm, and leaves smaller ones alone", () => {
  const gradients = Float32Array.of(3, 4, 12);
  expect(clipByGlobalNorm(gradients, 6.5)).toBe(13);
  expect([...gradients]).toEqual([1.5, 2, 6]);
  expect(clipByGlobalNorm(gradients, 100)).toBe(6.5);
  expect(globalNorm(gradients)).toBe(6.5);
});

test("the average of the weights forgets its start quickly, then keeps what it was told to", () => {
  const average = Float32Array.of(0);
  moveAverage(average, Float32Array.of(1), 0.999, 0);
  expect(average[0]).toBeCloseTo(0.9, 6);
  moveAverage(average, Float32Array.of(0), 0.5, 1e6);
  expect(average[0]).toBeCloseTo(0.45, 6);
});
