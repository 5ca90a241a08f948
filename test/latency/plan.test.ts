import { describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { gridOf, leastOf, randomPlan } from "../../src/latency/measure/plan.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { checkSubnet, isBlockGone } from "../../src/subnet/subnet.ts";
import { NETWORKS, slicePadResnet } from "../helpers/networks.ts";

describe("randomPlan", () => {
  test.each(Object.keys(NETWORKS))("draws only valid subnets of %s", (name) => {
    const make = NETWORKS[name as keyof typeof NETWORKS];
    const structure = findStructure(make());
    const plan = randomPlan(structure, gridOf(structure, 2), randomFrom(11));
    for (let draw = 0; draw < 60; draw += 1) {
      expect(() => checkSubnet(structure, plan.next())).not.toThrow();
    }
  });

  test("visits every count of every dim, and drops every block and droppable layer at times", () => {
    const structure = findStructure(slicePadResnet());
    const grid = gridOf(structure, 2);
    const plan = randomPlan(structure, grid, randomFrom(12));
    const subnets = Array.from({ length: 160 }, () => plan.next());
    for (const [dim, counts] of grid.entries()) {
      const seen = new Set(
        subnets
          .filter((subnet) => !isBlockGone(structure, subnet, structure.dims[dim]?.block ?? null))
          .map((subnet) => subnet.kept[dim]?.length),
      );
      expect([...seen].sort((a = 0, b = 0) => a - b)).toEqual(counts);
    }
    const blocks = new Set(subnets.flatMap((subnet) => subnet.droppedBlocks));
    expect(blocks.size).toBe(structure.blocks.length);
    const layers = new Set(subnets.flatMap((subnet) => subnet.droppedLayers));
    expect(layers.size).toBe(structure.layers.filter((layer) => layer.drop !== null).length);
    expect(subnets.some((s) => s.droppedBlocks.length + s.droppedLayers.length === 0)).toBe(true);
  });

  test.each(Object.keys(NETWORKS))("the thinnest of %s is a valid subnet, too", (name) => {
    const structure = findStructure(NETWORKS[name as keyof typeof NETWORKS]());
    const grid = gridOf(structure, 2);
    const least = leastOf(structure, grid);
    expect(() => checkSubnet(structure, least)).not.toThrow();
    expect(least.kept.map((units) => units.length)).toEqual(grid.map(([count]) => count));
  });

  test("gives the same subnets for the same seed", () => {
    const structure = findStructure(slicePadResnet());
    const draw = (seed: number): unknown => {
      const plan = randomPlan(structure, gridOf(structure, 4), randomFrom(seed));
      return [plan.next(), plan.next(), plan.next()];
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });
});

describe("gridOf", () => {
  test("takes multiples of the step in channels, and all units", () => {
    const structure = findStructure(slicePadResnet());
    const free = structure.dims.filter((dim) => dim.pinned === null);
    const grid = gridOf(structure, 3);
    for (const dim of free) {
      const counts = grid[dim.index] ?? [];
      expect(counts.at(-1)).toBe(dim.size);
      expect(counts.slice(0, -1).every((count) => (count * dim.unitChannels) % 3 === 0)).toBe(true);
    }
    for (const dim of structure.dims.filter(({ pinned }) => pinned !== null)) {
      expect(grid[dim.index]).toEqual([dim.size]);
    }
  });
});
