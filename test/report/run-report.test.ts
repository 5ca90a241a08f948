import { expect, test } from "vitest";
import type { EvalReport } from "../../src/documents/evaluation.ts";
import { painter } from "../../src/report/painter.ts";
import { madeText, speedText } from "../../src/report/run-report.ts";

function evalReport(files: readonly string[], accurate: boolean): EvalReport {
  const timing = { minMs: 1, lowMs: 1, p90Ms: 9, p99Ms: 9 };
  return {
    ...{ schema: "mdp-eval/1", data: accurate ? "photos" : null, images: accurate ? 100 : 0 },
    ...{ runtime: "onnxruntime-node 1", batch: 1, threads: 1, optimisation: "all" },
    results: files.map((model, index) => ({
      ...{ model, bytes: 2e6 / (index + 1) },
      accuracy: accurate ? { count: 100, top1: 0.9 - index / 10, top5: 1 } : null,
      latency: { ...timing, medianMs: 8 / (index + 1), ofFirst: 1 / (index + 1), ofFirstError: 0 },
    })),
  };
}

test("a run names the last network that it made, and says of every stage what it is worth", () => {
  const files = ["net.onnx", "run/pruned.onnx", "run/corrected.onnx", "run/finetuned.onnx"];
  const text = madeText({ folder: "run", eval: evalReport(files, true) }, painter(false));
  expect(text).toContain("Network     run/finetuned.onnx\n");
  expect(text).toMatch(/dense +net\.onnx +2\.00 +90\.0 % +100\.0 % +8\.000 +100\.0 %/);
  expect(text).toMatch(/pruned +pruned\.onnx +1\.00 +80\.0 %/);
  expect(text).toMatch(/repaired +corrected\.onnx/);
  expect(text).toMatch(/trained +finetuned\.onnx .* 25\.0 %/);
});

test("without images a run's stages have no accuracy", () => {
  const files = ["net.onnx", "run/pruned.onnx"];
  const text = madeText({ folder: "run", eval: evalReport(files, false) }, painter(false));
  expect(text).toContain("Network     run/pruned.onnx\n");
  expect(text).not.toContain("top-1");
  expect(text).toMatch(/pruned +pruned\.onnx +1\.00 +4\.000 +50\.0 %/);
});

test("a task that is no classification has its metrics beside the stages, and the last one's differences to dense", () => {
  const plain = evalReport(["net.onnx", "run/corrected.onnx"], false);
  const metric = (value: number) => ({
    ...({ name: "mIoU", better: "higher", unit: "share", items: 9, by: "bootstrap" } as const),
    ...{ value, low: value - 0.01, high: value + 0.02, confidence: 0.95 },
  });
  const results = plain.results.map((result, at) => ({
    ...result,
    metrics: [metric(0.8 - at / 10)],
    differences: at === 0 ? null : [metric(-0.1)],
    agreement: at === 0 ? null : [],
  }));
  const report = { ...plain, task: { name: "segmentation", notes: [] }, results };
  const text = madeText({ folder: "run", eval: report }, painter(false));
  expect(text).toMatch(/stage +file +MB +mIoU +median ms/);
  expect(text).toMatch(/dense +net\.onnx +2\.00 +80\.00 % +8\.000/);
  expect(text).toMatch(/repaired +corrected\.onnx +1\.00 +70\.00 %/);
  expect(text).toContain("To dense    mIoU -10.00 points [-11.00, -8.00]");
});

test("a machine at another speed than the table's is told, with both shares and how to keep both", () => {
  const idle = { load: { others: 0, cores: 2, isLoaded: false } };
  expect(speedText(1.08, 0.5, 0.52, idle)).toEqual([]);
  expect(speedText(0.93, 0.5, 0.52, idle)).toEqual([]);
  const slow = speedText(1.62, 0.5, 0.546, idle).join("\n");
  expect(slow).toContain("takes 1.62 times as long as when the table was measured: its clock");
  expect(slow).toContain("50.0 % at the table's speed by prediction, 54.6 % at this one");
  expect(slow).toContain("--limit \"latency('SECOND.json') <= ...\"");
  const fast = speedText(0.6, 0.5, 0.47, idle).join("\n");
  expect(fast).toContain("0.60 times");
  const loaded = speedText(1.62, 0.5, 0.546, { load: { others: 3, cores: 2, isLoaded: true } });
  expect(loaded.join("\n")).toContain("it is loaded now");
});
