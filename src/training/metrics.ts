import { join } from "node:path";
import { writeFileAtomic } from "../core/files.ts";

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
