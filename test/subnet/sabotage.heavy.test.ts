import { expect, test } from "vitest";
import { modelOf } from "../../src/onnx/model.ts";
import { countCaught } from "../helpers/count-caught.ts";
import { NETWORKS } from "../helpers/networks.ts";
import { SABOTAGES } from "../helpers/sabotage.ts";

const SEED = 1;
const ways = new Set<string>();

test.each(Object.entries(NETWORKS))(
  `every wrong cut of %s is caught (seed ${SEED})`,
  async (_name, make) => {
    const caught = await countCaught(modelOf(make()), { draws: 1, seed: SEED });
    expect(caught.missed).toEqual([]);
    expect(caught.harmless).toBeLessThanOrEqual(2);
    expect(caught.tried - caught.harmless).toBeGreaterThanOrEqual(12);
    for (const way of caught.ways) ways.add(way);
  },
  120_000,
);

test("every way of sabotage was tried on some network", () => {
  expect([...ways].sort()).toEqual(Object.keys(SABOTAGES).sort());
});

test("segments alone catch every wrong cut, and so do the outputs alone where one op is far off", async () => {
  const model = modelOf(NETWORKS.bottleneckResnet());
  const segments = await countCaught(model, { draws: 1, seed: SEED, outputs: false });
  expect(segments.missed).toEqual([]);
  const outputs = await countCaught(model, { draws: 1, seed: SEED, layers: false });
  expect(outputs.tried).toBeGreaterThanOrEqual(12);
  expect(outputs.missed.length).toBeLessThan(0.3 * outputs.tried);
}, 120_000);
