import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { SILENT } from "../../src/core/progress.ts";
import {
  type LocalProfile,
  type ProfileResult,
  profileLocal,
} from "../../src/latency/measure/profile-local.ts";
import { profiledOps } from "../../src/latency/ops.ts";
import { predictNetwork } from "../../src/latency/predict-network.ts";
import { readTable } from "../../src/latency/table.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { tableErrorText } from "../../src/report/amounts.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { keepAll, type Subnet } from "../../src/subnet/subnet.ts";
import { slicePadResnet } from "../helpers/networks.ts";
import { type FakeMeasurer, fakeMeasurer } from "./fake-measurer.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-profile-test-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const graph = slicePadResnet();
const structure = findStructure(graph);
const ops = profiledOps(structure);

function optionsFor(name: string, changes: Partial<LocalProfile>): LocalProfile {
  return {
    networkName: "net",
    deviceName: "fake",
    batch: 1,
    threads: 1,
    precision: "float32",
    optimisation: "all",
    step: 2,
    runs: 60,
    repeats: 5,
    maxMinutes: 1,
    seed: 4,
    validate: 0,
    tablePath: join(folder, `${name}.json`),
    samplesPath: join(folder, `${name}.samples.jsonl`),
    command: "mdp profile net.onnx",
    progress: SILENT,
    now: () => 0,
    date: () => "2026-01-01T00:00:00.000Z",
    ...changes,
  };
}

async function profile(
  name: string,
  changes: Partial<LocalProfile> = {},
): Promise<{ readonly result: ProfileResult; readonly measurer: FakeMeasurer }> {
  const measurer = fakeMeasurer(structure, ops);
  const options = optionsFor(name, { measurer, ...changes });
  return { result: await profileLocal(modelOf(graph), structure, options), measurer };
}

