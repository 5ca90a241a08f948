import { quantile } from "../../runtime/timing.ts";
import type { RunSample } from "../run-sample.ts";

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

/** What tells the machine's pace beside a measured network. Milliseconds. */
export type Paced = Pick<RunSample, "totalMs" | "referenceMs" | "thinMs" | "paired">;

/** What the references usually take. */
export interface UsualPace {
  readonly referenceMs: number;
  /** null where no thin network was run. */
  readonly thinMs: number | null;
}

export function usualPace(samples: readonly Paced[]): UsualPace {
  const thin = samples.flatMap(({ thinMs }) => thinMs ?? []);
  return {
    referenceMs: quantile(
      samples.map(({ referenceMs }) => referenceMs),
      0.5,
    ),
    thinMs: thin.length < samples.length ? null : quantile(thin, 0.5),
  };
}

/**
 * How many times as long as usual each network took, in the order they were measured in. Where neighbours on a shared machine
 * slow it down, thin networks, which are mostly calls and little arithmetic, don't slow down as wide ones do: a network is
 * placed between the thin and the dense one by its time, and taken back along that line. (ResNet-56, batch 8: the time of
 * a third of its width against the dense one's wandered by 5 % within minutes.)
 */
export function drifts(samples: readonly Paced[], usual: UsualPace = usualPace(samples)): number[] {
  const references = samples.map(({ referenceMs }) => referenceMs);
  return samples.map(({ paired, totalMs, referenceMs, thinMs }, index) => {
    const near = references.slice(Math.max(0, index - 2), index + 3);
    if (paired !== true) return quantile(near, 0.5) / usual.referenceMs;
    if (thinMs === undefined || usual.thinMs === null) return referenceMs / usual.referenceMs;
    // The line is not extended, and not drawn where the two are about as slow.
    if (totalMs <= thinMs) return thinMs / usual.thinMs;
    if (totalMs >= referenceMs) return referenceMs / usual.referenceMs;
    const place = (totalMs - thinMs) / (referenceMs - thinMs);
    return totalMs / (usual.thinMs + place * (usual.referenceMs - usual.thinMs));
  });
}

/** The samples as if the machine had always run at one speed: times divided by the drift. */
export function withoutDrift(samples: readonly RunSample[]): RunSample[] {
  const usual = usualPace(samples);
  const factors = drifts(samples, usual);
  return samples.map((sample, index) => {
    const factor = factors[index] ?? 1;
    return {
      ...sample,
      totalMs: sample.totalMs / factor,
      referenceMs: usual.referenceMs,
      opMs: sample.opMs.map((ms) => (ms === null ? null : ms / factor)),
    };
  });
}

/** How much the reference network's time varied: (90 % - 10 % quantile) / median. */
export function spreadOf(samples: readonly RunSample[]): number {
  const references = samples.map((sample) => sample.referenceMs);
  return (quantile(references, 0.9) - quantile(references, 0.1)) / quantile(references, 0.5);
}
