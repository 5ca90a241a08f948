import { describe, expect, test } from "vitest";
import { randomFrom } from "../../../src/core/random.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { floatsOf, floatTensor } from "../../../src/graph/tensor.ts";
import { type Model, modelOf, withGraph } from "../../../src/onnx/model.ts";
import { serializeModel } from "../../../src/onnx/write.ts";
import { joinedPair, joinModels, splitModel } from "../../../src/pipeline/pair/joined-model.ts";
import { checkParts } from "../../../src/pipeline/pair/split-file.ts";
import { randomFeeds } from "../../../src/runtime/feeds.ts";
import { type Feeds, openSession } from "../../../src/runtime/session.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import type { Structure } from "../../../src/structure/structure.ts";
import { cutGraph } from "../../../src/subnet/cut.ts";
import { proveCut, proveSubnet } from "../../../src/subnet/prove.ts";
import { randomSubnet } from "../../../src/subnet/random-subnet.ts";
import {
  type DualOptions,
  decoderFusion,
  dualEncoder,
  imageTower,
  textTower,
  type UnitForm,
} from "../../helpers/dual-encoders.ts";

const SEED = 5;

function joined(options: DualOptions = {}, text = textTower(options)): Model {
  const sides = [
    { name: "image", model: modelOf(imageTower(options)) },
    { name: "text", model: modelOf(text) },
  ] as const;
  return joinModels(sides, {}).model;
}

/** The dim that both projections produce. */
function widthOf({ dims }: Structure): number {
  return dims.findIndex(
    ({ producers, name }) => producers.length === 2 && name.includes("projection"),
  );
}

async function run(model: Model, feeds: Feeds): Promise<Feeds> {
  const session = await openSession(Buffer.concat(serializeModel(model)));
  const answers = await session.run(feeds);
  await session.close();
  return answers;
}

const SAMPLES = 4;

function feedsOf({ inputs }: Graph, batch = SAMPLES, seed = SEED): Feeds {
  const declared = inputs.map(({ name, type, shape }) => ({
    ...{ name, type: type ?? "float32" },
    shape: (shape ?? []).map((extent) => (typeof extent === "number" ? extent : "batch")),
  }));
  return randomFeeds(declared, { seed, batch, integers: { input_ids: 11 } });
}

/** Cosines of all rows of one with all rows of the other, in 64 bits. */
function cosines(left: readonly number[][], right: readonly number[][]): number[][] {
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0);
  return left.map((a) => right.map((b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))));
}

function rows(feeds: Feeds, name: string): number[][] {
  const feed = feeds[name];
  const width = feed?.shape[1] ?? 1;
  const all = Array.from(feed?.data ?? [], Number);
  return Array.from({ length: feed?.shape[0] ?? 0 }, (_, row) =>
    all.slice(row * width, (row + 1) * width),
  );
}

const UNITS: readonly UnitForm[] = ["none", "l2", "clip-expand", "pow", "lp"];

