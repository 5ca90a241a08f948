import { expect, test } from "vitest";
import { SILENT } from "../../src/core/progress.ts";
import { randomFrom } from "../../src/core/random.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { elementCount } from "../../src/graph/tensor.ts";
import { checkImportance, unitOrder } from "../../src/importance/importance.ts";
import { candidatesOf } from "../../src/importance/sensitivity/candidates.ts";
import { damageOf } from "../../src/importance/sensitivity/damage.ts";
import { type Cut, gatedNetwork } from "../../src/importance/sensitivity/gated.ts";
import { openSensitivity, valueByValue } from "../../src/importance/sensitivity/sensitivity.ts";
import { modelOf } from "../../src/onnx/model.ts";
import type { Target } from "../../src/runtime/batches.ts";
import { compareOutputs } from "../../src/runtime/compare.ts";
import { openSession } from "../../src/runtime/session.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { maskedGraph } from "../../src/subnet/mask.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import { NETWORKS, networkBuilder } from "../helpers/networks.ts";
import { bytesOfModel } from "../helpers/ort.ts";
import { imagesOf } from "../helpers/samples.ts";
import { randomBatches, scoresOn, smoothNetwork } from "../helpers/scored.ts";
import { TRANSFORMERS } from "../helpers/transformers.ts";

/** Tokens, segments and masks that every network of the tests takes. */
function numbered(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, at) => (at + 1) % 2);
}

for (const [name, build] of [...Object.entries(NETWORKS), ...Object.entries(TRANSFORMERS)]) {
  test(`${name}: gates give what the masked network gives, on random subnets`, async () => {
    const structure = findStructure(build());
    const gated = gatedNetwork(structure);
    const session = await openSession(bytesOfModel(modelOf(gated.graph)));
    const inputs = Object.fromEntries(
      structure.graph.inputs.map(({ name: input, type }, at) => {
        const shape = [2, ...(structure.shapes.of(input) ?? []).slice(1)];
        if (type === "int32") return [input, { type, shape, data: numbered(elementCount(shape)) }];
        const [batch] = randomBatches(1, shape, 5, at + 1);
        if (batch === undefined) throw new Error("no batch");
        return [input, imagesOf(batch)];
      }),
    );
    const random = randomFrom(31);
    for (let draw = 0; draw < 3; draw += 1) {
      const subnet = randomSubnet(structure, random);
      const cut: Cut = {
        kept: new Map(subnet.kept.map((units, dim) => [dim, new Set(units)])),
        droppedBlocks: subnet.droppedBlocks,
        droppedLayers: subnet.droppedLayers,
      };
      const masked = await openSession(bytesOfModel(modelOf(maskedGraph(structure, subnet))));
      const difference = compareOutputs(
        await masked.run(inputs),
        await session.run({ ...inputs, ...gated.feeds(cut) }),
      );
      expect(difference.maxRelative).toBeLessThan(1e-4);
      await masked.close();
    }
    await session.close();
  });
}

test("damage is the squared difference over the variance, both around each image's mean", () => {
  const whole = Float32Array.from([1, 2, 3, 4, 4, 7]);
  const same = damageOf(whole, Float32Array.from([11, 12, 13, 4, 4, 7]), [2, 3]);
  expect(same).toEqual({ difference: 0, size: 8 });
  const other = damageOf(whole, Float32Array.from([1, 2, 3, 5, 5, 5]), [2, 3]);
  expect(other).toEqual({ difference: 6, size: 8 });
});

test("what is added to all numbers of an output counts where they are no scores, by the targets of the data", () => {
  const shape = [2, 3];
  const whole = { type: "float32", data: Float32Array.from([1, 2, 3, 4, 4, 7]), shape } as const;
  const cut = { ...whole, data: whole.data.map((value) => value + 1) };
  const graph = { outputs: ["first", "points"].map((name) => ({ name, type: "float32", shape })) };
  const { damages } = valueByValue(["points"], graph as unknown as Graph);
  const differenceBy = (targets?: readonly Target[]): number => {
    const samples = { size: 2, feeds: {}, labels: new Int32Array(2).fill(-1), targets };
    return damages({ points: whole }, { points: cut }, samples)[0]?.difference ?? Number.NaN;
  };
  const none = { kind: "none" } as const;
  expect(differenceBy()).toBe(0);
  expect(differenceBy([{ kind: "class", label: 1 }, none])).toBe(0);
  // A target without a name is that of the network's first output, which is another one here.
  expect(differenceBy([{ kind: "values", values: { "": whole } }, none])).toBe(0);
  expect(differenceBy([{ kind: "values", values: { points: whole } }, none])).toBe(6);
  const heads = { points: { kind: "values", values: { points: whole } }, first: none } as const;
  expect(differenceBy([{ kind: "heads", heads }, none])).toBe(6);
});

