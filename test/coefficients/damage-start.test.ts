import { describe, expect, test } from "vitest";
import { damageStart } from "../../src/coefficients/damage-start.ts";
import type { MaskedRuns } from "../../src/coefficients/masked-runs.ts";
import { unitOrders } from "../../src/coefficients/unit-orders.ts";
import { SILENT } from "../../src/core/progress.ts";
import { randomFrom } from "../../src/core/random.ts";
import { checkSelection } from "../../src/formulation/problem/evaluate.ts";
import { keepAll, type Subnet } from "../../src/subnet/subnet.ts";
import { limitable, limited } from "../helpers/limited-network.ts";
import { latentAgent } from "../helpers/part-networks.ts";

const made = limitable(latentAgent(), 4, 1);
const { structure, importance } = made;
const network = (await limited(made, { limit: ["params <= 40%"] }, { layers: false })).network;
const output = structure.graph.outputs[0]?.name ?? "";
const batch = { size: 1, feeds: {}, labels: new Int32Array(1) };

/** Answers in closed form: a number per unit, its weight while it stays; twins share one that either of them keeps. */
function answering(weights: readonly Float64Array[], twins: number | null): MaskedRuns {
  const numbers = ({ kept }: Subnet): number[] => {
    let shared = 0;
    const all = structure.dims.flatMap(({ index, size }) => {
      const own = new Set(kept[index]);
      const list = Array.from({ length: size }, (_, unit) =>
        own.has(unit) ? (weights[index]?.[unit] ?? 0) : 0,
      );
      if (index === twins) {
        // Alone, little of either is missed; without both, more than of any other unit.
        list[0] = own.has(0) ? 0.05 : 0;
        list[1] = own.has(1) ? 0.45 : 0;
        shared = own.has(0) || own.has(1) ? 100 : 0;
      }
      return list;
    });
    return [...all, shared];
  };
  return {
    answers: async (subnet) => {
      const data = Float32Array.from(numbers(subnet));
      return { [output]: { type: "float32", shape: [1, data.length], data } };
    },
    close: async () => {},
  };
}

const random = randomFrom(5);
const weights = structure.dims.map(({ size }) =>
  Float64Array.from({ length: size }, () => 0.1 + random.next()),
);

describe("a start made of measured damages", () => {
  test("is within every limit, and keeps the units of every dim that are worth most", async () => {
    const options = { runs: answering(weights, null), batch, outputs: [output], progress: SILENT };
    const start = await damageStart(network, options);
    if (start === null) throw new Error("no start");
    checkSelection(network.problem, start.selection);
    for (const { index, size, pinned } of structure.dims) {
      const order = start.orders[index] ?? [];
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, u) => u));
      const count = network.choices[index]?.counts[start.selection.options[index] ?? 0] ?? size;
      if (pinned !== null || count === size) continue;
      const worth = (unit: number | undefined): number => weights[index]?.[unit ?? -1] ?? 0;
      const least = Math.min(...order.slice(0, count).map(worth));
      expect(least).toBeGreaterThanOrEqual(Math.max(...order.slice(count).map(worth)));
    }
  });

  test("keeps one of two units that stand in for each other, which one measurement takes for worthless", async () => {
    const plain = { runs: answering(weights, null), batch, outputs: [output], progress: SILENT };
    const first = await damageStart(network, plain);
    // A dim that is narrowed anyway, so that twins would be among those that go.
    const dim = structure.dims.findIndex(({ index, pinned }) => {
      const counts = network.choices[index]?.counts ?? [];
      return pinned === null && (first?.selection.options[index] ?? 0) < counts.length - 1;
    });
    expect(dim).toBeGreaterThanOrEqual(0);
    const options = { runs: answering(weights, dim), batch, outputs: [output], progress: SILENT };
    const once = await unitOrders(structure, importance, keepAll(structure), options);
    const size = structure.dims[dim]?.size ?? 0;
    const start = await damageStart(network, options);
    const option = start?.selection.options[dim] ?? 0;
    const count = network.choices[dim]?.counts[option] ?? size;
    expect((once[dim] ?? []).slice(0, count).filter((unit) => unit < 2)).toEqual([]);
    const stay = (start?.orders[dim] ?? []).slice(0, count);
    expect(stay.filter((unit) => unit < 2).length).toBeGreaterThanOrEqual(1);
  });

  test("is none where no widths meet the limits", async () => {
    const tight = {
      ...network,
      problem: {
        ...network.problem,
        resources: network.problem.resources.map((each) => ({ ...each, limit: 1e-6 })),
      },
    };
    const options = { runs: answering(weights, null), batch, outputs: [output], progress: SILENT };
    expect(await damageStart(tight, options)).toBeNull();
  });
});
