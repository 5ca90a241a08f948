import { expect, test } from "vitest";
import { SILENT } from "../../src/core/progress.ts";
import { randomFrom } from "../../src/core/random.ts";
import { answersOf } from "../../src/graph/answers.ts";
import { elementCount } from "../../src/graph/tensor.ts";
import { candidatesOf } from "../../src/importance/sensitivity/candidates.ts";
import { cutGroups } from "../../src/importance/sensitivity/cut-groups.ts";
import { damageOf } from "../../src/importance/sensitivity/damage.ts";
import { type Cut, gatedNetwork } from "../../src/importance/sensitivity/gated.ts";
import { openSensitivity } from "../../src/importance/sensitivity/sensitivity.ts";
import { modelOf } from "../../src/onnx/model.ts";
import type { Feed, Feeds } from "../../src/runtime/session.ts";
import { openSession } from "../../src/runtime/session.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import type { Structure } from "../../src/structure/structure.ts";
import { NETWORKS } from "../helpers/networks.ts";
import { bytesOfModel } from "../helpers/ort.ts";
import { randomBatches } from "../helpers/scored.ts";
import { TRANSFORMERS } from "../helpers/transformers.ts";

const WHOLE: Cut = { kept: new Map(), droppedBlocks: [], droppedLayers: [] };
const BATCH = 2;
/** Drawn of each network's. */
const CUTS = 6;

/** Normal numbers, or tokens, segments and masks, for every input. */
function inputsOf({ graph, shapes }: Structure): Feeds {
  const random = randomFrom(17);
  const feeds = graph.inputs.map(({ name, type }): [string, Feed] => {
    const shape = [BATCH, ...(shapes.of(name) ?? []).slice(1)];
    const length = elementCount(shape);
    return type === "int32"
      ? [name, { type, shape, data: Int32Array.from({ length }, (_, at) => (at + 1) % 2) }]
      : [name, { type: "float32", shape, data: Float32Array.from({ length }, random.normal) }];
  });
  return Object.fromEntries(feeds);
}

const { postNorm, shiftedWindows, masked, rotary, computedSizes, groupedQuery, optimisedBert } =
  TRANSFORMERS;
const SOME = {
  postNorm,
  shiftedWindows,
  masked,
  rotary,
  computedSizes,
  groupedQuery,
  optimisedBert,
};

for (const [name, build] of Object.entries({ ...NETWORKS, ...SOME })) {
  test(`${name}: what a cut does in its group's part is what it does in the whole network`, async () => {
    const structure = findStructure(build());
    const orders = structure.dims.map(({ size }) => [...Array(size).keys()]);
    const feeds = inputsOf(structure);
    const gated = gatedNetwork(structure);
    const random = randomFrom(5);
    const meter = await openSensitivity(modelOf(structure.graph), structure, {
      ...{ threads: 1, batches: 1, batch: BATCH, progress: SILENT },
      cuts: (own) => {
        const all = candidatesOf(structure, orders, own);
        return Array.from({ length: CUTS }, () => all[random.integer(all.length)]).filter(
          (cut) => cut !== undefined,
        );
      },
    });
    await meter.add({ feeds, labels: new Int32Array(BATCH), size: BATCH }, 0);
    const damages = meter.damages();
    await meter.close();
    const { values } = answersOf(structure.graph, undefined);
    const outputs = values.map((value) => ({ name: value, type: "float32" as const, shape: null }));
    const session = await openSession(bytesOfModel(modelOf({ ...gated.graph, outputs })));
    const whole = await session.run({ ...feeds, ...gated.feeds(WHOLE) });
    for (const [at, { cut }] of meter.candidates.entries()) {
      const answers = await session.run({ ...feeds, ...gated.feeds(cut) });
      const shares = values.map((value) => {
        const [one, other] = [whole[value], answers[value]];
        if (one?.type !== "float32" || other?.type !== "float32") throw new Error(value);
        const { difference, size } = damageOf(one.data, other.data, one.shape);
        return difference / size;
      });
      const expected = shares.reduce((sum, share) => sum + share, 0) / shares.length;
      expect(Math.abs((damages[at] ?? 0) - expected)).toBeLessThan(1e-4 * expected + 1e-9);
    }
    await session.close();
    expect(damages.some((damage) => damage > 1e-3)).toBe(true);
  });
}

test("damages are the same to the bit in this process and in two others", async () => {
  const graph = NETWORKS.bottleneckResnet();
  const structure = findStructure(graph);
  const orders = structure.dims.map(({ size }) => [...Array(size).keys()]);
  // In the second batch each process has its groups already.
  const batches = randomBatches(2, [16, 3, 12, 12]);
  const damagesWith = async (processes: number): Promise<readonly number[]> => {
    const meter = await openSensitivity(modelOf(graph), structure, {
      ...{ threads: 2, batches: 2, batch: 16, progress: SILENT, processes },
      cuts: (own) => candidatesOf(structure, orders, own),
    });
    for (const [index, batch] of batches.entries()) await meter.add(batch, index);
    await meter.close();
    return meter.damages();
  };
  expect(await damagesWith(2)).toEqual(await damagesWith(1));
});

test("groups hold every cut once, and later ones compute less", () => {
  const structure = findStructure(NETWORKS.bottleneckResnet());
  const gated = gatedNetwork(structure);
  const orders = structure.dims.map(({ size }) => [...Array(size).keys()]);
  const candidates = candidatesOf(structure, orders, gated);
  const { values: compared } = answersOf(structure.graph, undefined);
  const groups = cutGroups(structure, gated, candidates, { compared, batch: BATCH });
  const held = groups.flatMap(({ cuts }) => cuts.map(({ at }) => at)).sort((a, b) => a - b);
  expect(held).toEqual([...candidates.keys()]);
  const sizes = groups.map(({ graph }) => graph.nodes.length);
  expect(groups.length).toBeGreaterThan(4);
  expect(sizes.at(-1)).toBeLessThan(0.5 * (sizes[0] ?? 0));
  // A batch whose values fill the memory leaves one group.
  const large = cutGroups(structure, gated, candidates, { compared, batch: 1e8 });
  expect(large).toHaveLength(1);
});

test("a stopped run ends its processes, and says at which cut", async () => {
  const graph = NETWORKS.bottleneckResnet();
  const structure = findStructure(graph);
  const orders = structure.dims.map(({ size }) => [...Array(size).keys()]);
  const [batch] = randomBatches(1, [16, 3, 12, 12]);
  if (batch === undefined) throw new Error("no batch");
  const abort = new AbortController();
  const meter = await openSensitivity(modelOf(graph), structure, {
    ...{ threads: 2, batches: 1, batch: 16, processes: 2, signal: abort.signal },
    cuts: (own) => candidatesOf(structure, orders, own),
    progress: { ...SILENT, step: (_, done) => done === 5 && abort.abort() },
  });
  await expect(meter.add(batch, 0)).rejects.toMatchObject({ code: "importance/interrupted" });
  await meter.close();
  expect(meter.damages().every((damage) => damage === 0)).toBe(true);
});