test("kept importance falls by what was measured: units, then the rest of a block with the block", async () => {
  const graph = NETWORKS.bottleneckResnet();
  const structure = findStructure(graph);
  const batches = randomBatches(2, [4, 3, 12, 12]);
  const scores = await scoresOn(graph, batches, { method: "sensitivity" });
  checkImportance(scores, structure, "test");
  expect(scores.normalisation).toBe("none");
  const inner = scores.dims.find((dim) => dim.dim === "layer1.1.conv2");
  if (inner === undefined) throw new Error("no dim");
  expect([...unitOrder(inner)].sort((a, b) => a - b)).toEqual(
    Array.from({ length: inner.units }, (_, unit) => unit),
  );
  const order = unitOrder(inner);
  const [layer] = inner.layers;
  // What the last unit adds is what is lost without it.
  const last = layer?.scores[order.at(-1) ?? 0] ?? 0;
  const session = await openSession(bytesOfModel(modelOf(gatedNetwork(structure).graph)));
  const feeds = gatedNetwork(structure).feeds;
  const kept = new Map([[structure.dims.findIndex((dim) => dim.name === inner.dim), order]]);
  let [difference, size] = [0, 0];
  for (const batch of batches) {
    const input = imagesOf(batch);
    const logits = async (cut: Cut): Promise<Float32Array> => {
      const [output] = Object.values(await session.run({ input, ...feeds(cut) }));
      return output?.type === "float32" ? output.data : new Float32Array();
    };
    const nothing = { droppedBlocks: [], droppedLayers: [] };
    const nine = new Map([...kept].map(([dim, units]) => [dim, new Set(units.slice(0, 9))]));
    const whole = await logits({ kept: new Map(), ...nothing });
    const damage = damageOf(whole, await logits({ kept: nine, ...nothing }), [batch.size, 5]);
    difference += damage.difference;
    size += damage.size;
  }
  await session.close();
  expect(last).toBeCloseTo(difference / size, 6);
});

test("measured damages can't be divided by anything, and need answers with classes", async () => {
  await expect(
    scoresOn(smoothNetwork(), randomBatches(1, [2, 3, 4, 4]), {
      method: "sensitivity",
      normalisation: "max",
    }),
  ).rejects.toMatchObject({ code: "importance/normalisation", exitCode: 2 });
});

test("damage of a network with two outputs is the mean of what each alone says", async () => {
  const b = networkBuilder(4);
  const x = b.node("Tanh", [
    b.conv("stem", b.input("input", ["batch", 3, 4, 4]), { from: 3, to: 8 }),
  ]);
  const picture = b.output(b.conv("picture", x, { from: 8, to: 3, bn: false }));
  const pooled = b.node("Flatten", [b.node("GlobalAveragePool", [x])]);
  const classes = b.output(b.gemm("classes", pooled, 8, 5));
  const graph = b.graph();
  const batches = randomBatches(2, [4, 3, 4, 4]);
  const structure = findStructure(graph);
  const orders = structure.dims.map(({ size }) => Array.from({ length: size }, (_, unit) => unit));
  const of = async (outputs?: readonly string[]): Promise<readonly number[]> => {
    const meter = await openSensitivity(modelOf(graph), structure, {
      ...{ outputs, threads: 1, batches: 2, batch: 4, progress: SILENT },
      cuts: (gated) => candidatesOf(structure, orders, gated),
    });
    for (const [index, batch] of batches.entries()) await meter.add(batch, index);
    await meter.close();
    return meter.damages();
  };
  const [both, first, second] = [await of(), await of([picture]), await of([classes])];
  expect(both.length).toBeGreaterThan(3);
  for (const [cut, damage] of both.entries()) {
    expect(damage).toBeCloseTo(((first[cut] ?? 0) + (second[cut] ?? 0)) / 2, 6);
  }
  expect(first.some((damage, cut) => Math.abs(damage - (second[cut] ?? 0)) > 1e-3)).toBe(true);
});
