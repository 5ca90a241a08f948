import { describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import type { Feed } from "../../src/runtime/session.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import { type Proof, type ProofOptions, proveCut, proveSubnet } from "../../src/subnet/prove.ts";
import { keepAll, type Subnet } from "../../src/subnet/subnet.ts";
import { type NetworkBuilder, networkBuilder } from "../helpers/networks.ts";

/** A network with something before its first convolution and something behind its last one. */
function network(
  front: (b: NetworkBuilder, x: string) => string,
  back: (b: NetworkBuilder, y: string) => string = (_b, y) => y,
): Graph {
  const b = networkBuilder(4);
  const x = front(b, b.input("x", ["batch", 3, 6, 6]));
  const first = b.relu(b.conv("one", x, { from: 3, to: 8, bn: false }));
  const second = b.relu(b.conv("two", first, { from: 8, to: 8, bn: false }));
  b.output(back(b, b.conv("three", second, { from: 8, to: 4, bn: false })), null);
  return b.graph();
}

/** The first and third of four units of every dim that can be pruned. */
function half(graph: Graph): { readonly subnet: Subnet; readonly cut: Graph } {
  const structure = findStructure(graph);
  const kept = structure.dims.map((dim, index) =>
    dim.pinned === null
      ? (keepAll(structure).kept[index] ?? []).filter((unit) => unit % 4 !== 1)
      : (keepAll(structure).kept[index] ?? []),
  );
  const subnet = { kept, droppedBlocks: [], droppedLayers: [] };
  return { subnet, cut: cutGraph(structure, subnet) };
}

async function prove(graph: Graph, options: ProofOptions = {}): Promise<Proof> {
  return proveSubnet(modelOf(graph), findStructure(graph), half(graph).subnet, options);
}

function withWeight(graph: Graph, name: string, change: (values: Float32Array) => void): Graph {
  const tensor = graph.initializers.get(name);
  if (tensor === undefined) throw new Error(`no ${name}`);
  const values = new Float32Array(Uint8Array.from(tensor.bytes()).buffer);
  change(values);
  const initializers = new Map(graph.initializers).set(name, floatTensor(tensor.shape, values));
  return { ...graph, initializers };
}

async function proveWrong(
  graph: Graph,
  name: string,
  change: (values: Float32Array) => void,
  options: ProofOptions = {},
): Promise<Proof> {
  const { subnet, cut } = half(graph);
  const wrong = withWeight(cut, name, change);
  return proveCut(modelOf(graph), findStructure(graph), subnet, wrong, options);
}

const failed = expect.objectContaining({ code: "subnet/proof-failed", exitCode: 6 });
const impossible = expect.objectContaining({ code: "subnet/cant-prove", exitCode: 6 });

describe("inputs of a proof", () => {
  test("are positive where normal ones give NaN, and a wrong cut fails on them", async () => {
    const graph = network((b, x) => b.node("Log", [x]));
    expect((await prove(graph)).inputs).toBe("numbers from 0 to 1");
    const wrong = proveWrong(graph, "two.weight", (values) => values.reverse());
    await expect(wrong).rejects.toEqual(failed);
  });

  test("stay within -1 and 1, or at 1 and above, where the first op asks for it", async () => {
    const arc = network((b, x) => b.node("Atanh", [x]));
    expect((await prove(arc)).inputs).toMatch(/^numbers from/);
    const cosh = network((b, x) => b.node("Acosh", [x]));
    expect((await prove(cosh)).inputs).toBe("numbers from 1 to 2");
  });

  test("index every row of an embedding and none beyond it", async () => {
    const b = networkBuilder(5);
    const ids = b.input("ids", ["batch", 16], "int64");
    const rows = b.node("Gather", [b.weight("table", [50, 12]), ids]);
    const first = b.relu(b.node("MatMul", [rows, b.weight("one", [12, 8])]));
    b.output(b.node("MatMul", [first, b.weight("two", [8, 3])]));
    const proof = await prove(b.graph());
    expect(proof.inputs).toBe("random integers");
    // Rows 2 to 49 of the table matter: a wrong one is seen. With ids of 0 and 1 it would not be.
    const structure = findStructure(b.graph());
    const subnet = keepAll(structure);
    const wrong = withWeight(b.graph(), "table", (values) => values.copyWithin(24, 36, 600));
    await expect(proveCut(modelOf(b.graph()), structure, subnet, wrong)).rejects.toEqual(failed);
  });

  test.each([
    [
      "NaN",
      (b: NetworkBuilder, x: string) => b.node("Sqrt", [b.node("Sub", [x, constant(b, 1e9)])]),
    ],
    [
      "infinite",
      (b: NetworkBuilder, x: string) => b.node("Exp", [b.node("Add", [x, constant(b, 1e3)])]),
    ],
  ])("that are %s whatever is fed prove nothing", async (_name, front) => {
    await expect(prove(network(front))).rejects.toEqual(impossible);
  });

  test("that give one number everywhere prove nothing", async () => {
    const zero = network(
      (_b, x) => x,
      (b, y) => b.node("Mul", [y, constant(b, 0)]),
    );
    await expect(prove(zero)).rejects.toEqual(impossible);
    const saturated = network(
      (_b, x) => x,
      (b, y) => b.relu(b.node("Sub", [y, constant(b, 1e9)])),
    );
    await expect(prove(saturated)).rejects.toMatchObject({
      code: "subnet/cant-prove",
      message: expect.stringMatching(/is 0 everywhere/),
    });
  });

  test("can be given, and are the only ones then", async () => {
    const graph = network((b, x) => b.node("Log", [b.node("Sub", [x, constant(b, 1e3)])]));
    await expect(prove(graph)).rejects.toEqual(impossible);
    const random = randomFrom(1);
    const data = Float32Array.from({ length: 108 }, () => 1001 + random.next());
    const x: Feed = { type: "float32", shape: [1, 3, 6, 6], data };
    const proof = await prove(graph, {
      inputs: { name: "inputs.json", only: true, feeds: [{ x }] },
    });
    expect(proof).toMatchObject({ inputs: "inputs.json", runs: 1 });
    const useless: Feed = { ...x, data: new Float32Array(108) };
    const refused = prove(graph, {
      inputs: { name: "zeros.json", only: true, feeds: [{ x: useless }] },
    });
    await expect(refused).rejects.toEqual(impossible);
  });

  test("differ from run to run", async () => {
    const graph = network((_b, x) => x);
    const wrong = (options: ProofOptions): Promise<Proof> =>
      proveWrong(graph, "one.bias", (values) => values.fill(0.5, 0, 1), { limit: 10, ...options });
    const both = await wrong({ runs: 2, layers: false });
    const alone = [0, 1].map((seed) => wrong({ runs: 1, seed, layers: false }));
    const [first, second] = (await Promise.all(alone)).map((proof) => proof.maxRelative);
    expect(first).not.toBe(second);
    expect(both.maxRelative).toBe(Math.max(first ?? 0, second ?? 0));
  });
});

function constant(b: NetworkBuilder, value: number): string {
  return b.tensor(`constant ${value}`, floatTensor([], [value]));
}

describe("what float32 can say", () => {
  const sigmoid = (bias: number): Graph =>
    network(
      (_b, x) => x,
      (b, y) => b.node("Sigmoid", [b.node("Sub", [y, constant(b, bias)])]),
    );

  test.each([8, 12, 16])("low values of a sigmoid %d below zero are proven", async (bias) => {
    const proof = await prove(sigmoid(bias));
    expect(proof.layersRelative).toBeLessThan(1e-6);
    if (proof.maxRelative > proof.limit) expect(proof.rounding).toBeGreaterThan(0);
  });

  test.each([8, 12, 16])("and a wrong cut before them is not, %d below zero", async (bias) => {
    const off = (values: Float32Array): void => {
      values[0] = (values[0] ?? 0) + 1e-3;
    };
    await expect(proveWrong(sigmoid(bias), "three.bias", off)).rejects.toEqual(failed);
    await expect(proveWrong(sigmoid(bias), "one.bias", off)).rejects.toEqual(failed);
  });

  test("a layer of a thousandth of another's size is compared at its own size", async () => {
    const small = withWeight(
      network((_b, x) => x),
      "two.weight",
      (values) => {
        values.fill(0, 0, 72);
        values.set([1e-6, 2e-6], 4);
      },
    );
    const graph = withWeight(small, "two.bias", (values) => values.fill(1e-6, 0, 1));
    await expect(prove(graph)).resolves.toMatchObject({ runs: 2 });
  });
});

describe("each check alone", () => {
  const graph = network(
    (_b, x) => x,
    (b, y) => b.node("Mul", [y, b.weight("scale", [1, 4, 1, 1])]),
  );
  const off = (values: Float32Array): void => {
    values[1] = 1.01 * (values[1] ?? 0);
  };

  test("catches what is wrong behind the last layer", async () => {
    for (const options of [{ layers: false }, { outputs: false }, {}]) {
      await expect(proveWrong(graph, "scale", off, options)).rejects.toEqual(failed);
    }
  });

  test("catches what is wrong in the first layer", async () => {
    for (const options of [{ layers: false }, { outputs: false }, {}]) {
      await expect(proveWrong(graph, "one.weight", off, options)).rejects.toEqual(failed);
    }
  });

  test("without any there is nothing to find", async () => {
    const blind = { layers: false, outputs: false };
    await expect(proveWrong(graph, "scale", off, blind)).resolves.toMatchObject({ values: 0 });
  });

  test("a limit that is wide lets pass at the outputs what the segments still catch", async () => {
    const wide = { limit: 1e9 };
    await expect(proveWrong(graph, "one.weight", off, wide)).rejects.toEqual(failed);
    const outputs = { ...wide, layers: false };
    await expect(proveWrong(graph, "one.weight", off, outputs)).resolves.toBeDefined();
  });

  test("a unit that is zero behind its Relu on these inputs is compared all the same", async () => {
    const dead = withWeight(graph, "one.bias", (values) => values.fill(-1e3, 0, 1));
    // The weights that read it: nothing but random values behind the Relu shows them.
    const wrong = proveWrong(dead, "two.weight", (values) => values.fill(0.25, 0, 9));
    await expect(wrong).rejects.toEqual(failed);
  });
});
