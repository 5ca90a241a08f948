import { describe, expect, test } from "vitest";
import { floatsOf, floatTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { chooseNorms } from "../../src/training/choose-norms.ts";
import { DISTILLATION } from "../../src/training/recipe.ts";
import { train } from "../../src/training/train.ts";
import { jobOf, RECIPE } from "./jobs.ts";

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

  test("follow their batches in a network whose statistics are wrong, and stay where batches would be worse", async () => {
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
    expect(await chooseNorms(wrong)).toBe("batch");
    // A loss that compares with the network itself is nothing only with the statistics that it has.
    const loss = { ...DISTILLATION, labels: 0, features: 0 };
    const own = { ...job, model, teacher: model, recipe: { ...RECIPE, loss } };
    expect(await chooseNorms(own)).toBe("frozen");
  });
});
