import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { proveSubnet } from "../../src/subnet/prove.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import { keepAll } from "../../src/subnet/subnet.ts";
import type { ARCHITECTURES } from "./architectures.ts";
import { sharedGraph, sharedPath } from "./shared.ts";

const SEED = 7;

/** A test per network: all units kept gives the same network, and each of a few random subnets equals the masked original. */
export function testArchitectures(list: readonly (typeof ARCHITECTURES)[number][]): void {
  for (const { name, path, everyday } of list) {
    const file = sharedPath(path);
    const absent = file === null || !existsSync(file);
    test.skipIf(absent)(
      `${everyday} random subnets of ${name} equal the masked original, seed ${SEED} (needs ../shared)`,
      async () => {
        const model = sharedGraph(path);
        if (model === null) return;
        const structure = findStructure(model.graph);
        const random = randomFrom(SEED);
        const whole = await proveSubnet(model, structure, keepAll(structure), { runs: 1 });
        expect(whole.identical).toBe(true);
        for (let draw = 0; draw < everyday; draw += 1) {
          const subnet = randomSubnet(structure, random, { minKept: 0.2 });
          const proof = await proveSubnet(model, structure, subnet, { seed: draw, runs: 1 });
          expect(proof.maxRelative).toBeLessThanOrEqual(1e-5);
          expect(proof.values).toBeGreaterThan(1);
        }
      },
    );
  }
}
