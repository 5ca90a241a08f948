import { describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { macCount, parameterCount } from "../../src/structure/counts.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import { proveCut, proveSubnet } from "../../src/subnet/prove.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import { keepAll, unitCounts } from "../../src/subnet/subnet.ts";
import { runSeeded } from "../helpers/ort.ts";
import { TRANSFORMERS } from "../helpers/transformers.ts";

const SEED = 50;
const cases = Object.entries(TRANSFORMERS).map(([name, make]) => ({ name, graph: make() }));

const FUSED = /^(onnxruntime|standard|optimised)/;

describe.each(cases)("surgery on the transformer $name", ({ name: network, graph }) => {
  const model = modelOf(graph);
  const structure = findStructure(graph);

  test("keeping everything gives the graph that the structure was found in, which computes the same", async () => {
    expect(cutGraph(structure, keepAll(structure))).toBe(structure.graph);
    const [file, found] = [await runSeeded(graph), await runSeeded(structure.graph)];
    for (const [name, { data }] of file) {
      const other = Array.from(found.get(name)?.data ?? [], Number);
      // Ops that are written out round otherwise than as one.
      if (!FUSED.test(network)) expect(other).toEqual(Array.from(data, Number));
      for (const [at, value] of Array.from(data, Number).entries())
        expect(other[at]).toBeCloseTo(value, 5);
    }
  });

  test.each([1, 2])(
    `3 random subnets of all dims equal the masked original at batch %i (seed ${SEED})`,
    async (batch) => {
      const sized = findStructure(graph, { batch });
      expect(sized.dims.map(({ name, size }) => [name, size])).toEqual(
        structure.dims.map(({ name, size }) => [name, size]),
      );
      const random = randomFrom(SEED);
      for (let draw = 0; draw < 3; draw += 1) {
        const subnet = randomSubnet(sized, random, { minKept: 0.2 });
        const proof = await proveSubnet(model, sized, subnet, { seed: draw, runs: 1 });
        expect(proof.maxRelative).toBeLessThanOrEqual(1e-5);
      }
    },
  );

  test("what is counted before surgery is found after it", () => {
    const random = randomFrom(SEED + 1);
    for (let draw = 0; draw < 4; draw += 1) {
      const subnet = randomSubnet(structure, random, { minKept: 0.2, dropBlocks: 0 });
      const kept = { ...subnet, units: unitCounts(subnet) };
      const cut = findStructure(cutGraph(structure, subnet));
      expect(parameterCount(cut)).toBe(parameterCount(structure, kept));
      expect(macCount(cut)).toBe(macCount(structure, kept));
    }
  });

  test("every dim but the classes can be pruned", () => {
    const pinned = structure.dims.filter((dim) => dim.pinned !== null);
    expect(pinned.map((dim) => dim.pinned)).toEqual([
      expect.stringMatching(/^feeds the network's output/),
    ]);
  });
});

describe("a wrong cut does not pass the proof:", () => {
  const graph = TRANSFORMERS.separate();
  const structure = findStructure(graph);
  const subnet = randomSubnet(structure, randomFrom(3), { minKept: 0.4, dropBlocks: 0 });
  const cut = cutGraph(structure, subnet);
  const prove = (wrong: Graph): Promise<unknown> =>
    proveCut(modelOf(graph), structure, subnet, wrong, { runs: 1 });

  test("the right one does", async () => {
    await expect(prove(cut)).resolves.toMatchObject({ runs: 1 });
  });

  test.each([
    "blocks.0.attn.scale",
    "blocks.1.attn.norm.weight",
    "blocks.0.attn.q_proj.bias",
    "blocks.1.attn.v_proj.weight",
    "positions",
  ])("two elements of '%s' exchanged, or the only one doubled", async (name) => {
    const tensor = cut.initializers.get(name);
    if (tensor === undefined) throw new Error(`no ${name}`);
    const values = new Float32Array(tensor.bytes().slice().buffer);
    const [first = 0, last = 0] = [values[0], values.at(-1)];
    values[0] = values.length === 1 ? 2 * first : last;
    if (values.length > 1) values[values.length - 1] = first;
    const bytes = new Uint8Array(values.buffer);
    const initializers = new Map(cut.initializers).set(name, { ...tensor, bytes: () => bytes });
    await expect(prove({ ...cut, initializers })).rejects.toMatchObject({
      code: "subnet/proof-failed",
    });
  });
});
