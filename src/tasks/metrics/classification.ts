import { InputError } from "../../core/errors.ts";
import type { Target } from "../../runtime/batches.ts";
import { bestOf, numbersOf, probabilitiesOf, sigmoids, targetAs } from "../answers.ts";
import { averagePrecision, byScore } from "../average-precision.ts";
import { type Answer, type Metric, meanMetric } from "../metric.ts";

export interface ClassificationOptions {
  /** Output with the scores of the classes; the first one where left out. */
  readonly output?: string | undefined;
}

const SHARE = { better: "higher", unit: "share" } as const;

/** The share of the samples whose class is among the best `k`; among equal scores the lower class goes first. */
export function topMetric(k: number, { output }: ClassificationOptions = {}): Metric<number> {
  return meanMetric({ ...SHARE, name: `top-${k}`, pooling: "rate" }, (answer, target) => {
    const { scores, label } = compared(answer, target, output);
    const own = scores[label] ?? Number.NaN;
    if (Number.isNaN(own)) return 0;
    let better = 0;
    for (let at = 0; at < scores.length; at += 1) {
      const score = scores[at] ?? 0;
      if (score > own || (score === own && at < label)) better += 1;
    }
    return better < k ? 1 : 0;
  });
}

/** The class that a sample has, and the one that it was given. */
export interface Named {
  readonly label: number;
  readonly named: number;
}

function named(output: string | undefined): Metric<Named>["perItem"] {
  return (answer, target) => {
    const { scores, label } = compared(answer, target, output);
    return { label, named: bestOf(scores) };
  };
}

/** How often each class was given each name: rows are the true classes. */
export function confusion(evidence: readonly Named[], classes: number): readonly Int32Array[] {
  const rows = Array.from({ length: classes }, () => new Int32Array(classes));
  for (const { label, named: as } of evidence) {
    const row = rows[label];
    if (row !== undefined && as >= 0) row[as] = (row[as] ?? 0) + 1;
  }
  return rows;
}

/** What a class is judged by: `recall` = hits / members, `precision` = hits / named so, `f1` their harmonic mean. */
export type ClassMeasure = "recall" | "precision" | "f1";

/**
 * Recall, precision or F1 of one class. Recall of a class without members, and the precision of one that is never named, are not defined; F1
 * is 2 hits / (members + named so).
 */
export function classMetric(
  measure: ClassMeasure,
  index: number,
  name: string,
  { output }: ClassificationOptions = {},
): Metric<Named> {
  return {
    ...{ ...SHARE, name: `${measure} of ${name}`, pooling: "pooled" },
    perItem: named(output),
    pooled: (evidence) => measured(measure, tally(evidence, index)),
  };
}

/** The mean of a class measure over the classes that it is defined for: every class weighs the same, however rare. */
export function macroMetric(
  measure: ClassMeasure,
  classes: number,
  { output }: ClassificationOptions = {},
): Metric<Named> {
  return {
    ...{ ...SHARE, name: `macro ${measure}`, pooling: "pooled" },
    perItem: named(output),
    pooled: (evidence) => {
      const tallies = Array.from({ length: classes }, () => ({ hits: 0, members: 0, so: 0 }));
      for (const { label, named: as } of evidence) {
        const [own, other] = [tallies[label], tallies[as]];
        if (own !== undefined) own.members += 1;
        if (other !== undefined) other.so += 1;
        if (own !== undefined && label === as) own.hits += 1;
      }
      const values = tallies.map((each) => measured(measure, each)).filter((v) => !Number.isNaN(v));
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    },
  };
}

interface Tally {
  readonly hits: number;
  readonly members: number;
  /** How many were named so. */
  readonly so: number;
}

function tally(evidence: readonly Named[], index: number): Tally {
  let [hits, members, so] = [0, 0, 0];
  for (const { label, named: as } of evidence) {
    if (label === index) members += 1;
    if (as === index) so += 1;
    if (label === index && as === index) hits += 1;
  }
  return { hits, members, so };
}

function measured(measure: ClassMeasure, { hits, members, so }: Tally): number {
  if (measure === "recall") return hits / members;
  if (measure === "precision") return hits / so;
  return (2 * hits) / (members + so);
}

const BINS = 15;

/**
 * Expected calibration error (Guo et al., 1706.04599): over 15 equal bins of the best class's probability, the mean of |share right - mean probability|, weighted by the
 * bins' samples.
 */
