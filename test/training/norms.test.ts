import { describe, expect, test } from "vitest";
import { floatsOf, floatTensor } from "../../src/graph/tensor.ts";
import { type Model, modelOf, withGraph } from "../../src/onnx/model.ts";
import { openModel } from "../../src/runtime/open-model.ts";
import type { TrainingBatch, TrainingData } from "../../src/training/batches.ts";
import { chooseNorms } from "../../src/training/choose-norms.ts";
import { matchNorms } from "../../src/training/match-norms.ts";
import { DISTILLATION } from "../../src/training/recipe.ts";
import { train } from "../../src/training/train.ts";
import { imagesOf } from "../helpers/samples.ts";
import { jobOf, RECIPE } from "./jobs.ts";

/** All numbers of the first output on the first batch. */
async function answers(model: Model, data: TrainingData): Promise<readonly number[]> {
  const session = await openModel(model);
  const input = model.graph.inputs[0]?.name ?? "";
  for await (const batch of data.epoch(0, 8, 0)) {
    const outputs = await session.run({ [input]: imagesOf(batch) });
    const output = outputs[model.graph.outputs[0]?.name ?? ""];
    await session.close();
    return output?.type === "float32" ? [...output.data] : [];
  }
  return [];
}

describe("norms", () => {
  test("that are frozen keep their statistics, and the rest of the network is trained around them", async () => {
    const job = jobOf({ norms: "frozen", epochs: 2 });
    const { model, history } = await train(job);
    for (const [name, tensor] of job.model.graph.initializers) {
      const same =
        Buffer.compare(
          model.graph.initializers.get(name)?.bytes() ?? new Uint8Array(),
          tensor.bytes(),
        ) === 0;
      expect(same, name).toBe(tensor.type !== "float32" || /running|mean|var/.test(name));
    }
    expect(history[1]?.loss).toBeLessThan(history[0]?.loss ?? 0);
  });

  test("follow their batches in a network whose statistics are wrong, and are matched where batches would be worse", async () => {
    const job = jobOf();
    const { model } = await train(job);
    const spoilt = new Map(
      [...model.graph.initializers].map(([name, tensor]) => [
        name,
        name.endsWith("running_var")
          ? floatTensor(
              tensor.shape,
              floatsOf(tensor).map((value) => 400 * value),
            )
          : tensor,
      ]),
    );
    const wrong = { ...job, model: modelOf({ ...model.graph, initializers: spoilt }) };
    expect(await chooseNorms(wrong)).toMatchObject({ norms: "batch", matched: false });
    // A loss that compares with the network itself is nothing only with the statistics that it has.
    const loss = { ...DISTILLATION, labels: 0, features: 0 };
    const same = { ...job, teacher: wrong.model, model: wrong.model };
    const own = await chooseNorms({ ...same, recipe: { ...RECIPE, loss } });
    expect(own).toMatchObject({ norms: "batch", matched: true });
    // The same function: what is frozen gives the same answers before and after.
    const before = await answers(wrong.model, job.data);
    const after = await answers(own.model, job.data);
    const largest = Math.max(...before.map(Math.abs));
    for (const [index, value] of after.entries()) {
      expect(Math.abs(value - (before[index] ?? 0)) / largest).toBeLessThan(1e-5);
    }
  });

  test("that are matched have the mean and variance of their inputs on the images", async () => {
    const { model, data } = jobOf();
    const batches: TrainingBatch[] = [];
    for await (const batch of data.epoch(0, 16, 0)) batches.push(batch);
    const input = model.graph.inputs[0]?.name ?? "";
    const matched = await matchNorms(model, batches, 1);
    const norm = model.graph.nodes.find(({ opType }) => opType === "BatchNormalization");
    const [value = "", scale = "", , mean = "", variance = ""] = norm?.inputs ?? [];
    const session = await openModel(
      withGraph(model, {
        ...model.graph,
        outputs: [{ name: value, type: "float32", shape: null }],
      }),
    );
    const perChannel = new Map<number, number[]>();
    for (const batch of batches) {
      const output = (await session.run({ [input]: imagesOf(batch) }))[value];
      const [, channels = 1, height = 1, width = 1] = output?.shape ?? [];
      if (output?.type !== "float32") throw new Error("no float32 output");
      for (const [index, x] of output.data.entries()) {
        const channel = Math.floor(index / (height * width)) % channels;
        perChannel.set(channel, [...(perChannel.get(channel) ?? []), x]);
      }
    }
    await session.close();
    const numbers = (name: string): Float32Array => {
      const tensor = matched.graph.initializers.get(name);
      return tensor === undefined ? new Float32Array() : floatsOf(tensor);
    };
    expect(numbers(scale).length).toBe(perChannel.size);
    for (const [channel, values] of perChannel) {
      const average = values.reduce((sum, x) => sum + x, 0) / values.length;
      const spread = values.reduce((sum, x) => sum + (x - average) ** 2, 0) / values.length;
      expect(numbers(mean)[channel]).toBeCloseTo(average, 4);
      expect(numbers(variance)[channel]).toBeCloseTo(spread, 4);
    }
  });
});
