import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { SolveReport } from "../../src/documents/solve.ts";
import { mdp } from "../helpers/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-limits-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const solve = (...args: readonly string[]): ReturnType<typeof mdp> =>
  mdp(["solve", "--device", "jetson", "--step", "16", "--quiet", ...args], folder);

test("solve keeps limits of the command line and says how it stands to each, in the report and in subnet.json", async () => {
  const run = await solve(
    ...["--limit", "params <= 60%", "--limit", "latency('jetson-nano') <= 60%"],
    ...["--out", "subnet.json", "--json"],
  );
  expect(run.code, run.stderr).toBe(0);
  const report = JSON.parse(run.stdout) as SolveReport;
  expect(report.latencyMs.budget).toBeNull();
  expect(report.limits.map(({ text }) => text)).toEqual([
    "params <= 60%",
    "latency('jetson-nano') <= 60%",
  ]);
  const [params] = report.limits;
  expect(params?.used).toBe(report.parameters.chosen);
  expect(params?.limit).toBeCloseTo(0.6 * report.parameters.dense, 6);
  const written = JSON.parse(readFileSync(join(folder, "subnet.json"), "utf8")) as {
    solve: SolveReport;
  };
  expect(written.solve.limits).toEqual(report.limits);
});

test("a config file holds limits as a list and components as an object", async () => {
  const config = {
    limit: ["dropped_blocks <= 1", "importance('deep') >= 85%"],
    components: { deep: "layer[34]" },
    budget: "60%",
  };
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const run = await solve("--config", "config.json", "--json");
  expect(run.code, run.stderr).toBe(0);
  const report = JSON.parse(run.stdout) as SolveReport;
  expect(report.droppedBlocks.length).toBeLessThanOrEqual(1);
  expect(report.limits).toHaveLength(2);
});

test("another objective takes the place of importance", async () => {
  const run = await solve("--minimize", "latency", "--limit", "importance >= 85%", "--json");
  expect(run.code, run.stderr).toBe(0);
  const { minimised, latencyMs, importanceKept, answer } = JSON.parse(run.stdout) as SolveReport;
  expect(minimised?.chosen).toBeCloseTo(latencyMs.chosen, 9);
  expect(answer.objective).toBeCloseTo(latencyMs.chosen, 9);
  expect(importanceKept.chosen).toBeGreaterThanOrEqual(0.85 * importanceKept.dense);
});

test("limits that no subnet meets end with exit code 4 and the nearest ones, and no file", async () => {
  const run = await solve("--limit", "memory <= 1 KiB", "--out", "nothing.json");
  expect(run.code).toBe(4);
  expect(run.stderr).toMatch(/'memory <= 1 KiB' needs at least [\d.]+ MiB/);
  expect(() => readFileSync(join(folder, "nothing.json"))).toThrow();
});

test.each([
  [["--limit", "parms <= 2M"], "parms <= 2M\n    ^", "Did you mean 'params'?"],
  [["--limit", "latency('jetson-nan') <= 3 ms"], "\n    ^", "jetson-nano"],
  [["--component", "head"], "component", ""],
])("%j is a mistake of the command line, exit code 2", async (args, place, hint) => {
  const run = await solve(...args);
  expect(run.code, run.stderr).toBe(2);
  expect(run.stderr).toContain(place);
  expect(run.stderr).toContain(hint);
});
