import { describe, expect, test } from "vitest";
import { type Random, randomFrom } from "../../../src/core/random.ts";
import { measuredSubnet } from "../../../src/formulation/limits/measure.ts";
import { selectedSubnet } from "../../../src/formulation/network/selected-subnet.ts";
import { evaluate } from "../../../src/formulation/problem/evaluate.ts";
import type { Selection } from "../../../src/formulation/problem/problem.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { ARCHITECTURES } from "../../helpers/architectures.ts";
import { type LimitedNetwork, limitable, limited } from "../../helpers/limited-network.ts";
import { NETWORKS } from "../../helpers/networks.ts";
import { randomNetwork } from "../../helpers/random-network.ts";
import { randomSelection } from "../../helpers/random-selection.ts";
import { sharedGraph, sharedPath } from "../../helpers/shared.ts";

/** A limit on each quantity that nothing meets, so that none is left out as unreachable. */
const EVERYTHING = [
  ...["params <= 0", "macs <= 0", "bytes <= 0 B", "memory <= 0 B", "latency('jetson-nano') <= 0"],
  ...["importance <= -1", "importance('some') <= -1", "dropped_blocks <= -1"],
  ...["params('some') <= 0", "macs('some') <= 0", "bytes('some') <= 0 B"],
  ...["dropped_layers <= -1", "memory + 2 * bytes <= 0 B", "latency + latency('jetson-nano') <= 0"],
];
const COMPONENTS = new Map([["some", /[a-f1-4]/]]);

function everyQuantity(graph: Graph, step = 4): Promise<LimitedNetwork> {
  return limited(limitable(graph, step), { limit: EVERYTHING }, { step, components: COMPONENTS });
}

/** Program's amount over the subnet's own, per limit; 1 where both are the same. */
function ratios(made: LimitedNetwork, selection: Selection): [string, boolean, number][] {
  const { network, structure, limits } = made;
  const { usage } = evaluate(network.problem, selection);
  const subnet = measuredSubnet(structure, selectedSubnet(network, selection));
  return limits.map(({ text, resources, isExact, measure }) => {
    const readings = resources.map((index) => {
      const { scale, offset } = network.problem.resources[index]?.reading ?? {
        scale: 1,
        offset: 0,
      };
      return offset + scale * (usage[index] ?? Number.NaN);
    });
    const [program, counted] = [Math.max(...readings), measure(subnet)];
    return [text, isExact, program === counted ? 1 : program / counted];
  });
}

function expectTrue(made: LimitedNetwork, random: Random, draws: number): number {
  let loosest = 1;
  for (let draw = 0; draw < draws; draw += 1) {
    const selection = randomSelection(made.network.problem, random, draw === 0 ? 0 : 0.3);
    for (const [text, isExact, ratio] of ratios(made, selection)) {
      if (isExact) expect(ratio, text).toBeCloseTo(1, 9);
      else expect(ratio, text).toBeGreaterThan(1 - 1e-9);
      loosest = Math.max(loosest, ratio);
    }
  }
  return loosest;
}

describe("what the program counts is what the subnet has, counted on the network after surgery", () => {
  test.each(Object.entries(NETWORKS))("of %s", async (_, make) => {
    expect(expectTrue(await everyQuantity(make()), randomFrom(1), 12)).toBeCloseTo(1, 9);
  });

  test("of random networks; peak memory is at most an upper bound, and mostly exact", async () => {
    let exact = 0;
    for (let seed = 0; seed < 20; seed += 1) {
      const made = await everyQuantity(randomNetwork(seed));
      if (expectTrue(made, randomFrom(seed), 5) < 1 + 1e-9) exact += 1;
    }
    expect(exact).toBeGreaterThanOrEqual(15);
  });

  const few = ["CIFAR ResNet-20", "CIFAR ResNet-20 folded", "ProxylessNAS", "small ViT"];
  const shared = ARCHITECTURES.filter(({ name }) => few.includes(name));
  test.skipIf(sharedPath("models") === null).each(shared)("of $name", async ({ path }) => {
    const model = sharedGraph(path);
    if (model === null) throw new RangeError(`${path} is missing`);
    const made = await everyQuantity(model.graph, 8);
    expect(expectTrue(made, randomFrom(7), 4)).toBeLessThan(1.001);
  });
});

test("every point of the run that could hold the peak has its resource, and the largest is the peak", async () => {
  const made = await limited(limitable(NETWORKS.bottleneckResnet()), { limit: ["memory <= 1 B"] });
  const [limit] = made.limits;
  expect(limit?.resources.length).toBeGreaterThan(1);
  const groups = new Set(
    limit?.resources.map((index) => made.network.problem.resources[index]?.group),
  );
  expect(groups.size).toBe(1);
});

test("points that can't reach a limit need no resource", async () => {
  const from = limitable(NETWORKS.bottleneckResnet());
  const count = async (text: string): Promise<number> =>
    (await limited(from, { limit: [text] })).limits[0]?.resources.length ?? -1;
  const [all, few, none] = [
    await count("memory <= 1 B"),
    await count("memory <= 90%"),
    await count("memory <= 100%"),
  ];
  expect(few).toBeLessThan(all);
  expect(none).toBe(0);
});
