import { describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { keptImportance } from "../../src/formulation/limits/measure.ts";
import { importanceText, parseImportance, unitOrder } from "../../src/importance/importance.ts";
import { type JointImportance, jointFault, jointGain } from "../../src/importance/joint.ts";
import { damageOf } from "../../src/importance/sensitivity/damage.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { openSession } from "../../src/runtime/session.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { maskedGraph } from "../../src/subnet/mask.ts";
import { keepAll, type Subnet } from "../../src/subnet/subnet.ts";
import { bytesOfModel } from "../helpers/ort.ts";
import { imagesOf } from "../helpers/samples.ts";
import { randomBatches, scoresOn } from "../helpers/scored.ts";
import { TRANSFORMERS } from "../helpers/transformers.ts";

const TABLE: JointImportance = {
  ...{ layer: "l", block: null, dims: ["a", "b"] },
  counts: [
    [2, 4, 8],
    [4, 16],
  ],
  gains: [8, 0, 4, 0, 0, 0],
};

test("a joint gain lies on straight lines between its cells, and is that of the edge outside", () => {
  expect(jointGain(TABLE, [2, 4])).toBe(8);
  expect(jointGain(TABLE, [1, 2])).toBe(8);
  expect(jointGain(TABLE, [3, 4])).toBe(6);
  expect(jointGain(TABLE, [3, 10])).toBe(3);
  expect(jointGain(TABLE, [8, 4])).toBe(0);
  expect(jointGain({ ...TABLE, dims: [], counts: [], gains: [-3] }, [])).toBe(-3);
});

test("a joint table with gains or counts of another form is refused, and said why", () => {
  expect(jointFault(TABLE)).toBeNull();
  expect(jointFault({ ...TABLE, gains: [1] })).toContain("1 gains instead of 6");
  expect(jointFault({ ...TABLE, dims: ["a"] })).toContain("lists of counts");
  expect(jointFault({ ...TABLE, counts: [[4, 4, 8], [16]], gains: [1, 2, 3] })).toContain(
    "do not increase",
  );
});

describe("measured on a transformer", async () => {
  const graph = TRANSFORMERS.separate();
  const structure = findStructure(graph);
  const batches = randomBatches(2, [4, 5, 5]);
  const scores = await scoresOn(graph, batches, { method: "sensitivity" });

  /** What the masked network loses, in float64 sums of its own. */
  async function lossOf(subnet: Subnet): Promise<number> {
    const [whole, masked] = await Promise.all(
      [graph, maskedGraph(structure, subnet)].map((each) =>
        openSession(bytesOfModel(modelOf(each))),
      ),
    );
    let [difference, size] = [0, 0];
    for (const batch of batches) {
      const input = imagesOf(batch);
      const [a] = Object.values((await whole?.run({ input })) ?? {});
      const [b] = Object.values((await masked?.run({ input })) ?? {});
      if (a?.type !== "float32" || b?.type !== "float32") throw new Error("no answers");
      const damage = damageOf(a.data, b.data, a.shape);
      difference += damage.difference;
      size += damage.size;
    }
    await Promise.all([whole?.close(), masked?.close()]);
    return difference / size;
  }

  test("the file keeps the tables", () => {
    expect(scores.joint?.some(({ dims }) => dims.length === 2)).toBe(true);
    expect(parseImportance(JSON.parse(importanceText(scores)), "test").joint).toEqual(scores.joint);
  });

  test("scores and joint table lose what heads and columns lose together", async () => {
    const random = randomFrom(3);
    const total = keptImportance(
      { structure, subnet: keepAll(structure), graph: () => graph, own: () => structure },
      scores,
      () => true,
    );
    let apart = 0;
    for (const table of scores.joint ?? []) {
      if (table.dims.length !== 2) continue;
      const counts = table.counts.map((list) => list[random.integer(list.length - 1)] ?? 1);
      const kept = keepAll(structure).kept.map((all, index) => {
        const at = table.dims.indexOf(structure.dims[index]?.name ?? "");
        const scored = scores.dims.find(({ dim }) => dim === structure.dims[index]?.name);
        if (at < 0 || scored === undefined) return all;
        return unitOrder(scored)
          .slice(0, counts[at])
          .sort((a, b) => a - b);
      });
      const subnet = { ...keepAll(structure), kept };
      const left = keptImportance(
        { structure, subnet, graph: () => graph, own: () => structure },
        scores,
        () => true,
      );
      const lost = await lossOf(subnet);
      // Damage may be raised to that of a wider cut, never lowered.
      expect(total - left).toBeGreaterThan(lost * (1 - 1e-4));
      const alone = keptImportance(
        { structure, subnet, graph: () => graph, own: () => structure },
        { ...scores, joint: [] },
        () => true,
      );
      if (Math.abs(total - left - lost) < 1e-4 * lost) apart += 1;
      expect(Math.abs(alone - left)).toBeGreaterThan(0);
    }
    expect(apart).toBeGreaterThan(0);
  });

  test("a block of heads and columns is worth what is lost without it", async () => {
    const block = structure.blocks[0];
    if (block === undefined) throw new Error("no block");
    const dropped = { ...keepAll(structure), droppedBlocks: [block.index] };
    const measured = (subnet: Subnet): number =>
      keptImportance(
        { structure, subnet, graph: () => graph, own: () => structure },
        scores,
        () => true,
      );
    const lost = measured(keepAll(structure)) - measured(dropped);
    expect(lost).toBeCloseTo(await lossOf(dropped), 4);
  });

  test("columns of queries and keys have a score, and are ordered by what they say", () => {
    const qk = structure.dims.filter(({ role }) => role === "qk");
    expect(qk.length).toBeGreaterThan(0);
    for (const { name, size } of qk) {
      const scored = scores.dims.find(({ dim }) => dim === name);
      const sum = scored?.layers.flatMap((layer) => [...layer.scores]).reduce((a, b) => a + b, 0);
      expect(sum).toBeGreaterThan(0);
      expect(scored === undefined ? [] : unitOrder(scored)).toHaveLength(size);
    }
  });
});
