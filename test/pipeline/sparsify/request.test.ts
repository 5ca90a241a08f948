import { describe, expect, test } from "vitest";
import { SILENT } from "../../../src/core/progress.ts";
import { randomFrom } from "../../../src/core/random.ts";
import { graphBuilder } from "../../../src/graph/build.ts";
import { floatTensor, tensorFromBytes } from "../../../src/graph/tensor.ts";
import { modelOf } from "../../../src/onnx/model.ts";
import type { OpenNetwork } from "../../../src/pipeline/open/network.ts";
import { checkRequest, type SparsifyRequest } from "../../../src/pipeline/sparsify/request.ts";
import { sparsifyOpened } from "../../../src/pipeline/sparsify/sparsify-network.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import { randomSubnet } from "../../../src/subnet/random-subnet.ts";
import { flattenVgg, networkBuilder } from "../../helpers/networks.ts";

const context = {
  progress: SILENT,
  signal: new AbortController().signal,
  commandLine: "test",
  onEvent: () => {},
};

function request(changes: Partial<SparsifyRequest> = {}): SparsifyRequest {
  return {
    limits: { limit: [], soft: [], penalty: [], minimize: null },
    ...{ components: new Map(), score: "magnitude", rates: "program", repair: "none" },
    ...{ format: "zeros", keepDense: null, images: 8, measured: 8, batch: 2, labels: "self" },
    ...{
      ridge: 0.01,
      looks: 1,
      rounds: 1,
      passes: 1,
      refine: 0,
      damage: "squares",
      memory: 1,
      seed: 0,
      threads: 1,
      pattern: "none",
    },
    ...changes,
  };
}

function opened(graph = flattenVgg()): OpenNetwork {
  const rest = { name: "net", path: "net.onnx", embedded: false, hash: "0" };
  return { ...rest, model: modelOf(graph), structure: findStructure(graph) };
}

const limits = (...limit: string[]): Partial<SparsifyRequest> => ({
  limits: { limit, soft: [], penalty: [], minimize: null },
});

describe("a request that makes no sense is an error", () => {
  const cases: readonly (readonly [string, Partial<SparsifyRequest>, string])[] = [
    ["a sparsity of 100 %", { sparsity: "100%" }, "sparsify/sparsity"],
    ["a negative one", { sparsity: "-5%" }, "sparsify/sparsity"],
    ["one above", { sparsity: "120%" }, "sparsify/sparsity"],
    ["no number", { sparsity: "much" }, "sparsify/sparsity"],
    ["nothing asked", {}, "sparsify/nothing-asked"],
    ["a bad pattern", { pattern: "5:4" }, "sparsify/bad-pattern"],
    ["a score without images", { sparsity: "50%", score: "wanda" }, "sparsify/needs-images"],
    [
      "a repair without images",
      { sparsity: "50%", repair: "least-squares" },
      "sparsify/needs-images",
    ],
    [
      "a rule with limits",
      { ...limits("bytes <= 30%"), rates: "lamp" },
      "sparsify/rule-and-limits",
    ],
    [
      "a rule with 2:4 and a share",
      { sparsity: "30%", pattern: "2:4", rates: "erk" },
      "sparsify/pattern-and-rule",
    ],
    [
      "one threshold over scores of one layer",
      { sparsity: "30%", score: "obs", rates: "global", data: "x" },
      "sparsify/global-score",
    ],
    ["a batch of one", { sparsity: "30%", batch: 1 }, "sparsify/batch"],
  ];
  test.each(cases)("%s", (_name, changes, code) => {
    expect(() => checkRequest(request(changes))).toThrowError(
      expect.objectContaining({ code, exitCode: 2 }),
    );
  });

  test("0 % and 80 % and 0.8 are shares", () => {
    const shares = ["0%", "80%", "0.8", " 12.5 % "].map(
      (sparsity) => checkRequest(request({ sparsity })).sparsity,
    );
    expect(shares).toEqual([0, 0.8, 0.8, 0.125]);
  });
});

describe("a network that can't be made sparse that way is an error", () => {
  test("where every layer is kept dense", async () => {
    const asked = sparsifyOpened(opened(), request({ sparsity: "50%", keepDense: /./ }), context);
    await expect(asked).rejects.toThrowError(
      expect.objectContaining({ code: "sparsify/no-fit", exitCode: 3 }),
    );
  });

  test("where all weights are quantised", async () => {
    const b = graphBuilder({ opset: 17 });
    b.input("x", ["batch", 4]);
    b.tensor("w", tensorFromBytes("int8", [4, 4], new Uint8Array(16)));
    b.tensor("scale", floatTensor([], [0.1]));
    b.output(b.node("MatMul", ["x", b.node("DequantizeLinear", ["w", "scale"])]), ["batch", 4]);
    const asked = sparsifyOpened(opened(b.graph()), request({ sparsity: "50%" }), context);
    await expect(asked).rejects.toThrowError(/quantised/);
  });

  test("where a limit names a latency that zeros don't change", async () => {
    const asked = sparsifyOpened(opened(), request(limits("latency <= 5 ms")), context);
    await expect(asked).rejects.toThrowError(
      expect.objectContaining({ code: "formulation/limit-name", exitCode: 2 }),
    );
  });
});

describe("a sparse network", () => {
  test("keeps every weight at 0 %, to the bit", async () => {
    const graph = flattenVgg();
    const { model, report } = await sparsifyOpened(
      opened(graph),
      request({ sparsity: "0%" }),
      context,
    );
    expect(report.total.nonzeros).toBe(report.total.weights);
    for (const [name, tensor] of graph.initializers)
      expect(
        Buffer.compare(
          model.graph.initializers.get(name)?.bytes() ?? Buffer.alloc(0),
          tensor.bytes(),
        ),
      ).toBe(0);
  });

  test("has one mask for tied weights, and 2:4 exactly where its layers can have it", async () => {
    const b = networkBuilder(3);
    b.input("x", ["batch", 8]);
    const first = b.gemm("first", "x", 8, 8);
    b.weight("tied", [8, 8]);
    const one = b.node("MatMul", [first, "tied"], { name: "one" });
    const two = b.node("MatMul", [one, "tied"], { name: "two" });
    b.output(b.gemm("last", two, 8, 4));
    const { report, model } = await sparsifyOpened(
      opened(b.graph()),
      request({ pattern: "2:4" }),
      context,
    );
    const tied = report.layers.find(({ label }) => label.includes("one"));
    expect(tied?.tied).toHaveLength(1);
    expect(tied?.nonzeros).toBe(32);
    expect(report.left.map(({ reason }) => reason)).toEqual([
      "it is the first layer",
      "it gives the network's output",
    ]);
    expect(model.graph.initializers.size).toBe(b.graph().initializers.size);
  });

  test("is cut by a subnet first, proven, and half of what is left goes", async () => {
    const open = opened();
    const subnet = randomSubnet(open.structure, randomFrom(5), { minKept: 0.5 });
    const asked = request({ sparsity: "50%" });
    const { report, model } = await sparsifyOpened(open, asked, context, {
      subnet,
      densities: null,
    });
    expect(report.surgery?.maxRelative).toBeLessThanOrEqual(1e-5);
    const whole = await sparsifyOpened(open, asked, context);
    expect(report.total.weights).toBeLessThan(whole.report.total.weights);
    expect(report.total.nonzeros).toBeLessThanOrEqual(0.5 * report.total.weights);
    expect(whole.report.surgery).toBeNull();
    expect(model.graph.nodes.length).toBeGreaterThan(3);
  });
});
