import { describe, expect, test } from "vitest";
import { findStructure } from "../../src/structure/find-structure.ts";
import { dimListing } from "../helpers/dim-listing.ts";
import { NETWORKS } from "../helpers/networks.ts";
import { hourglassNetwork, latentAgent, twoTowers } from "../helpers/part-networks.ts";
import { PATTERNS } from "../helpers/patterns.ts";
import { sharedGraph } from "../helpers/shared.ts";
import { structureListing } from "../helpers/structure-listing.ts";
import { TRANSFORMERS } from "../helpers/transformers.ts";

describe("dims, blocks and droppable layers are as listed", () => {
  test.each(Object.entries({ ...NETWORKS, ...TRANSFORMERS }))(
    "for the small network %s",
    async (name, make) => {
      const listing = dimListing(findStructure(make()));
      await expect(listing).toMatchFileSnapshot(`../golden/dims/${name}.txt`);
    },
  );

  const shared = {
    resnet18: "graphs/resnet18_op13_bn.onnx.br",
    resnet50: "graphs/resnet50_op13_bn.onnx.br",
    "cifar-resnet20": "models/cifar10_resnet20_op13_bn.onnx",
    "cifar-resnet56-folded": "models/cifar10_resnet56_op13_folded.onnx",
    mobilenet_v2: "graphs/mobilenet_v2_op13_bn.onnx.br",
    mobilenet_v3_small: "graphs/mobilenet_v3_small_op13_bn.onnx.br",
    efficientnet_b0: "graphs/efficientnet_b0_op13_bn.onnx.br",
    regnet_x_400mf: "graphs/regnet_x_400mf_op13_bn.onnx.br",
    shufflenet_v2: "graphs/shufflenet_v2_x1_0_op13_bn.onnx.br",
    convnext_tiny: "graphs/convnext_tiny_op17_bn.onnx.br",
    "mnist-vit": "models/mnist_vit_mlde_op17.onnx",
    "cifar-vit": "models/cifar10_vit_smmk47_op17.onnx",
    vit_b_16: "graphs/vit_b_16_op17_bn.onnx.br",
    swin_t: "graphs/swin_t_op17_bn.onnx.br",
  };
  for (const [name, path] of Object.entries(shared)) {
    const model = sharedGraph(path);
    test.skipIf(model === null)(`for ${name} (skipped without ../shared)`, async () => {
      if (model === null) return;
      const listing = dimListing(findStructure(model.graph));
      await expect(listing).toMatchFileSnapshot(`../golden/dims/${name}.txt`);
    });
  }
});

describe("layers, weights, components and lengths of axes are as listed", () => {
  const patterns = Object.entries(PATTERNS).map(
    ([name, { graph }]) => [name.replaceAll(/[^a-z]+/gi, "-"), graph] as const,
  );
  const parts = Object.entries({ latentAgent, hourglassNetwork, twoTowers });
  const transformers = [
    "crossAttention",
    "groupedQuery",
    "hybrid",
    "masked",
    "postNorm",
    "rotary",
  ].flatMap((name) => Object.entries(TRANSFORMERS).filter(([own]) => own === name));
  test.each([...Object.entries(NETWORKS), ...transformers, ...patterns, ...parts])(
    "for %s",
    async (name, make) => {
      const listing = structureListing(findStructure(make()));
      await expect(listing).toMatchFileSnapshot(`../golden/structures/${name}.txt`);
    },
  );
});

test.skipIf(sharedGraph("graphs/resnet50_op13_bn.onnx.br") === null)(
  "ResNet-50 is grouped as in the paper: 37 prunable dims and 16 blocks (skipped without ../shared)",
  () => {
    const model = sharedGraph("graphs/resnet50_op13_bn.onnx.br");
    if (model === null) return;
    const structure = findStructure(model.graph);
    expect(structure.dims.filter((dim) => dim.pinned === null)).toHaveLength(37);
    expect(structure.blocks).toHaveLength(16);
  },
);
