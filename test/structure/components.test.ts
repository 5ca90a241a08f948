import { describe, expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { COMPONENT_RULES, findComponents } from "../../src/structure/components/find-components.ts";
import { componentLinks, componentSizes } from "../../src/structure/components/links.ts";
import { protectedIn } from "../../src/structure/components/protection.ts";
import { parameterCount } from "../../src/structure/counts.ts";
import { findStructure, withComponents } from "../../src/structure/find-structure.ts";
import type { Structure } from "../../src/structure/structure.ts";
import { NETWORKS } from "../helpers/networks.ts";
import { hourglassNetwork, latentAgent, twoTowers } from "../helpers/part-networks.ts";
import { sharedGraph } from "../helpers/shared.ts";

/** `encoder: 2` per component. */
function partsOf({ components, layers }: Structure): Record<string, number> {
  expect(components.flatMap((part) => part.layers).sort((a, b) => a - b)).toEqual(
    layers.map(({ index }) => index),
  );
  return Object.fromEntries(components.map((part) => [part.name, part.layers.length]));
}

const scopeOf = ({ dims }: Structure, name: string): string | null | undefined =>
  dims.find((dim) => dim.name === name)?.component;

describe("an agent whose parts share a latent", () => {
  const agent = findStructure(latentAgent());

  test("has five components by its names, and one dim that joins them all", () => {
    expect(partsOf(agent)).toEqual({ encoder: 2, dynamics: 2, reward: 2, policy: 2, value: 2 });
    expect(scopeOf(agent, "encoder.0")).toBe("encoder");
    const joined = agent.dims.filter(({ component }) => component?.includes("+"));
    expect(joined.map(({ component }) => component)).toEqual([
      "encoder+dynamics+reward+policy+value",
    ]);
  });

  test("has the same five by its graph where the names say nothing", () => {
    const nameless = findStructure(latentAgent(false));
    expect(nameless.components.map(({ origin }) => origin)).toContain("graph");
    expect(partsOf(nameless)).toEqual({ trunk: 2, next_latent: 2, gain: 2, act: 2, worth: 2 });
    expect(nameless.components.map(({ layers }) => layers)).toEqual(
      agent.components.map(({ layers }) => layers),
    );
  });

  test("links the encoder to each of the others over the latent", () => {
    const fromEncoder = componentLinks(agent).filter(({ from }) => from === 0);
    expect(fromEncoder.map(({ to }) => agent.components[to]?.name)).toEqual([
      "dynamics",
      "reward",
      "policy",
      "value",
    ]);
    const latent = agent.dims.find(({ component }) => component?.includes("+"));
    for (const { dims } of fromEncoder) expect(dims).toContain(latent?.index);
  });

  test("keeps all that a protected component writes or reads, and nothing else", () => {
    const kept = protectedIn(agent, { text: "@policy", pattern: null, components: ["policy"] });
    const held = agent.dims.flatMap((dim) => (kept.dim(dim) === null ? [] : [dim.component]));
    expect(new Set(held)).toEqual(new Set(["policy", "encoder+dynamics+reward+policy+value"]));
    expect(agent.layers.filter(kept.layer).map(({ name }) => name)).toEqual([
      "policy.0",
      "policy.2",
    ]);
  });

  test("protects the dims that join components where these are named together", () => {
    const name = "encoder+dynamics+reward+policy+value";
    const kept = protectedIn(agent, { text: `@${name}`, pattern: null, components: [name] });
    expect(agent.dims.filter((dim) => kept.dim(dim) !== null)).toHaveLength(1);
    expect(agent.layers.filter(kept.layer)).toEqual([]);
  });

  test("refuses to protect a component that is not there", () => {
    const protection = { text: "@polcy", pattern: null, components: ["polcy"] };
    expect(() => protectedIn(agent, protection)).toThrow(
      expect.objectContaining({ code: "structure/protection", hint: "Did you mean '@policy'?" }),
    );
  });

  test("takes components by hand before those found", () => {
    const named = new Map([
      ["heads", /^(reward|value)/],
      ["encoder", /^encoder\.0/],
    ]);
    const structure = withComponents(agent, named);
    expect(partsOf(structure)).toEqual({
      encoder: 1,
      "encoder-rest": 1,
      dynamics: 2,
      heads: 4,
      policy: 2,
    });
    expect(scopeOf(structure, "value.0")).toBe("heads");
  });

  test("refuses a component by hand that no layer belongs to", () => {
    expect(() => withComponents(agent, new Map([["none", /nowhere/]]))).toThrow(
      expect.objectContaining({ code: "structure/empty-component" }),
    );
  });
});

const KINDS: readonly [string, (isNamed: boolean) => Graph, object, object][] = [
  ["an hourglass", hourglassNetwork, { encoder: 2, decoder: 2 }, { encoder: 2, decoder: 2 }],
  ["two towers", twoTowers, { image: 2, text: 2, fusion: 2 }, { image: 2, text: 2, joint: 2 }],
];

test.each(KINDS)("%s is split alike by names and by the graph", (_, make, named, nameless) => {
  expect(partsOf(findStructure(make(true)))).toEqual(named);
  expect(partsOf(findStructure(make(false)))).toEqual(nameless);
});

const REAL: readonly [string, object][] = [
  ["models/cifar10_resnet20_op13_bn.onnx", { stem: 1, layer1: 6, layer2: 6, layer3: 6, head: 1 }],
  ["models/mnist_vit_mlde_op17.onnx", { stem: 1, encoder: 8, heads: 2 }],
  ["models/yolox_nano.onnx", { backbone: 48, neck: 32, head: 33 }],
  ["models/sed_unet.onnx", { encoder: 4, bottleneck: 2, decoder: 6, head: 1 }],
  [
    "models/mobilenet_v2_1.0_224_dequant.onnx",
    { stem: 6, stage1: 4, stage2: 9, stage3: 21, stage4: 12, head: 1 },
  ],
];

test.each(REAL)("%s is split as its makers speak of it", (file, parts) => {
  const model = sharedGraph(file);
  if (model === null) return;
  expect(partsOf(findStructure(model.graph))).toEqual(parts);
});

describe.each(Object.entries(NETWORKS))("in %s", (_, make) => {
  const structure = findStructure(make());

  test.each(COMPONENT_RULES)("every layer is in one component or there are none, by %s", (rule) => {
    const parts = findComponents(structure, rule);
    if (parts.length === 0) return;
    expect(parts.length).toBeGreaterThan(1);
    expect(parts.flatMap(({ layers }) => layers).sort((a, b) => a - b)).toEqual(
      structure.layers.map(({ index }) => index),
    );
    expect(new Set(parts.map(({ name }) => name)).size).toBe(parts.length);
  });

  test("components have all parameters between them", () => {
    if (structure.components.length === 0) return;
    const sum = componentSizes(structure).reduce((total, { parameters }) => total + parameters, 0);
    expect(sum).toBe(parameterCount(structure));
  });
});
