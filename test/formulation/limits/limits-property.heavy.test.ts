import { expect, test } from "vitest";
import { randomFrom } from "../../../src/core/random.ts";
import { measuredSubnet } from "../../../src/formulation/limits/measure.ts";
import { settleLimits } from "../../../src/formulation/limits/settled.ts";
import { selectedSubnet } from "../../../src/formulation/network/selected-subnet.ts";
import { evaluate } from "../../../src/formulation/problem/evaluate.ts";
import { limitable, limited } from "../../helpers/limited-network.ts";
import { randomNetwork } from "../../helpers/random-network.ts";
import { randomSelection } from "../../helpers/random-selection.ts";

const FIRST = Number(process.env["MDP_SEED"] ?? 0);
const COUNT = Number(process.env["MDP_NETWORKS"] ?? 40);
const QUANTITIES = ["memory", "params", "macs", "bytes", "latency('jetson-nano')"];

test(`on ${COUNT} random networks from seed ${FIRST} on, what the program lets pass keeps the limit when it is counted`, async () => {
  let [held, unheld] = [0, 0];
  for (let seed = FIRST; seed < FIRST + COUNT; seed += 1) {
    const random = randomFrom(seed);
    const network = limitable(randomNetwork(seed), 4, 1);
    for (const quantity of QUANTITIES) {
      const text = `${quantity} <= ${40 + random.integer(61)}%`;
      const made = await limited(network, { limit: [text] }, { layers: random.integer(2) === 0 });
      const { problem } = made.network;
      for (let draw = 0; draw < 4; draw += 1) {
        const selection = randomSelection(problem, random);
        const { usage, objective } = evaluate(problem, selection);
        if (problem.resources.some(({ limit }, index) => (usage[index] ?? 0) > limit)) continue;
        const subnet = measuredSubnet(made.structure, selectedSubnet(made.network, selection));
        const answer = { selection, usage, objective };
        const [settled] = settleLimits(made.network, made, made.widths, subnet, answer);
        const counted = made.limits[0]?.measure(subnet) ?? Number.NaN;
        const limit = made.limits[0]?.limit ?? Number.NaN;
        const where = `seed ${seed}, ${text}, draw ${draw}`;
        expect(counted, where).toBeLessThanOrEqual(limit * (1 + 1e-9));
        expect(settled?.used, where).toBeGreaterThanOrEqual(counted * (1 - 1e-9));
        if (made.limits[0]?.resources.length === 0) unheld += 1;
        else held += 1;
      }
    }
  }
  expect(held).toBeGreaterThan(2 * COUNT);
  expect(unheld).toBeGreaterThan(0);
}, 600_000);
