import { quantile } from "../../runtime/timing.ts";
import type { RunSample } from "../measure/samples.ts";

/**
 * How recorded operation times add up to the time of the network:
 * totalMs = scale * (sum of operation times) + perEventMs * (number of events).
 * Recording an event takes time that is part of what it reads, so `perEventMs` is usually a few microseconds below zero.
 */
export interface Calibration {
  readonly scale: number;
  readonly perEventMs: number;
  /** |fitted - measured| / measured over the networks that it was fitted to. */
  readonly meanError: number;
}

/** Networks with fewer runs than this don't tell the two coefficients apart. */
const ENOUGH_RUNS = 8;
/** What recording an event can cost at most, in milliseconds. */
const MOST_PER_EVENT = 0.006;
const PASSES = 3;

/** Fits the calibration in relative terms, three times, each without what lies far off the time before. */
export function calibrate(samples: readonly RunSample[]): Calibration {
  const points = samples.map((sample) => ({
    sum: sample.opMs.reduce<number>((sum, ms) => sum + (ms ?? 0), 0),
    events: sample.opEvents.reduce((sum, events) => sum + events, 0),
    total: sample.totalMs,
  }));
  let used = points;
  let fitted = { scale: 1, perEventMs: 0 };
  const errorOf = (point: (typeof points)[number]): number =>
    Math.abs(fitted.scale * point.sum + fitted.perEventMs * point.events - point.total) /
    point.total;
  for (let pass = 0; pass < PASSES; pass += 1) {
    fitted = solve(used);
    const usual = quantile(points.map(errorOf), 0.5);
    used = points.filter((point) => errorOf(point) <= 4 * usual + 1e-6);
  }
  const meanError = points.reduce((sum, point) => sum + errorOf(point), 0) / points.length;
  return { ...fitted, meanError };
}

function solve(
  points: readonly { readonly sum: number; readonly events: number; readonly total: number }[],
): { readonly scale: number; readonly perEventMs: number } {
  let [ss, se, ee, s, e] = [0, 0, 0, 0, 0];
  for (const { sum, events, total } of points) {
    const [x, y] = [sum / total, events / total];
    ss += x * x;
    se += x * y;
    ee += y * y;
    s += x;
    e += y;
  }
  const determinant = ss * ee - se * se;
  const perEventMs = (ss * e - se * s) / determinant;
  const usable =
    points.length >= ENOUGH_RUNS &&
    determinant > 1e-9 * ss * ee &&
    perEventMs <= 0 &&
    perEventMs >= -MOST_PER_EVENT;
  return usable
    ? { scale: (s * ee - se * e) / determinant, perEventMs }
    : { scale: s / ss, perEventMs: 0 };
}

/**
 * The samples as if the machine had always run at one speed: times divided by how the reference network was off its
 * median, smoothed over neighbouring runs. The reference must be in the order it was measured in.
 */
export function withoutDrift(samples: readonly RunSample[]): RunSample[] {
  const references = samples.map((sample) => sample.referenceMs);
  const usual = quantile(references, 0.5);
  return samples.map((sample, index) => {
    const near = references.slice(Math.max(0, index - 2), index + 3);
    const factor = quantile(near, 0.5) / usual;
    return {
      ...sample,
      totalMs: sample.totalMs / factor,
      referenceMs: sample.referenceMs / factor,
      opMs: sample.opMs.map((ms) => (ms === null ? null : ms / factor)),
    };
  });
}

/** How much the reference network's time varied: (90 % - 10 % quantile) / median. */
export function spreadOf(samples: readonly RunSample[]): number {
  const references = samples.map((sample) => sample.referenceMs);
  return (quantile(references, 0.9) - quantile(references, 0.1)) / quantile(references, 0.5);
}