describe("profileLocal", () => {
  test("predicts networks that it never measured, on a device of exact stairs", async () => {
    const { result, measurer } = await profile("exact", { validate: 25 });
    const validation = result.validation;
    expect(validation?.networks).toHaveLength(25);
    expect(validation?.meanError).toBeLessThan(0.005);
    expect(validation?.worstError).toBeLessThan(0.02);
    expect(validation?.networks.some((network) => network.droppedBlocks > 0)).toBe(true);
    // Operations that do the same work tell each other's cells, which are measured, but not by their own operation.
    const origins = result.table.ops.flatMap((op) => [...op.origin]);
    const measured = origins.filter((origin) => origin === "m").length / origins.length;
    expect(result.ownCells).toBeGreaterThan(0);
    expect(result.ownCells).toBeLessThanOrEqual(measured);
    const dense = predictNetwork(result.table, structure, keepAll(structure)).ms;
    expect(dense / measurer.trueMs(keepAll(structure))).toBeCloseTo(1, 2);
    expect(result.table.expectedError?.networks).toBe(25);
    // 60 draws; of so small a network three came twice, which are measured once.
    expect(readTable(join(folder, "exact.json"))).toMatchObject({ step: 2, runs: 57 });
  });

  test("puts a narrow network before a wide one, and a network without a block before it whole", async () => {
    const { result } = await profile("order");
    const whole = keepAll(structure);
    const narrow: Subnet = {
      ...whole,
      kept: structure.dims.map((dim, index) =>
        dim.pinned === null ? [0, 1] : (whole.kept[index] ?? []),
      ),
    };
    const ms = (subnet: Subnet): number => predictNetwork(result.table, structure, subnet).ms;
    expect(ms(narrow)).toBeLessThan(ms(whole));
    expect(ms({ ...whole, droppedBlocks: [0] })).toBeLessThan(ms(whole));
  });

  test("does not measure again what the samples file holds, even after a line was cut off", async () => {
    const first = await profile("resume", { runs: 20 });
    expect(first.measurer.measured).toHaveLength(20);
    appendFileSync(join(folder, "resume.samples.jsonl"), '{"key":"cut o');
    const second = await profile("resume", { runs: 30 });
    expect(second.measurer.measured).toHaveLength(10);
    expect(second.result.resumed).toBe(20);
    const third = await profile("resume", { runs: 30 });
    expect(third.measurer.measured).toHaveLength(0);
    expect(third.result.table).toEqual(second.result.table);
    const lines = readFileSync(join(folder, "resume.samples.jsonl"), "utf8").trim().split("\n");
    expect(lines).toHaveLength(31);
  });

  test("refuses samples of other settings and leaves them as they are", async () => {
    await profile("other", { runs: 12 });
    const path = join(folder, "other.samples.jsonl");
    const before = readFileSync(path, "utf8");
    await expect(profile("other", { batch: 2 })).rejects.toMatchObject({
      code: "latency/other-samples",
    });
    expect(readFileSync(path, "utf8")).toBe(before);
    writeFileSync(path, "something else\n");
    await expect(profile("other")).rejects.toMatchObject({ code: "latency/other-samples" });
  });

  test("keeps what it has when it is interrupted, and ends early when the time is over", async () => {
    const abort = new AbortController();
    let count = 0;
    const date = (): string => {
      count += 1;
      if (count === 7) abort.abort();
      return "2026-01-01T00:00:00.000Z";
    };
    const stopped = profile("stopped", { signal: abort.signal, date });
    await expect(stopped).rejects.toMatchObject({ code: "latency/interrupted" });
    const resumed = await profile("stopped");
    expect(resumed.result.resumed).toBe(7);

    let minutes = 0;
    const now = (): number => {
      minutes += 1;
      return minutes * 60_000;
    };
    const late = await profile("late", { maxMinutes: 20, now });
    expect(late.measurer.measured.length).toBeGreaterThan(12);
    expect(late.measurer.measured.length).toBeLessThan(25);
  });

  test.each([5, 12, 25])(
    "ends within the time it was given, validation included, where a network takes %i s",
    async (seconds) => {
      let clock = 0;
      const fake = fakeMeasurer(structure, ops);
      const slow: FakeMeasurer = {
        ...fake,
        measure: (subnet) => {
          clock += 1000 * seconds;
          return fake.measure(subnet);
        },
        time: (subnet) => {
          clock += 600 * seconds;
          return fake.time(subnet);
        },
      };
      const { result } = await profile(`slow-${seconds}`, {
        ...{ maxMinutes: 2, runs: 200, validate: 10 },
        ...{ measurer: slow, now: () => clock },
      });
      // A network that was begun is finished.
      expect(clock / 60_000).toBeLessThanOrEqual(2 + (1.6 * seconds) / 60);
      expect(result.table.runs).toBeGreaterThanOrEqual(3);
      expect(result.validation?.networks.length).toBeGreaterThanOrEqual(3);
    },
  );

  test("keeps the error with the machine's drift beside the one without", async () => {
    const { result } = await profile("drift", { validate: 5 });
    const { expectedError } = readTable(join(folder, "drift.json"));
    expect(expectedError).toMatchObject({
      mean: result.validation?.meanError,
      withDrift: { mean: result.validation?.plainMeanError },
    });
    expect(
      tableErrorText({ mean: 0.027, worst: 0.05, withDrift: { mean: 0.14, worst: 0.2 } }),
    ).toBe("mean error 14.0 %, worst 20.0 %; 2.7 % and 5.0 % without the machine's drift");
  });

  test("says that float16 can't be measured yet", async () => {
    await expect(profile("half", { precision: "float16" })).rejects.toMatchObject({
      code: "latency/precision",
    });
  });

  test("measures a tiny network on this machine, and its parts make up the whole", async () => {
    const options = optionsFor("real", { runs: 12, repeats: 5, step: 4, now: () => 0 });
    const { table } = await profileLocal(modelOf(graph), structure, options);
    expect(table.runs).toBe(12);
    expect(table.runtime.name).toBe("onnxruntime");
    expect(table.denseMs).toBeGreaterThan(0);
    const convs = table.ops.filter((op) => op.kind.startsWith("Conv"));
    expect(convs.length).toBe(structure.layers.filter((layer) => layer.opType === "Conv").length);
    expect(convs.every((op) => op.ms.every((ms) => Number.isFinite(ms) && ms >= 0))).toBe(true);
  });
});
