import { describe, expect, test } from "vitest";
import { checkDifferentiable, differentiate } from "../../src/gradients/differentiate.ts";
import { crossEntropy, logitsOf } from "../../src/gradients/losses.ts";
import { trainableParameters } from "../../src/gradients/parameters.ts";
import { staticGraph } from "../../src/gradients/static-graph.ts";
import { trainingMode } from "../../src/gradients/training-mode.ts";
import { slopeError } from "../helpers/gradient-check.ts";
import { NETWORKS } from "../helpers/networks.ts";
import { opsetNetwork } from "../helpers/opset-network.ts";
import { randomNetwork } from "../helpers/random-network.ts";
import { sharedGraph } from "../helpers/shared.ts";

test.each([9, 10, 11, 12, 13, 17, 18, 22])(
  "a network of the ops whose form changed has right gradients at opset %d",
  async (opset) => {
    expect(await slopeError(opsetNetwork(opset))).toBeLessThan(1e-5);
  },
);

test.each(Object.entries(NETWORKS))(
  "the gradients of %s are right",
  async (_name, make) => {
    expect(await slopeError(make(), { batch: 1 })).toBeLessThan(1e-5);
  },
  30_000,
);

test.each([1, 2, 3, 4, 5, 6])(
  "the gradients of random network %d are right",
  async (seed) => {
    expect(await slopeError(randomNetwork(seed))).toBeLessThan(1e-5);
  },
  30_000,
);

describe.each([
  "models/cifar10_resnet20_op13_bn.onnx",
  "models/mnist_vit_mlde_op17.onnx",
  "models/squeezenet1.1_imagenet.onnx",
  "models/imagenet_proxyless-w0.3-r176_op13_bn.onnx",
  "graphs/densenet121_op13_bn.onnx.br",
  "graphs/shufflenet_v2_x1_0_op13_bn.onnx.br",
  "graphs/mobilenet_v3_small_op13_bn.onnx.br",
  "graphs/googlenet_op13_bn.onnx.br",
])("%s", (path) => {
  const model = sharedGraph(path);
  test.skipIf(model === null)("has a gradient for every weight", () => {
    if (model === null) return;
    const { graph } = trainingMode(staticGraph(model.graph, { batch: 2 }));
    const logits = logitsOf(graph, graph.outputs[0]?.name ?? "");
    const { graph: lossy, loss } = crossEntropy(graph, { logits, labels: "labels" });
    const names = trainableParameters(lossy, loss);
    const { gradients } = differentiate(lossy, { loss, withRespectTo: names });
    expect(gradients.size).toBe(names.length);
    const weights = [...graph.initializers].filter(
      ([, { type, shape }]) => type === "float32" && shape.length > 1,
    );
    expect(weights.filter(([name]) => !names.includes(name)).map(([name]) => name)).toEqual([]);
    expect(() => checkDifferentiable(lossy, { loss, withRespectTo: names })).not.toThrow();
  });
});
