import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { SILENT } from "../../src/core/progress.ts";
import { randomFrom } from "../../src/core/random.ts";
import { fitOps, fittedMs } from "../../src/latency/fit/fit-ops.ts";
import { type AdaptiveRuns, profileAdaptively } from "../../src/latency/measure/adaptive.ts";
import { gridOf, randomPlan } from "../../src/latency/measure/plan.ts";
import { profileNetworks } from "../../src/latency/measure/profile.ts";
import { openSamples } from "../../src/latency/measure/samples.ts";
import { profiledOps } from "../../src/latency/ops.ts";
import { goneNodes } from "../../src/latency/predict-network.ts";
import type { RunSample } from "../../src/latency/run-sample.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { unitCounts } from "../../src/subnet/subnet.ts";
import { bottleneckResnet } from "../helpers/networks.ts";
import { type SimulatedDevice, simulatedDevice } from "./simulated-stairs.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-adaptive-test-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const structure = findStructure(bottleneckResnet());
const ops = profiledOps(structure);
const grid = gridOf(structure, 1);
const SEED = 11;

interface Asked {
  readonly runs?: number;
  readonly targetError?: number;
  readonly signal?: AbortSignal;
  readonly maxMinutes?: number;
  readonly now?: () => number;
}

function optionsFor(asked: Asked) {
  return {
    grid,
    ops,
    runs: 80,
    targetError: 0.03,
    maxMinutes: 10,
    seed: SEED,
    progress: SILENT,
    now: (): number => 0,
    date: (): string => "2026-01-01T00:00:00.000Z",
    ...asked,
  };
}

function fileOf(name: string) {
  const ids = ops.map(({ id }) => id);
  return openSamples(join(folder, `${name}.jsonl`), { device: "simulated" }, ids);
}

async function adaptive(
  name: string,
  asked: Asked = {},
): Promise<AdaptiveRuns & { readonly device: SimulatedDevice }> {
  const device = simulatedDevice(structure, ops, { noise: 0.005, seed: SEED });
  const runs = await profileAdaptively(structure, device, fileOf(name), optionsFor(asked));
  return { ...runs, device };
}

/** Mean error over subnets that nobody ran, against the times without noise. */
function trueError(device: SimulatedDevice, samples: readonly RunSample[]): number {
  const plan = randomPlan(structure, grid, randomFrom(99));
  const fitted = fitOps(ops, samples);
  const errors = Array.from({ length: 60 }, () => {
    const subnet = plan.next();
    const gone = goneNodes(structure, subnet);
    const opMs = ops.map((op) => (gone.has(op.id) ? null : 0));
    const ms = fittedMs(ops, fitted, { counts: [...unitCounts(subnet)], opMs });
    return Math.abs(ms / device.trueMs(subnet) - 1);
  });
  return errors.reduce((sum, error) => sum + error, 0) / errors.length;
}

describe("profileAdaptively", () => {
  test("stops where the error on unseen networks is what was asked for, before the runs are used up", async () => {
    const { samples, curve, reached, device } = await adaptive("reach");
    expect(reached).toBe(true);
    expect(samples.length).toBeLessThan(80);
    expect(curve.at(-1)?.meanError).toBeLessThanOrEqual(0.03);
    expect(trueError(device, samples)).toBeLessThan(0.03);
    // Every point says what it rests on, and they come in order.
    const runs = curve.map((point) => point.runs);
    expect(runs).toEqual([...runs].sort((a, b) => a - b));
    expect(curve.every(({ meanError, worstError }) => worstError >= meanError)).toBe(true);
  });

  test("learns more from the networks that it chooses than from as many random ones", async () => {
    const runs = 48;
    const chosen = await adaptive("chosen", { runs, targetError: 1e-9 });
    const device = simulatedDevice(structure, ops, { noise: 0.005, seed: SEED });
    const random = await profileNetworks(structure, device, fileOf("random"), optionsFor({ runs }));
    expect(chosen.reached).toBe(false);
    expect(chosen.samples).toHaveLength(runs);
    const errors = [trueError(device, chosen.samples), trueError(device, random)];
    expect(errors[0], String(errors)).toBeLessThan(1.1 * (errors[1] ?? 0));
  });

  test("asks for the same networks again and measures none of them twice", async () => {
    const abort = new AbortController();
    let count = 0;
    const date = (): string => {
      count += 1;
      if (count === 30) abort.abort();
      return "2026-01-01T00:00:00.000Z";
    };
    const asked = { runs: 40, targetError: 1e-9 };
    const device = simulatedDevice(structure, ops, { noise: 0.005, seed: SEED });
    const options = { ...optionsFor(asked), date, signal: abort.signal };
    await expect(
      profileAdaptively(structure, device, fileOf("resumed"), options),
    ).rejects.toMatchObject({ code: "latency/interrupted" });
    const rest = await adaptive("resumed", asked);
    const whole = await adaptive("whole", asked);
    expect(rest.device.measured).toBe(10);
    expect(rest.samples).toEqual(whole.samples);
    expect(rest.curve).toEqual(whole.curve);
  });

  test("ends when the time is over, with what it has", async () => {
    let minutes = 0;
    const now = (): number => {
      minutes += 1;
      return minutes * 60_000;
    };
    const { samples, reached } = await adaptive("late", { maxMinutes: 25, now, targetError: 1e-9 });
    expect(reached).toBe(false);
    expect(samples.length).toBeGreaterThanOrEqual(16);
    expect(samples.length).toBeLessThan(32);
  });
});
