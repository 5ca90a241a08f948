import { describe, expect, test } from "vitest";
import {
  cellInterval,
  intervalMs,
  normalQuantile,
  quantileMs,
} from "../../src/latency/uncertainty.ts";

describe("the normal quantile", () => {
  test.each([
    [0.5, 0],
    [0.8, 0.8416212335729143],
    [0.9, 1.2815515655446004],
    [0.95, 1.6448536269514722],
    [0.99, 2.3263478740408408],
    [0.999999, 4.753424308822899],
    [0.025, -1.9599639845400545],
  ])("of %f is that of printed tables", (probability, z) => {
    expect(normalQuantile(probability)).toBeCloseTo(z, 9);
  });
});

describe("the quantile of a sum of times", () => {
  test("is that of a log-normal factor where only the common error counts", () => {
    const time = { ms: 10, variance: 0, common: 0.2 };
    expect(quantileMs(time, 0.9)).toBeCloseTo(10 * Math.exp(0.2 * 1.2815515655), 8);
    expect(quantileMs(time, 0.1)).toBeCloseTo(10 * Math.exp(-0.2 * 1.2815515655), 8);
  });

  test("is that of a normal sum where only the own errors count", () => {
    expect(quantileMs({ ms: 10, variance: 4, common: 0 }, 0.9)).toBeCloseTo(12.5631031311, 8);
  });

  test("is below the mean under one half, and an interval never below zero", () => {
    const time = { ms: 1, variance: 9, common: 0.1 };
    expect(quantileMs(time, 0.3)).toBeLessThan(1);
    expect(intervalMs(time, 0.9)).toMatchObject({ lowMs: 0 });
  });
});

test("a cell's interval holds a log-normal time of that mean", () => {
  const { lowMs, highMs } = cellInterval(2, 0.3, 0.9);
  expect(Math.log(highMs / lowMs)).toBeCloseTo(2 * 0.3 * 1.6448536, 6);
  // The mean of a log-normal distribution is its median times exp(s^2 / 2).
  expect(Math.sqrt(lowMs * highMs) * Math.exp(0.3 ** 2 / 2)).toBeCloseTo(2, 12);
});