describe("two networks joined as one", () => {
  test.each(UNITS)(
    "have one prunable embedding width, whatever brings them to length one (%s)",
    async (unit) => {
      for (const opset of [17, 18]) {
        const model = joined({ unit, opset });
        const structure = findStructure(model.graph);
        expect(structure.dims[widthOf(structure)]).toMatchObject({ size: 12, pinned: null });
        const subnet = randomSubnet(structure, randomFrom(SEED), { minKept: 0.3 });
        const proof = await proveSubnet(model, structure, subnet, { seed: SEED, runs: 1 });
        expect(proof.maxRelative).toBeLessThanOrEqual(1e-5);
      }
    },
  );

  test.each([
    [1, "l2"],
    [2, "l2"],
    [1, "lp"],
    [2, "lp"],
  ] as const)(
    "are proven on feeds of %i samples where each is of length one (%s), and a spoilt weight is found",
    async (batch, unit) => {
      const model = joined({ unit });
      const structure = findStructure(model.graph);
      const subnet = randomSubnet(structure, randomFrom(SEED), { minKept: 0.3 });
      const feeds = [SEED, SEED + 1].map((seed) => feedsOf(model.graph, batch, seed));
      const options = { seed: SEED, inputs: { name: "pairs", only: true, feeds } };
      const proof = await proveSubnet(model, structure, subnet, options);
      expect(proof.maxRelative).toBeLessThanOrEqual(1e-5);
      expect(proof).toMatchObject({ runs: 2, inputs: "pairs" });
      const cut = cutGraph(structure, subnet);
      const [name, weight] =
        [...cut.initializers].find(([key]) => key.includes("projection")) ?? [];
      if (name === undefined || weight === undefined) throw new Error("no projection");
      const values = floatsOf(weight).slice();
      values[0] = 1.01 * (values[0] ?? 0);
      const spoilt = {
        ...cut,
        initializers: new Map(cut.initializers).set(name, floatTensor(weight.shape, values)),
      };
      await expect(proveCut(model, structure, subnet, spoilt, options)).rejects.toMatchObject({
        code: "subnet/proof-failed",
      });
    },
  );

  test("give two files after a cut whose cosines are the joined network's similarities", async () => {
    const model = joined({ unit: "l2" });
    const structure = findStructure(model.graph);
    const width = widthOf(structure);
    const subnet = randomSubnet(structure, randomFrom(SEED), { minKept: 0.3 });
    expect(subnet.kept[width]?.length).toBeLessThan(12);
    const cut = withGraph(model, cutGraph(structure, subnet));
    const pair = joinedPair(cut, "cut");
    if (pair === null) throw new Error("no record");
    const parts = splitModel(cut, pair);
    await checkParts(cut, parts, { seed: SEED });
    const feeds = feedsOf(cut.graph);
    const whole = await run(cut, feeds);
    const [image, text] = await Promise.all(
      parts.map(({ model: part }) =>
        run(
          part,
          Object.fromEntries(
            part.graph.inputs.flatMap(({ name }) => (feeds[name] ? [[name, feeds[name]]] : [])),
          ),
        ),
      ),
    );
    expect(parts.map(({ model: { graph } }) => graph.outputs.map(({ name }) => name))).toEqual([
      ["image_embeds"],
      ["text_embeds"],
    ]);
    const wanted = cosines(rows(image ?? {}, "image_embeds"), rows(text ?? {}, "text_embeds"));
    expect(rows(image ?? {}, "image_embeds")[0]?.length).toBe(subnet.kept[width]?.length);
    for (const [i, row] of rows(whole, "similarities").entries()) {
      for (const [j, value] of row.entries()) {
        expect(value).toBeCloseTo(wanted[i]?.[j] ?? Number.NaN, 4);
      }
    }
  });

  test("come back whole with the names that they had", async () => {
    const model = joined();
    const pair = joinedPair(model, "joined");
    if (pair === null) throw new Error("no record");
    const names = (graph: Graph): unknown => ({
      initializers: [...graph.initializers.keys()].sort(),
      nodes: graph.nodes.map(({ name, outputs }) => [name, ...outputs]),
    });
    const [image, text] = splitModel(model, pair);
    expect(names(image.model.graph)).toEqual(names(imageTower()));
    expect(names(text.model.graph)).toEqual(names(textTower()));
  });

  test("are refused after the split where a part computes something else", async () => {
    const model = joined();
    const pair = joinedPair(model, "joined");
    if (pair === null) throw new Error("no record");
    const [image, text] = splitModel(model, pair);
    const weight = text.model.graph.initializers.get("text.projection.weight");
    if (weight === undefined) throw new Error("no weight");
    const values = floatsOf(weight).slice();
    values[0] = (values[0] ?? 0) + 0.5;
    const initializers = new Map(text.model.graph.initializers).set(
      "text.projection.weight",
      floatTensor(weight.shape, values),
    );
    const spoilt = { ...text, model: withGraph(text.model, { ...text.model.graph, initializers }) };
    await expect(checkParts(model, [image, spoilt], { seed: SEED })).rejects.toMatchObject({
      code: "pair/parts-differ",
    });
  });

  test("of other widths, opsets, fixed batches or without embeddings are refused", () => {
    const code = (make: () => unknown): string => {
      try {
        make();
      } catch (error) {
        return (error as { code: string }).code;
      }
      return "accepted";
    };
    expect(code(() => joined({ embedding: [12, 10] }))).toBe("pair/widths-differ");
    expect(code(() => joined({ opset: 17 }, textTower({ opset: 18 })))).toBe("pair/opsets-differ");
    expect(code(() => joined({ batch: 2 }, textTower({ batch: 3 })))).toBe("pair/batches-differ");
    const sides = [
      { name: "image", model: modelOf(imageTower()) },
      { name: "both", model: modelOf(dualEncoder()) },
    ] as const;
    expect(code(() => joinModels(sides, {}))).toBe("pair/which-embedding");
    expect(code(() => joinModels(sides, { pairs: ["image_embeds", "text_embeds"] }))).toBe(
      "accepted",
    );
    expect(code(() => joinModels(sides, { pairs: ["image_embeds", "nothing"] }))).toBe(
      "pair/no-output",
    );
    expect(code(() => joinModels(sides, { pairs: ["image_embeds"] }))).toBe("pair/which-embedding");
  });
});

const FORMS: readonly (readonly [string, () => Graph])[] = [
  ["an image tower alone", () => imageTower({ unit: "l2" })],
  ["a text tower alone", () => textTower({ unit: "clip-expand" })],
  ["two towers in one file", () => dualEncoder()],
  ["a decoder behind the tokens of a picture and a text", () => decoderFusion()],
];

test.each(FORMS)("%s is cut and proven on random subnets", async (_, make) => {
  const graph = make();
  const structure = findStructure(graph);
  const roles = new Set(
    structure.dims.filter(({ pinned }) => pinned === null).map(({ role }) => role),
  );
  for (const role of ["heads", "qk", "v", "mlp"] as const) expect(roles).toContain(role);
  const random = randomFrom(SEED);
  for (let draw = 0; draw < 3; draw += 1) {
    const subnet = randomSubnet(structure, random, { minKept: 0.3 });
    const proof = await proveSubnet(modelOf(graph), structure, subnet, { seed: draw, runs: 1 });
    expect(proof.maxRelative).toBeLessThanOrEqual(1e-5);
    expect(proof.values).toBeGreaterThan(1);
  }
});
