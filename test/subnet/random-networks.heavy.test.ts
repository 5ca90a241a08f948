import { expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { macCount, parameterCount } from "../../src/structure/counts.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import { proveSubnet } from "../../src/subnet/prove.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import { unitCounts } from "../../src/subnet/subnet.ts";
import { randomNetwork } from "../helpers/random-network.ts";

const FIRST = Number(process.env["MDP_SEED"] ?? 0);
const NETWORKS = Number(process.env["MDP_NETWORKS"] ?? 50);

/** A dropped layer right before a channel shuffle. */
const ONCE_WRONG = [1422];

test(`on ${NETWORKS} random networks from seed ${FIRST} on, random subnets equal the masked original`, async () => {
  let pruned = 0;
  const seeds = Array.from({ length: NETWORKS }, (_, index) => FIRST + index);
  for (const seed of [...seeds, ...ONCE_WRONG]) {
    const graph = randomNetwork(seed);
    const structure = findStructure(graph);
    const random = randomFrom(seed);
    for (let draw = 0; draw < 3; draw += 1) {
      const subnet = randomSubnet(structure, random);
      const kept = { ...subnet, units: unitCounts(subnet) };
      const cut = findStructure(cutGraph(structure, subnet));
      expect([seed, parameterCount(cut)]).toEqual([seed, parameterCount(structure, kept)]);
      expect([seed, macCount(cut)]).toEqual([seed, macCount(structure, kept)]);
      if (parameterCount(cut) < parameterCount(structure)) pruned += 1;
      const proof = await proveSubnet(modelOf(graph), structure, subnet, { seed: draw, runs: 1 });
      expect([seed, proof.maxRelative <= 1e-5]).toEqual([seed, true]);
    }
  }
  // Pinned through and through, a network would prove nothing.
  expect(pruned).toBeGreaterThan(2 * NETWORKS);
});
