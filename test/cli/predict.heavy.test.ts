import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { PredictReport } from "../../src/documents/predict.ts";
import { parseTable } from "../../src/latency/table.ts";
import { mdpSync } from "../helpers/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-predict-"));
afterAll(() => rmSync(folder, { recursive: true }));
const NETWORK = join(import.meta.dirname, "../../src/data/default/shapes-resnet.onnx");

test("a prediction follows what was observed, and is surer of it", () => {
  const predict = (...args: readonly string[]): PredictReport =>
    JSON.parse(
      mdpSync("predict", "--device", "jetson-orin-nano", "--json", "--step", "32", ...args).stdout,
    ) as PredictReport;
  const plain = predict();
  const ms = 1.4 * plain.latencyMs.predicted;
  const observations = join(folder, "runs.json");
  const run = { network: NETWORK, batch: 1, precision: "float16", ms };
  writeFileSync(
    observations,
    JSON.stringify({ schema: "mdp-observations/1", observations: [run] }),
  );
  const out = join(folder, "table.json");
  const fitted = predict("--observations", observations, "--out", out);
  expect(Math.abs(fitted.latencyMs.predicted / ms - 1)).toBeLessThan(0.1);
  expect(fitted.deviation.common).toBeLessThan(plain.deviation.common);
  const { low, predicted, high } = fitted.latencyMs;
  expect(low).toBeLessThan(predicted);
  expect(predicted).toBeLessThan(high);
  const table = parseTable(JSON.parse(readFileSync(out, "utf8")), out);
  expect(table.interval?.level).toBe(0.9);
  expect(
    table.ops.every((op) => op.lowMs?.every((value, cell) => value < (op.ms[cell] ?? 0))),
  ).toBe(true);
});

test("a file of no observations is refused, and nothing is written", () => {
  const bad = join(folder, "bad.json");
  writeFileSync(bad, '{"observations": []}');
  const { status, stdout } = mdpSync(
    "predict",
    "--device",
    "jetson",
    "--json",
    "--observations",
    bad,
  );
  expect(status).toBe(3);
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: "latency/bad-observations" } });
});
