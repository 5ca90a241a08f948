import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { agentNetwork } from "../../src/networks/agent.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { EMBEDDED, modelPath } from "../../src/pipeline/open/embedded.ts";
import { pendulumRollouts } from "../../src/pipeline/rollout/pendulum.ts";
import { openSession } from "../../src/runtime/session.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-rollout-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

test("the embedded agent swings the pendulum up; one with random weights doesn't", async () => {
  const items = [0, 1, 2, 3, 4, 5, 6, 7];
  const { metrics } = await pendulumRollouts({ model: ":agent", items, seed: 1 });
  expect(metrics.return).toHaveLength(items.length);
  expect(mean(metrics.upright)).toBeGreaterThan(0.75);
  expect(mean(metrics.return)).toBeGreaterThan(-220);

  const random = join(folder, "random.onnx");
  writeModel(modelOf(agentNetwork(3)), random);
  const untrained = await pendulumRollouts({ model: random, items, seed: 1 });
  expect(mean(untrained.metrics.upright)).toBeLessThan(0.3);
  expect(mean(untrained.metrics.return)).toBeLessThan(-700);
});

test("an episode depends on its number and the seed alone, not on the others", async () => {
  const some = await pendulumRollouts({ model: ":agent", items: [7, 3], seed: 5 });
  const one = await pendulumRollouts({ model: ":agent", items: [3], seed: 5 });
  const other = await pendulumRollouts({ model: ":agent", items: [3], seed: 6 });
  expect(some.metrics.return[1]).toBeCloseTo(one.metrics.return[0] ?? 0, 1);
  expect(one.metrics.return[0]).not.toBeCloseTo(other.metrics.return[0] ?? 0, 1);
});

test("every embedded network is there and loads", async () => {
  for (const name of Object.keys(EMBEDDED)) {
    const session = await openSession(modelPath(`:${name}`));
    expect(session.outputs.length, name).toBeGreaterThan(0);
    await session.close();
  }
});

test("a name that stands for nothing is refused with those that there are; a path stays a path", () => {
  expect(() => modelPath(":nothing")).toThrow(/:nothing/);
  expect(() => modelPath(":")).toThrow(expect.objectContaining({ code: "cli/no-such-network" }));
  expect(modelPath("./:agent")).toBe("./:agent");
});
