import type { AugmentSpec } from "../data/augment.ts";
import type { TrainingPlan, TrainingReport, UsedData } from "../documents/training.ts";
import type { EpochMetrics } from "../training/metrics.ts";
import type { Recipe } from "../training/recipe.ts";
import type { Painter } from "./painter.ts";
import { count, percent, plainTable } from "./solve-report.ts";

/**
 * A run before it begins, as people read it.
 * @param validated whether somebody may want to know how to validate.
 */
export function trainingHead(report: TrainingPlan, validated = true): string {
  const { network, data, validation, recipe, augment, teacher } = report;
  const lines = [
    `Network     ${network.name}, ${count(report.parameters)} trained parameters${normsText(report.batchNorms)}`,
    `Data        ${placeText(data)} of ${report.imageShape.join(" x ")}, ${augmentText(augment)}`,
    `Validation  ${validation === null ? `none${validated ? ": name images with --val-data" : ""}` : placeText(validation)}`,
    `Recipe      ${recipeText(recipe)}`,
    `Loss        ${lossText(recipe, report.features.length)}`,
  ];
  if (teacher !== null) lines.push(`Teacher     ${teacher.path}`);
  return lines.join("\n");
}

/** What came of it, as people read it. */
export function trainingText(report: TrainingReport, paint: Painter): string {
  const { history, best, before, files } = report;
  const hasValidation = history.some(({ validationTop1 }) => validationTop1 !== null);
  const hasTraining = history.some(({ trainTop1 }) => trainTop1 !== null);
  const head = [
    "epoch",
    "loss",
    ...(hasTraining ? ["training"] : []),
    ...(hasValidation ? ["top-1", "top-5"] : []),
    "images/s",
    "outside",
  ];
  const table = plainTable(
    head,
    head.map((): "right" => "right"),
  );
  for (const row of history) {
    table.push([
      row.epoch,
      row.loss.toFixed(4),
      ...(hasTraining ? [percent(row.trainTop1 ?? Number.NaN)] : []),
      ...(hasValidation
        ? [percent(row.validationTop1 ?? Number.NaN), percent(row.validationTop5 ?? Number.NaN)]
        : []),
      row.imagesPerSecond.toFixed(0),
      percent(row.overhead),
    ]);
  }
  const last = history.at(-1);
  const lines = [table.toString(), ""];
  if (last?.validationTop1 != null) {
    const start = before === null ? "" : `${percent(before.top1)} before, `;
    lines.push(
      `Top-1       ${start}${paint.bar(percent(last.validationTop1))} after epoch ${last.epoch}${bestText(best, last)}`,
    );
  }
  lines.push(`Time        ${timeText(report)}`);
  lines.push(`Written to ${files.last}${files.best === null ? "" : `, ${files.best}`}`);
  lines.push(`Figures in ${files.metrics} and, for TensorBoard, ${files.events}`);
  return lines.join("\n");
}

/** The command's time, and where it went. */
function timeText({ seconds, history }: TrainingReport): string {
  const text = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} s`;
  if (seconds === undefined) return `${text(history.at(-1)?.seconds ?? 0)} in epochs`;
  const { total, training, validation } = seconds;
  const rest = total - training - validation;
  return `${text(total)}: epochs ${text(training)}, validation ${text(validation)}, decoding, preparing and writing ${text(rest)}`;
}

function bestText(best: TrainingReport["best"], last: EpochMetrics): string {
  if (best === null || best.epoch === last.epoch) return "";
  return `; best ${percent(best.top1)} after epoch ${best.epoch}, chosen on these images`;
}

function placeText({ path, split, images }: UsedData): string {
  return `${path}${split === null ? "" : ` (${split})`}, ${count(images)} images`;
}

function normsText(batchNorms: number): string {
  return batchNorms === 0
    ? "; no BatchNormalization (folded ones are trained as weights and biases)"
    : `, ${batchNorms} BatchNormalizations`;
}

function augmentText({ crop, flip, mixup }: AugmentSpec): string {
  return [
    crop === 0 ? "not moved" : `moved by up to ${crop} pixels`,
    flip === "none" ? "not mirrored" : flip === "all" ? "mirrored and turned" : "mirrored",
    ...(mixup > 0 ? [`mixed by ${mixup}`] : []),
  ].join(", ");
}

function recipeText(recipe: Recipe): string {
  const { optimiser, schedule, batch, accumulate, clipNorm, ema, epochs } = recipe;
  const moves =
    optimiser.kind === "adamw"
      ? "AdamW"
      : `SGD with ${optimiser.nesterov ? "Nesterov's " : ""}momentum ${optimiser.momentum}`;
  return [
    `${epochs} epoch${epochs === 1 ? "" : "s"}`,
    `batch ${batch.join(", then ")}${accumulate === 1 ? "" : ` x ${accumulate}`}`,
    moves,
    `rate ${schedule.rate} (${schedule.kind}${schedule.warmupEpochs > 0 ? `, warm-up ${schedule.warmupEpochs}` : ""})`,
    `decay ${optimiser.weightDecay}`,
    ...(clipNorm === null ? [] : [`gradients clipped to ${clipNorm}`]),
    ...(ema === null ? [] : [`weights averaged by ${ema}`]),
  ].join(", ");
}

function lossText({ loss }: Recipe, features: number): string {
  const smoothed = loss.labelSmoothing > 0 ? ` smoothed by ${loss.labelSmoothing}` : "";
  const parts = [
    loss.labels > 0 ? `${loss.labels} x labels${smoothed}` : null,
    loss.scores > 0
      ? `${loss.scores} x the teacher's scores at temperature ${loss.temperature}`
      : null,
    loss.features > 0 && features > 0
      ? `${loss.features} x its inner values in ${features} place${features === 1 ? "" : "s"}`
      : null,
    loss.outputs > 0 ? `${loss.outputs} x all its outputs` : null,
    (loss.pairs ?? 0) > 0 ? `${loss.pairs} x similarities of all pairs in a batch` : null,
  ];
  return parts.filter((part) => part !== null).join(" + ");
}
