import { expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { floatsOf, floatTensor } from "../../src/graph/tensor.ts";
import { scoreUnits } from "../../src/importance/importance.ts";
import { networkBuilder } from "../helpers/networks.ts";
import { randomBatches, scoresOn } from "../helpers/scored.ts";

/** A convolution whose last four channels are the first four again, and another that reads them all. */
function doubled(): Graph {
  const b = networkBuilder(23);
  const input = b.input("input", ["batch", 3, 6, 6]);
  const first = b.relu(b.conv("first", input, { from: 3, to: 8, bn: false }));
  b.output(b.conv("second", first, { from: 8, to: 4, bn: false }));
  const graph = b.graph();
  const initializers = new Map(graph.initializers);
  for (const name of ["first.weight", "first.bias"]) {
    const tensor = initializers.get(name);
    if (tensor === undefined) throw new Error(name);
    const half = floatsOf(tensor).slice(0, floatsOf(tensor).length / 2);
    initializers.set(name, floatTensor(tensor.shape, [...half, ...half]));
  }
  return { ...graph, initializers };
}

const BATCHES = randomBatches(4, [32, 3, 6, 6]);

/** What is lost with one of the eight units: its copy stays. */
async function lostByOne(repaired: boolean): Promise<number> {
  const scored = await scoresOn(doubled(), BATCHES, { method: "sensitivity", repaired });
  expect(scored.data?.repaired).toBe(repaired ? true : undefined);
  const dim = scored.dims.find(({ order }) => order?.length === 8);
  if (dim?.order === undefined) throw new Error("no order");
  const scores = scoreUnits(dim);
  return scores[dim.order[7] ?? -1] ?? Number.NaN;
}

test("a unit that another can stand for costs nothing after a repair, and much before it", async () => {
  const [before, after] = [await lostByOne(false), await lostByOne(true)];
  expect(before).toBeGreaterThan(0.01);
  expect(after).toBeLessThan(before / 20);
});

test("what no repair brings back costs after it, too, and no more than before", async () => {
  const scored = await scoresOn(doubled(), BATCHES, { method: "sensitivity", repaired: true });
  const plain = await scoresOn(doubled(), BATCHES, { method: "sensitivity" });
  const total = ({ dims }: typeof scored): number =>
    dims.reduce((sum, dim) => sum + scoreUnits(dim).reduce((own, score) => own + score, 0), 0);
  expect(total(scored)).toBeGreaterThan(0.05);
  expect(total(scored)).toBeLessThan(total(plain));
});
