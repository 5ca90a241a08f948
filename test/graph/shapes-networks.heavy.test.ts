import { expect, test } from "vitest";
import { inferShapes } from "../../src/graph/shapes/infer.ts";
import { shapeDifferences } from "../helpers/ort.ts";
import { sharedGraph, sharedPath } from "../helpers/shared.ts";

// The large ones (VGG-11, ViT-B) add nothing that these don't have, and take long to unpack.
const NETWORKS = [
  "models/cifar10_resnet20_op13_bn.onnx",
  "models/cifar10_resnet20_op13_folded.onnx",
  "models/cifar10_resnet20_op17_bn.onnx",
  "models/mnist_vit_mlde_op17.onnx",
  "models/squeezenet1.1_imagenet.onnx",
  "models/imagenet_proxyless-w0.3-r176_op13_bn.onnx",
  "models/mobilenet_v2_1.0_224_dequant.onnx",
  "graphs/densenet121_op13_bn.onnx.br",
  "graphs/efficientnet_b0_op13_bn.onnx.br",
  "graphs/googlenet_op13_bn.onnx.br",
  "graphs/mobilenet_v3_small_op13_bn.onnx.br",
  "graphs/regnet_x_400mf_op13_bn.onnx.br",
  "graphs/resnet18_op13_bn.onnx.br",
  "graphs/shufflenet_v2_x1_0_op13_bn.onnx.br",
  "graphs/swin_t_op17_bn.onnx.br",
  "graphs/convnext_tiny_op17_bn.onnx.br",
  "graphs/fcn_resnet50_op13_bn.onnx.br",
];

const missing = sharedPath("models") === null || sharedPath("graphs") === null;

test.skipIf(missing).each(NETWORKS)(
  "every value of %s has the shape, type and constants that onnxruntime computes (needs ../shared)",
  async (name) => {
    const model = sharedGraph(name);
    if (model === null) throw new Error(`${name} is missing from the shared data.`);
    expect(await shapeDifferences(model, 2)).toEqual([]);
  },
);

test.skipIf(missing).each(NETWORKS)(
  "without a batch, every extent of %s is a number or a multiple of the batch (needs ../shared)",
  (name) => {
    const model = sharedGraph(name);
    if (model === null) throw new Error(`${name} is missing from the shared data.`);
    const symbolic = inferShapes(model.graph);
    const bound = inferShapes(model.graph, { batch: 7 });
    for (const value of model.graph.nodes.flatMap((node) => node.outputs)) {
      const shape = symbolic
        .of(value)
        ?.shape.map((extent) =>
          typeof extent === "string"
            ? Number(/^(?:(\d+)\*)?N$/.exec(extent)?.[1] ?? 1) * 7
            : extent,
        );
      expect(shape, value).toEqual(bound.of(value)?.shape);
    }
  },
);
