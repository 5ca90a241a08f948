import { afterAll, expect, test } from "vitest";
import { createHighs } from "../../solvers/highs.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatsOf, floatTensor } from "../../src/graph/tensor.ts";
import { checkNetwork } from "./check-network.ts";
import { drawnNetwork } from "./drawn-network.ts";

const solver = createHighs();
afterAll(() => solver.close());

const FIRST = Number(process.env["MDP_SEED"] ?? 1);
const COUNT = 6;

test(`on ${COUNT} drawn networks from seed ${FIRST} on, cut and masked agree in float64, and all counts are those of the cut network`, async () => {
  let [subnets, blocks] = [0, 0];
  for (let seed = FIRST; seed < FIRST + COUNT; seed += 1) {
    const checked = await checkNetwork(seed, solver);
    subnets += checked.subnets;
    blocks += checked.droppedBlocks;
  }
  expect(subnets).toBeGreaterThanOrEqual(2 * COUNT);
  expect(blocks).toBeGreaterThan(0);
});

test("one weight off by a millionth of itself is found in every drawn network that reads it", async () => {
  const off = (cut: Graph): Graph => {
    const [name, tensor] =
      [...cut.initializers].find(([key]) => /^(?:fc2|head)\.weight$/.test(key)) ?? [];
    if (name === undefined || tensor === undefined) throw new Error("no last weight");
    const values = Float32Array.from(floatsOf(tensor) ?? [], (value) => value * (1 + 1e-6));
    return {
      ...cut,
      initializers: new Map(cut.initializers).set(name, floatTensor(tensor.shape, values)),
    };
  };
  for (const seed of [1, 2, 3])
    await expect(checkNetwork(seed, solver, off)).rejects.toThrow("differ");
});

test("a bias of zeros, which changes no output, is found by the counts", async () => {
  const biased = (cut: Graph): Graph => {
    const at = cut.nodes.findIndex(
      ({ opType, inputs }) => opType === "Conv" && inputs.length === 2,
    );
    const weight = cut.initializers.get(cut.nodes[at]?.inputs[1] ?? "");
    if (weight === undefined) return cut;
    const width = weight.shape[0] ?? 1;
    const nodes = cut.nodes.map((node, index) =>
      index === at ? { ...node, inputs: [...node.inputs, "zeros"] } : node,
    );
    const zeros = floatTensor([width], new Float32Array(width));
    return { ...cut, nodes, initializers: new Map(cut.initializers).set("zeros", zeros) };
  };
  const seeds = [1, 2, 3, 4].filter((seed) =>
    drawnNetwork(seed).nodes.some(({ opType }) => opType === "Conv"),
  );
  for (const seed of seeds.slice(0, 2)) {
    await expect(checkNetwork(seed, solver, biased)).rejects.toThrow("parameters counted");
  }
});
