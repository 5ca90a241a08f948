import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { proveSubnet } from "../../src/subnet/prove.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import { keepAll } from "../../src/subnet/subnet.ts";
import { ARCHITECTURES, DRAWS } from "../helpers/architectures.ts";
import { sharedGraph, sharedPath } from "../helpers/shared.ts";

const SEED = 7;
const quick = process.env["MDP_QUICK"] === "1";

describe.each(ARCHITECTURES)("$name", ({ path, everyday }) => {
  const file = sharedPath(path);
  const absent = file === null || !existsSync(file);
  const draws = quick ? everyday : DRAWS;

  test.skipIf(absent)(
    `${draws} random subnets equal the masked original, seed ${SEED} (needs ../shared)`,
    async () => {
      const model = sharedGraph(path);
      if (model === null) return;
      const structure = findStructure(model.graph);
      const random = randomFrom(SEED);
      const whole = await proveSubnet(model, structure, keepAll(structure), { runs: 1 });
      expect(whole.identical).toBe(true);
      for (let draw = 0; draw < draws; draw += 1) {
        const subnet = randomSubnet(structure, random, { minKept: 0.2 });
        const proof = await proveSubnet(model, structure, subnet, { seed: draw, runs: 1 });
        expect(proof.maxRelative).toBeLessThanOrEqual(1e-5);
        expect(proof.values).toBeGreaterThan(1);
      }
    },
    900_000,
  );
});