export function calibrationError({
  output,
}: ClassificationOptions = {}): Metric<readonly [probability: number, right: number]> {
  return {
    ...{ name: "calibration error", better: "lower", unit: "share", pooling: "pooled" },
    perItem: (answer, target) => {
      const { scores, label } = compared(answer, target, output);
      const probabilities = probabilitiesOf(scores);
      const best = bestOf(probabilities);
      return [probabilities[best] ?? 0, best === label ? 1 : 0];
    },
    pooled: (evidence) => {
      const bins = Array.from({ length: BINS }, () => ({ surely: 0, right: 0 }));
      for (const [probability, right] of evidence) {
        const bin = bins[Math.min(BINS - 1, Math.max(0, Math.ceil(probability * BINS) - 1))];
        if (bin === undefined) continue;
        bin.surely += probability;
        bin.right += right;
      }
      const apart = bins.reduce((sum, { surely, right }) => sum + Math.abs(right - surely), 0);
      return apart / evidence.length;
    },
  };
}

/** A sample's class and how sure the network is of the class that is looked for. */
export interface Suspicion {
  readonly label: number;
  readonly score: number;
}

/**
 * Recall of a class at a rate of false alarms: the threshold on its probability is the lowest at which at most the given share of the samples of
 * the `harmless` classes reach it; the value is the share of the class's samples that reach it.
 * @param harmless classes that alarms are false on; all others where left out
 */
export function recallAtFalseAlarms(
  index: number,
  name: string,
  rate: number,
  options: ClassificationOptions & { readonly harmless?: readonly number[] | undefined } = {},
): Metric<Suspicion> {
  const isHarmless = (label: number): boolean =>
    options.harmless === undefined ? label !== index : options.harmless.includes(label);
  return {
    ...{ ...SHARE, pooling: "pooled" },
    name: `recall of ${name} at ${100 * rate} % false alarms`,
    perItem: (answer, target) => {
      const { scores, label } = compared(answer, target, options.output);
      return { label, score: probabilitiesOf(scores)[index] ?? 0 };
    },
    pooled: (evidence) => {
      const members = evidence.filter(({ label }) => label === index);
      const others = evidence.filter(({ label }) => isHarmless(label)).map(({ score }) => score);
      others.sort((a, b) => b - a);
      // Rounding must not cost an alarm that the rate allows.
      const allowed = Math.floor(rate * others.length + 1e-9);
      const limit = others[allowed] ?? Number.NEGATIVE_INFINITY;
      return members.filter(({ score }) => score > limit).length / members.length;
    },
  };
}

/** Scores of the classes of a sample, and which of them it has. */
export interface Tagged {
  readonly scores: readonly number[];
  readonly labels: readonly number[];
}

/** Mean average precision over the classes that any sample has, for samples with several classes (area, as scikit-learn's). */
export function multiLabelPrecision({ output }: ClassificationOptions = {}): Metric<Tagged> {
  const pooler = (evidence: readonly Tagged[]): ((counts: ArrayLike<number>) => number) => {
    const classes = evidence[0]?.scores.length ?? 0;
    const found = Array.from({ length: classes }, (_, index) =>
      byScore(
        evidence.map(({ scores, labels }, item) => ({
          ...{ item, score: scores[index] ?? 0, hit: labels.includes(index) },
        })),
      ),
    );
    return (counts) => {
      const values = found.flatMap((finds) => {
        const positives = finds.reduce(
          (n, { hit, item }) => n + (hit ? (counts[item] ?? 0) : 0),
          0,
        );
        return positives === 0 ? [] : averagePrecision(finds, positives, counts, "area");
      });
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    };
  };
  return {
    ...{ ...SHARE, name: "mAP", pooling: "pooled", pooler },
    perItem: (answer, target) => {
      const { labels } = targetAs(target, "classes");
      return { scores: Array.from(sigmoids(numbersOf(answer, output).data)), labels };
    },
    pooled: (evidence) => pooler(evidence)(evidence.map(() => 1)),
  };
}

function compared(
  answer: Answer,
  target: Target,
  output: string | undefined,
): { readonly scores: ArrayLike<number>; readonly label: number } {
  const { label } = targetAs(target, "class");
  const { data, shape } = numbersOf(answer, output);
  const isScores = shape.slice(1).every((extent) => extent === 1) && shape.length > 0;
  if (!isScores) {
    throw new InputError({
      code: "tasks/bad-answer",
      message: `The output is [${shape.join(", ")}] per sample; one score per class is needed.`,
      where: output ?? "first output",
      hint: "Name another output with --outputs, or another task with --task.",
    });
  }
  if (label < data.length) return { scores: data, label };
  throw new InputError({
    code: "data/bad-label",
    message: `The data set has label ${label}, the network ${data.length} classes.`,
    where: "data",
    hint: "Check 'classOffset' and 'classes' in the data set's config.",
  });
}
