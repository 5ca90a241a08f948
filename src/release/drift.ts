import { type SampleBatch, sampleOf } from "../runtime/batches.ts";
import type { Feed, Feeds } from "../runtime/session.ts";
import { chiSquared, holm, kolmogorovSmirnov } from "./two-sample.ts";

/** What is remembered of every item, to compare later ones with. */
export interface Fingerprint {
  /** Numbers by what they are: `input images: mean`, `answer logits: confidence`. */
  readonly numbers: Readonly<Record<string, readonly number[]>>;
  /** Best class by output that has classes. */
  readonly classes: Readonly<Record<string, readonly number[]>>;
}

/** One comparison of later items with the reference. */
export interface DriftLine {
  readonly what: string;
  readonly test: "kolmogorov-smirnov" | "chi-squared";
  readonly reference: number;
  readonly now: number;
  readonly statistic: number;
  readonly p: number;
  /** After Holm's correction for all lines. */
  readonly adjusted: number;
  readonly isFlagged: boolean;
}

/** Statistics of inputs and answers, item by item. */
export function fingerprintOf(
  batches: readonly { readonly batch: SampleBatch; readonly answers: Feeds }[],
): Fingerprint {
  const numbers: Record<string, number[]> = {};
  const classes: Record<string, number[]> = {};
  const add = (to: Record<string, number[]>, key: string, value: number): void => {
    const list = to[key] ?? [];
    to[key] = list;
    list.push(value);
  };
  for (const { batch, answers } of batches) {
    for (let sample = 0; sample < batch.size; sample += 1) {
      for (const [name, feed] of Object.entries(batch.feeds)) {
        const values = numbersOf(sampleOf(feed, sample));
        if (values === null) continue;
        const label = name === "" ? "input" : `input ${name}`;
        const { mean, deviation } = moments(values);
        add(numbers, `${label}: mean`, mean);
        add(numbers, `${label}: deviation`, deviation);
      }
      for (const [name, feed] of Object.entries(answers)) {
        const answer = sampleOf(feed, sample);
        const values = numbersOf(answer);
        if (values === null) continue;
        if (answer.shape.length === 1 && values.length > 1) {
          const best = indexOfMost(values);
          add(classes, `answer ${name}: class`, best);
          add(numbers, `answer ${name}: lead`, leadOf(values, best));
        } else add(numbers, `answer ${name}: mean`, moments(values).mean);
      }
    }
  }
  return { numbers, classes };
}

/**
 * Compares later items with the reference: every number by Kolmogorov and Smirnov's test, classes by the chi-squared test. With no
 * change, the chance that any line is flagged is at most `rate`, for every reference but a share `rate` of all that could have been drawn.
 */
export function driftLines(
  reference: Fingerprint,
  now: Fingerprint,
  rate: number,
): readonly DriftLine[] {
  const lines = Object.keys(reference.numbers).length + Object.keys(reference.classes).length;
  // Every line's reference may be the odd one.
  const doubt = rate / Math.max(lines, 1);
  const tests = [
    ...Object.entries(reference.numbers).flatMap(([what, before]) => {
      const later = now.numbers[what];
      if (later === undefined || later.length === 0 || before.length === 0) return [];
      const found = kolmogorovSmirnov(before, later, doubt);
      const test = "kolmogorov-smirnov" as const;
      return [{ what, test, reference: meanOf(before), now: meanOf(later), ...found }];
    }),
    ...Object.entries(reference.classes).flatMap(([what, before]) => {
      const later = now.classes[what];
      if (later === undefined || later.length === 0 || before.length === 0) return [];
      const most = [...before, ...later].reduce((top, label) => Math.max(top, label), 0);
      const counts = (labels: readonly number[]): number[] => {
        const list = new Array<number>(most + 1).fill(0);
        for (const label of labels) list[label] = (list[label] ?? 0) + 1;
        return list;
      };
      const [a, b] = [counts(before), counts(later)];
      // The class whose share changed most says what happened.
      const share = (list: readonly number[], at: number, size: number): number =>
        (list[at] ?? 0) / size;
      const change = (at: number): number =>
        Math.abs(share(a, at, before.length) - share(b, at, later.length));
      const moved = a.reduce((best, _, at) => (change(at) > change(best) ? at : best), 0);
      return [
        {
          what: `${what} ${moved} share`,
          test: "chi-squared" as const,
          reference: share(a, moved, before.length),
          now: share(b, moved, later.length),
          ...chiSquared(a, b, doubt),
        },
      ];
    }),
  ];
  const adjusted = holm(tests.map(({ p }) => p));
  return tests.map((line, index) => {
    const p = adjusted[index] ?? 1;
    return { ...line, adjusted: p, isFlagged: p < rate };
  });
}

function numbersOf(feed: Feed): ArrayLike<number> | null {
  switch (feed.type) {
    case "float32":
    case "float64":
    case "uint8":
    case "int8":
    case "uint16":
    case "int16":
    case "uint32":
    case "int32":
      return feed.data;
    default:
      return null;
  }
}

function moments(values: ArrayLike<number>): { readonly mean: number; readonly deviation: number } {
  let sum = 0;
  let squares = 0;
  for (let index = 0; index < values.length; index += 1) sum += values[index] ?? 0;
  const mean = sum / values.length;
  for (let index = 0; index < values.length; index += 1)
    squares += ((values[index] ?? 0) - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / values.length) };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function indexOfMost(values: ArrayLike<number>): number {
  let best = 0;
  for (let index = 1; index < values.length; index += 1) {
    if ((values[index] ?? 0) > (values[best] ?? 0)) best = index;
  }
  return best;
}

/** How far the best value is ahead of the second. */
function leadOf(values: ArrayLike<number>, best: number): number {
  let second = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < values.length; index += 1) {
    if (index !== best) second = Math.max(second, values[index] ?? 0);
  }
  return (values[best] ?? 0) - second;
}
