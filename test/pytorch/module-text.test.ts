import { describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { readModel } from "../../src/onnx/read.ts";
import { constantValues, moduleTensors } from "../../src/pytorch/module/module-tensors.ts";
import type { PyTorchModule } from "../../src/pytorch/module/module-text.ts";
import { writeModule } from "../../src/pytorch/module/write-module.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import { denseConcat, invertedResidual, NETWORKS, networkBuilder } from "../helpers/networks.ts";

const DEFAULT = readModel(
  new URL("../../src/data/default/shapes-resnet.onnx", import.meta.url).pathname,
).graph;

function drawn(graph: Graph, seed: number): Graph {
  const structure = findStructure(graph);
  return cutGraph(structure, randomSubnet(structure, randomFrom(seed), { minKept: 0.2 }));
}

describe("the text of a module", () => {
  test("of the embedded default is the golden one", async () => {
    const { source } = writeModule(DEFAULT, { className: "ShapesResNet" });
    await expect(source).toMatchFileSnapshot("../golden/modules/shapes-resnet.py");
  });

  test("of a subnet of the embedded default is the golden one", async () => {
    const { source } = writeModule(drawn(DEFAULT, 3), { className: "ShapesResNet" });
    await expect(source).toMatchFileSnapshot("../golden/modules/shapes-resnet-subnet.py");
  });

  test("of inverted residuals with squeeze-and-excitation is the golden one", async () => {
    const { source } = writeModule(invertedResidual(), { className: "Inverted" });
    await expect(source).toMatchFileSnapshot("../golden/modules/inverted-residual.py");
  });

  test("is the same for the same network", () => {
    expect(writeModule(DEFAULT).source).toBe(writeModule(DEFAULT).source);
  });

  test.each(Object.entries(NETWORKS))(
    "of %s has short lines, whole brackets and known names",
    (_, build) => {
      for (const graph of [build(), drawn(build(), 1), drawn(build(), 2)]) {
        const { source } = writeModule(graph);
        expect(source.split("\n").filter((line) => line.length > 100)).toEqual([]);
        for (const [open, close] of ["()", "[]", "{}"].map((pair) => [...pair])) {
          expect(source.split(open ?? "").length).toBe(source.split(close ?? "").length);
        }
        expect(source).not.toMatch(/undefined|null|NaN|\[object/);
        expect(source).toContain("def build() -> nn.Module:");
      }
    },
  );

  test("uses no call that PyTorch has deprecated, and none that works in place", () => {
    for (const build of Object.values(NETWORKS)) {
      const { source } = writeModule(build());
      expect(source).not.toMatch(/\.data\b|\.view\(|F\.(tanh|sigmoid|upsample)\(|inplace|[a-z]_\(/);
    }
  });
});

describe("the state_dict of a module", () => {
  test("has the network's own names where those are module paths", () => {
    const { parameters } = writeModule(DEFAULT);
    expect(parameters.filter((one) => one.key !== one.initializer)).toEqual([]);
    expect(parameters.length).toBe(207);
  });

  test("has every key once, and of every weight that the network reads one", () => {
    for (const build of Object.values(NETWORKS)) {
      const graph = build();
      const { parameters } = writeModule(graph);
      expect(new Set(parameters.map((one) => one.key)).size).toBe(parameters.length);
      const floats = [...graph.initializers].filter(([, tensor]) => tensor.type === "float32");
      expect(
        new Set(parameters.filter((one) => one.type === "float32").map((one) => one.initializer)),
      ).toEqual(new Set(floats.map(([name]) => name)));
    }
  });

  test("turns a matrix that is stored the other way round, and back", () => {
    const b = networkBuilder(1);
    const product = b.node("MatMul", [
      b.input("x", ["batch", 3]),
      b.weight("onnx::MatMul_7", [3, 5]),
    ]);
    b.output(b.node("Add", [product, b.weight("head.bias", [5])]));
    const graph = b.graph();
    const module = writeModule(graph);
    const [weight, bias] = module.parameters;
    expect(weight).toMatchObject({ key: "head.weight", shape: [5, 3], change: "transpose" });
    expect(bias).toMatchObject({ key: "head.bias", shape: [5], change: "none" });
    const [tensor] = [...moduleTensors(graph, module)];
    const stored = graph.initializers.get("onnx::MatMul_7")?.bytes() ?? new Uint8Array();
    const floats = new Float32Array(stored.buffer, stored.byteOffset, 15);
    expect(tensor?.values[1]).toBe(floats[5]);
    if (weight === undefined || !(tensor?.values instanceof Float32Array))
      throw new Error("no weight");
    expect(constantValues(weight, tensor.values)).toEqual(floats);
  });

  test("holds running statistics as buffers", () => {
    const buffers = writeModule(DEFAULT).parameters.filter((one) => one.buffer);
    expect(buffers.every((one) => /running_(mean|var)$/.test(one.key))).toBe(true);
    expect(buffers.length).toBe(82);
  });
});

describe("features", () => {
  test("are the blocks, and those of a subnet are among its teacher's", () => {
    const teacher = writeModule(DEFAULT);
    expect(teacher.features).toContain("layer3.3");
    expect(teacher.features.length).toBe(12);
    for (const seed of [1, 2, 3, 4]) {
      const student: PyTorchModule = writeModule(drawn(DEFAULT, seed));
      expect(teacher.features).toEqual(expect.arrayContaining([...student.features]));
    }
  });
});

describe("what can't be written", () => {
  test("is refused with the op's name", () => {
    const b = graphBuilder();
    b.output(b.node("Det", [b.input("x", ["batch", 3, 3])], { name: "odd" }), ["batch"]);
    expect(() => writeModule(b.graph())).toThrowError(
      expect.objectContaining({ code: "pytorch/unsupported-op", where: "node 'odd'" }),
    );
  });

  test("layers of a dense block share a class", () => {
    const { source } = writeModule(denseConcat());
    expect(source.split("class ").length).toBeLessThan(5);
  });
});
