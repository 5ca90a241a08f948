import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { SILENT } from "../../src/core/progress.ts";
import { DRAWN_SETS } from "../../src/data/drawn/files.ts";
import { PLATE_SIZE } from "../../src/data/drawn/plates.ts";
import { writeDrawnSet } from "../../src/data/drawn/write-set.ts";
import { openMetrics } from "../../src/pipeline/metrics/open-metrics.ts";
import { openNetwork } from "../../src/pipeline/open/network.ts";
import { monitorNetwork } from "../../src/pipeline/release/monitor-network.ts";
import { silentRun } from "../helpers/run-context.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-monitor-"));
afterAll(() => rmSync(folder, { recursive: true }));

const plates = join(folder, "plates");
writeDrawnSet(plates, DRAWN_SETS.plates, { seed: 1, train: 0, test: 200 }, SILENT);
const fresh = join(folder, "fresh");
writeDrawnSet(fresh, DRAWN_SETS.plates, { seed: 2, train: 0, test: 60 }, SILENT);
/** The same plates under 40 % less light. */
const dark = join(folder, "dark");
cpSync(fresh, dark, { recursive: true });
const file = join(dark, "test", "pictures.bin");
const record = 1 + PLATE_SIZE * PLATE_SIZE;
const bytes = readFileSync(file);
writeFileSync(
  file,
  bytes.map((byte, at) => (at % record === 0 ? byte : Math.floor(0.6 * byte))),
);

test("a monitor says nothing of new plates, and names what changed of darker ones, with the limits of the gate", async () => {
  const open = await openNetwork(":inspector");
  const live = join(folder, "live.onnx");
  copyFileSync(open.path, live);
  const path = join(folder, "metrics.json");
  const metrics = [
    { name: "overall", is: "accuracy", output: "defect", require: ">= dense - 5%" },
    { name: "fixed", is: "accuracy", output: "defect", require: ">= 99.9%" },
    { name: "told", is: "accuracy", output: "defect" },
  ];
  const data = { path: plates, search: 40, confirm: 150 };
  writeFileSync(path, JSON.stringify({ schema: "mdp-metrics/1", data, metrics }));
  const opened = await openMetrics(path, open);
  const watched = (items: string) =>
    monitorNetwork(
      open,
      opened,
      { live, data: items, items: undefined, threads: 1, rate: 0.05 },
      silentRun,
    );
  const before = await watched(fresh);
  expect(before.drift.filter(({ isFlagged }) => isFlagged)).toEqual([]);
  const after = await watched(dark);
  const flagged = after.drift.flatMap(({ isFlagged, what }) => (isFlagged ? [what] : []));
  expect(flagged).toContain("input image: mean");
  const [overall, fixed, told] = after.metrics;
  // The dense network itself is in place: it loses nothing against itself, however dark it is.
  expect(overall).toMatchObject({ verdict: "holds", dense: overall?.value });
  expect(overall?.limit).toBeCloseTo((overall?.value ?? 0) - 0.05, 12);
  expect(fixed?.limit).toBeCloseTo(0.999, 12);
  expect(fixed?.verdict).toBe("missed");
  expect(told).toMatchObject({ limit: null, verdict: "no requirement" });
  expect(after.verdict).toBe("missed");
});
