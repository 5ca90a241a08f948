import { join } from "node:path";
import { writeFileAtomic } from "../core/files.ts";
import type { Validation } from "./batches.ts";

/** What one epoch came to. Losses are means over its images. */
export interface EpochMetrics {
  /** Counted from 1. */
  readonly epoch: number;
  /** Steps of the optimiser since the beginning of the run. */
  readonly step: number;
  /** Learning rate of its last step. */
  readonly rate: number;
  readonly batch: number;
  readonly loss: number;
  /** The parts of the loss before they are weighted; null for those that the recipe leaves out. */
  readonly labelLoss: number | null;
  readonly scoreLoss: number | null;
  readonly featureLoss: number | null;
  readonly outputLoss: number | null;
  /** Share of the training images, as they were augmented, that were named right while the weights moved. */
  readonly trainTop1: number | null;
  readonly validationTop1: number | null;
  readonly validationTop5: number | null;
  readonly imagesPerSecond: number;
  /** Share of the time of the epoch's steps that was spent outside of the networks' runs, 0 to 1. */
  readonly overhead: number;
  /** Seconds of training and validation so far, those of earlier parts of a resumed run included. */
  readonly seconds: number;
}

export const METRIC_COLUMNS = [
  "epoch",
  "step",
  "rate",
  "batch",
  "loss",
  "labelLoss",
  "scoreLoss",
  "featureLoss",
  "outputLoss",
  "trainTop1",
  "validationTop1",
  "validationTop5",
  "imagesPerSecond",
  "overhead",
  "seconds",
] as const satisfies readonly (keyof EpochMetrics)[];

/** Metrics as CSV with a header; empty where a figure doesn't exist. */
export function metricsCsv(rows: readonly EpochMetrics[]): string {
  const lines = rows.map((row) =>
    METRIC_COLUMNS.map((column) => {
      const value = row[column];
      return value === null ? "" : String(Number(value.toPrecision(7)));
    }).join(","),
  );
  return `${[METRIC_COLUMNS.join(","), ...lines].join("\n")}\n`;
}

/** Writes `metrics.csv` into the run's folder. */
export function writeMetrics(folder: string, rows: readonly EpochMetrics[]): void {
  writeFileAtomic(join(folder, "metrics.csv"), metricsCsv(rows));
}

/**
 * The metrics of an epoch from sums over its images.
 * @param sums `images`, `milliseconds`, `runMilliseconds`, `loss`, and whichever of `labels`, `scores`, `features`, `outputs`
 * and `hits` exist.
 */
export function epochMetrics(
  sums: Readonly<Record<string, number>>,
  about: Pick<EpochMetrics, "epoch" | "step" | "rate" | "batch" | "seconds"> & {
    readonly validation: Validation | null;
  },
): EpochMetrics {
  const { validation, ...rest } = about;
  const images = Math.max(1, sums["images"] ?? 0);
  const milliseconds = Math.max(1e-9, sums["milliseconds"] ?? 0);
  const mean = (name: string): number | null => {
    const sum = sums[name];
    return sum === undefined ? null : sum / images;
  };
  return {
    ...rest,
    loss: mean("loss") ?? Number.NaN,
    labelLoss: mean("labels"),
    scoreLoss: mean("scores"),
    featureLoss: mean("features"),
    outputLoss: mean("outputs"),
    trainTop1: mean("hits"),
    validationTop1: validation?.top1 ?? null,
    validationTop5: validation?.top5 ?? null,
    imagesPerSecond: (1000 * images) / milliseconds,
    overhead: Math.max(0, 1 - (sums["runMilliseconds"] ?? 0) / milliseconds),
  };
}

/** An epoch in one line, for people. */
export function epochLine(metrics: EpochMetrics, epochs: number, images: number): string {
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
  return [
    `epoch ${metrics.epoch}/${epochs}: loss ${metrics.loss.toFixed(4)}`,
    ...(metrics.trainTop1 === null ? [] : [`training ${percent(metrics.trainTop1)}`]),
    ...(metrics.validationTop1 === null ? [] : [`validation ${percent(metrics.validationTop1)}`]),
    `${images} images at ${metrics.imagesPerSecond.toFixed(0)}/s (${percent(metrics.overhead)} outside the networks)`,
  ].join(", ");
}
