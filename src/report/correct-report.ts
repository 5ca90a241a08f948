import type { CorrectReport } from "../documents/correct.ts";
import type { Painter } from "./painter.ts";
import { proofText } from "./proof-report.ts";
import { percent } from "./solve-report.ts";

const HOW = {
  "least-squares": "weights and biases fitted",
  bn: "BatchNormalization statistics measured again",
  both: "weights and biases fitted, then BatchNormalization statistics measured again",
} as const;

export function correctText(report: CorrectReport, paint: Painter): string {
  const { proof, layers, left, renewed, images, method, seconds } = report;
  const parts = [
    ...(layers.length === 0 ? [] : [`${new Set(layers.map(({ label }) => label)).size} layers`]),
    ...(renewed === 0 ? [] : [`${renewed} normalisations`]),
  ];
  const lines = [
    `Surgery     before weights changed: ${proofText(proof)}`,
    `Corrected   ${parts.join(", ")} on ${images} images without labels, ${seconds.toFixed(1)} s: ${HOW[method]}`,
    ...left.slice(0, 3).map(({ label, reason }) => `As it was   ${label}: ${reason}`),
    ...(left.length > 3 ? [`As they were  ${left.length - 3} more (--json lists them)`] : []),
    ...ridgeLines(report),
    ...accuracyLines(report, paint),
    `Written to  ${report.out}`,
  ];
  return lines.join("\n");
}

function ridgeLines({ layers }: CorrectReport): readonly string[] {
  const least = Math.min(...layers.map((layer) => layer.ridge));
  const raised = new Set(layers.filter(({ ridge }) => ridge > least).map(({ label }) => label));
  return raised.size === 0
    ? []
    : [
        `Ridge       raised for ${raised.size} layers: images outside of the fit come closer, or inputs depend on each other`,
      ];
}

function accuracyLines({ accuracy, judgedOn }: CorrectReport, paint: Painter): readonly string[] {
  const [dense, cut, corrected] = accuracy ?? [];
  if (dense === undefined || cut === undefined || corrected === undefined) return [];
  const lost = dense.top1 - cut.top1;
  const back = corrected.top1 - cut.top1;
  const share = lost > 0 ? `, ${percent(back / lost)} of what was lost comes back` : "";
  const names = `dense ${percent(dense.top1)}, cut ${percent(cut.top1)}, corrected`;
  return [
    `Top-1       ${names} ${back >= 0 ? paint.good(percent(corrected.top1)) : paint.warn(percent(corrected.top1))}${share}`,
    `            on ${dense.count} images that the correction did not see (${judgedOn ?? ""})`,
  ];
}
