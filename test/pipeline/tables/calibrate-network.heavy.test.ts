import { describe, expect, test } from "vitest";
import { profiledOps } from "../../../src/latency/ops.ts";
import { predictNetwork } from "../../../src/latency/predict-network.ts";
import { openNetwork } from "../../../src/pipeline/open/network.ts";
import type { SolveNetworkOptions } from "../../../src/pipeline/solve/asked-network.ts";
import { calibrateOpened, notMet } from "../../../src/pipeline/tables/calibrate-network.ts";
import { tableFor } from "../../../src/pipeline/tables/table-source.ts";
import { keepAll } from "../../../src/subnet/subnet.ts";
import { silentRun } from "../../helpers/run-context.ts";
import { erringDevice } from "../../latency/calibrate/erring-device.ts";

const context = silentRun;
const SETTINGS = { tolerance: 0.02, rounds: 3, repeats: 5, seed: 1 };
const open = await openNetwork(undefined);
const source = tableFor(open, { device: "cpu-amd-epyc", commandLine: "" });
const ops = profiledOps(open.structure);

function wanted(budget: string): SolveNetworkOptions {
  return {
    budget,
    step: source.table.step,
    countFrom: "zero",
    maxPrune: 0.95,
    protect: null,
    blocks: true,
    layers: true,
    importancePath: undefined,
    timeLimitSeconds: undefined,
    relativeGap: 3e-3,
    presolve: true,
  };
}

const ERRORS = { cells: 0.06, offset: 0.05, speed: 1.1, noise: 0.003 };

describe("calibrating on a simulated device whose cells and sums differ from the table", () => {
  test.each([
    ["50%", 0.5, 3],
    ["30%", 0.3, 4],
  ])(
    "ends within 2 %% below a budget of %s by the device's own noiseless times",
    async (budget, share, seed) => {
      const device = erringDevice(source.table, open.structure, ops, { ...ERRORS, seed });
      const settings = { ...SETTINGS, measurer: device };
      const done = await calibrateOpened(open, source, wanted(budget), settings, context);
      const dense = device.trueMs(keepAll(open.structure));
      const used = device.trueMs(done.solved.subnet) / dense / share;
      expect(used).toBeLessThanOrEqual(1);
      expect(used).toBeGreaterThan(0.98);
      expect(done.report.status).toBe("met");
      // The first answer rests on the table as it was, and is too slow.
      expect(done.report.tries[0]?.used).toBeGreaterThan(1);
      const { ms } = predictNetwork(done.table, open.structure, done.solved.subnet);
      expect(ms / device.trueMs(done.solved.subnet)).toBeCloseTo(1, 1);
      expect(done.table.calibrations?.[0]?.errorAfter).toBeLessThan(0.02);
    },
    240_000,
  );

  test("holds a budget in milliseconds at the device's present speed", async () => {
    const device = erringDevice(source.table, open.structure, ops, { ...ERRORS, seed: 5 });
    const settings = { ...SETTINGS, measurer: device };
    const done = await calibrateOpened(open, source, wanted("4 ms"), settings, context);
    const used = device.trueMs(done.solved.subnet) / 4;
    expect(used).toBeLessThanOrEqual(1);
    expect(used).toBeGreaterThan(0.98);
  });
});

test("a budget of none and a table of another machine are refused before anything is measured", async () => {
  const device = erringDevice(source.table, open.structure, ops, { ...ERRORS, seed: 1 });
  const settings = { ...SETTINGS, measurer: device };
  await expect(
    calibrateOpened(open, source, wanted("none"), settings, context),
  ).rejects.toMatchObject({ code: "cli/calibrate-budget" });
  expect(device.measured).toHaveLength(0);
  const predicted = tableFor(open, { device: "jetson-xavier", commandLine: "" });
  await expect(
    calibrateOpened(open, predicted, wanted("50%"), SETTINGS, context),
  ).rejects.toMatchObject({ code: "cli/calibrate-device", exitCode: 2 });
  expect(notMet({ chosen: null } as never, "out")).toMatchObject({ exitCode: 5 });
});
