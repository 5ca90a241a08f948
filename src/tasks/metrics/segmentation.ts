import { InputError } from "../../core/errors.ts";
import { bestOf, type Numbers, numbersOf, targetAs } from "../answers.ts";
import type { Answer, Metric } from "../metric.ts";

export interface SegmentationOptions {
  readonly output?: string | undefined;
}

/** Pixels of one picture by class: [class, in both, in the target, in the answer]; classes that neither has are left out. */
export type PixelCounts = readonly (readonly [
  label: number,
  both: number,
  wanted: number,
  given: number,
])[];

/** Intersection over union of one class: pixels that both have over pixels that either has, over all pictures together. */
export function classIou(
  index: number,
  name: string,
  options: SegmentationOptions = {},
): Metric<PixelCounts> {
  return counted(`IoU of ${name}`, options, (sums) => {
    const [both, wanted, given] = sums.get(index) ?? [0, 0, 0];
    return both / (wanted + given - both);
  });
}

/** Mean over the classes that target or answer have of their intersection over union. */
export function meanIou(options: SegmentationOptions = {}): Metric<PixelCounts> {
  return counted("mIoU", options, (sums) => {
    const values = [...sums.values()].map(
      ([both, wanted, given]) => both / (wanted + given - both),
    );
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  });
}

/** The share of the pixels that have a class whose class is right. */
export function pixelAccuracy(options: SegmentationOptions = {}): Metric<PixelCounts> {
  return counted("pixel accuracy", options, (sums) => {
    let [right, all] = [0, 0];
    for (const [both, wanted] of sums.values()) {
      right += both;
      all += wanted;
    }
    return right / all;
  });
}

type Sums = ReadonlyMap<number, readonly [both: number, wanted: number, given: number]>;

function counted(
  name: string,
  { output }: SegmentationOptions,
  value: (sums: Sums) => number,
): Metric<PixelCounts> {
  const pooler =
    (evidence: readonly PixelCounts[]) =>
    (counts: ArrayLike<number>): number => {
      const sums = new Map<number, [number, number, number]>();
      for (const [item, pixels] of evidence.entries()) {
        const times = counts[item] ?? 0;
        if (times === 0) continue;
        for (const [label, both, wanted, given] of pixels) {
          const sum = sums.get(label) ?? [0, 0, 0];
          sum[0] += times * both;
          sum[1] += times * wanted;
          sum[2] += times * given;
          sums.set(label, sum);
        }
      }
      return value(sums);
    };
  return {
    ...{ name, better: "higher", unit: "share", pooling: "pooled", pooler },
    perItem: (answer, target) => {
      const { height, width, labels, ignore } = targetAs(target, "mask");
      return pixelCounts(labels, classMap(answer, { height, width, output }), ignore);
    },
    pooled: (evidence) => pooler(evidence)(evidence.map(() => 1)),
  };
}

/** Pixels by class of one picture; those that count for nothing are left out of both. */
export function pixelCounts(wanted: Int32Array, given: Int32Array, ignore: number): PixelCounts {
  const counts = new Map<number, [number, number, number, number]>();
  const of = (label: number): [number, number, number, number] => {
    const known = counts.get(label) ?? [label, 0, 0, 0];
    counts.set(label, known);
    return known;
  };
  for (const [pixel, label] of wanted.entries()) {
    if (label === ignore) continue;
    const as = given[pixel] ?? -1;
    of(label)[2] += 1;
    of(as)[3] += 1;
    if (as === label) of(label)[1] += 1;
  }
  return [...counts.values()].sort((a, b) => a[0] - b[0]);
}

/**
 * The class of every pixel: the best of the scores, which are stretched to the wanted size first (bilinear, the middles of pixels on each other, as networks are
 * trained). One channel alone is the probability of class 1, or its logit; an output of whole numbers is taken as it is.
 * @throws InputError `tasks/bad-answer`
 */
export function classMap(
  answer: Answer,
  { height, width, output }: { height: number; width: number; output?: string | undefined },
): Int32Array {
  const { shape, data } = numbersOf(answer, output);
  const [channels, rows, columns] = layout(shape);
  const areClasses = channels === 1 && isWhole(answer, output);
  if (areClasses) {
    return Int32Array.from({ length: height * width }, (_, pixel) => {
      const row = Math.floor(((Math.floor(pixel / width) + 0.5) * rows) / height);
      const column = Math.floor((((pixel % width) + 0.5) * columns) / width);
      return data[row * columns + column] ?? -1;
    });
  }
  const [down, across] = [places(rows, height), places(columns, width)];
  const plane = rows * columns;
  const labels = new Int32Array(height * width);
  const scores = new Float64Array(channels);
  const threshold = channels === 1 && isProbability(data) ? 0.5 : 0;
  for (const [row, y] of down.entries()) {
    for (const [column, x] of across.entries()) {
      for (let channel = 0; channel < channels; channel += 1) {
        const at = (r: number, c: number): number => data[channel * plane + r * columns + c] ?? 0;
        const upper = at(y.low, x.low) * (1 - x.share) + at(y.low, x.high) * x.share;
        const lower = at(y.high, x.low) * (1 - x.share) + at(y.high, x.high) * x.share;
        scores[channel] = upper * (1 - y.share) + lower * y.share;
      }
      const best = channels === 1 ? ((scores[0] ?? 0) > threshold ? 1 : 0) : bestOf(scores);
      labels[row * width + column] = best;
    }
  }
  return labels;
}

interface Place {
  readonly low: number;
  readonly high: number;
  readonly share: number;
}

/** Where each of the wanted pixels lies between those that there are. */
function places(from: number, to: number): readonly Place[] {
  return Array.from({ length: to }, (_, index) => {
    const at = Math.min(from - 1, Math.max(0, ((index + 0.5) * from) / to - 0.5));
    const low = Math.floor(at);
    return { low, high: Math.min(from - 1, low + 1), share: at - low };
  });
}

function layout(shape: Numbers["shape"]): readonly [number, number, number] {
  const [first = 1, second = 1, third = 1] = shape;
  if (shape.length === 2) return [1, first, second];
  if (shape.length === 3) return [first, second, third];
  throw new InputError({
    code: "tasks/bad-answer",
    message: `The output is [${shape.join(", ")}] per sample; scores of [classes, height, width] are needed.`,
    where: "outputs",
    hint: "Name another output with --outputs, or another task with --task.",
  });
}

function isWhole(answer: Answer, output: string | undefined): boolean {
  const feed = answer[output ?? Object.keys(answer)[0] ?? ""];
  return feed !== undefined && !feed.type.startsWith("float");
}

function isProbability(data: ArrayLike<number>): boolean {
  for (let at = 0; at < data.length; at += 1) {
    const value = data[at] ?? 0;
    if (value < 0 || value > 1) return false;
  }
  return true;
}
