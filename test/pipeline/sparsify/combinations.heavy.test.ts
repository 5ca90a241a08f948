import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Dataset } from "../../../src/data/dataset.ts";
import { floatsOf } from "../../../src/graph/tensor.ts";
import { SPARSE_SCORES } from "../../../src/importance/sparse/scores.ts";
import { type Model, modelOf } from "../../../src/onnx/model.ts";
import { openImages } from "../../../src/pipeline/open/images.ts";
import type { OpenNetwork } from "../../../src/pipeline/open/network.ts";
import type { SparsifyRequest } from "../../../src/pipeline/sparsify/request.ts";
import { sparsifyOpened } from "../../../src/pipeline/sparsify/sparsify-network.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import { writeRecords } from "../../helpers/drawn-records.ts";
import { groupedResidual } from "../../helpers/networks.ts";
import { silentRun } from "../../helpers/run-context.ts";
import { valuesOf } from "../../subnet/correct/helpers.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mdp-combinations-"));
  writeRecords(folder, 24, 5);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const graph = groupedResidual();
const open: OpenNetwork = {
  ...{ name: "net", path: "net.onnx", embedded: false, hash: "0" },
  ...{ model: modelOf(graph), structure: findStructure(graph) },
};

function request(changes: Partial<SparsifyRequest>): SparsifyRequest {
  return {
    limits: { limit: [], soft: [], penalty: [], minimize: null },
    ...{ components: new Map(), score: "magnitude", rates: "program", repair: "least-squares" },
    ...{ format: "zeros", keepDense: null, images: 24, measured: 8, batch: 8, labels: "self" },
    ...{
      ridge: 0.01,
      looks: 1,
      rounds: 1,
      passes: 1,
      refine: 0,
      damage: "squares",
      memory: 1,
      seed: 0,
      threads: 1,
    },
    ...{ pattern: "none", sparsity: "50%" },
    ...{ data: join(folder, "images.bin"), dataConfig: join(folder, "config.json") },
    ...changes,
  };
}

const bytes = { limit: ["bytes <= 98%"], soft: [], penalty: [], minimize: null };

// Every score once, and every pattern once with each format.
const COMBINATIONS: readonly Partial<SparsifyRequest>[] = [
  ...SPARSE_SCORES.map((score) => ({ score })),
  ...["2:4", "1:4", "channel-block", "channel-block:2"].flatMap(
    (pattern): Partial<SparsifyRequest>[] => [
      { pattern, sparsity: pattern.includes(":4") ? "20%" : "50%", refine: 1 },
      // Two of four values with their places take more than four values.
      {
        pattern,
        sparsity: undefined,
        limits: bytes,
        format: pattern === "2:4" ? "zeros" : "sparse",
      },
    ],
  ),
];

test("all scores, patterns and formats give what was asked for, proven", async () => {
  for (const changes of COMBINATIONS) {
    const asked = request(changes);
    const label = JSON.stringify(changes);
    const { model, report, masks } = await sparsifyOpened(open, asked, silentRun);
    const { weights, nonzeros } = report.total;
    expect(report.proof.zeros, label).toBeGreaterThan(0);
    if (asked.sparsity !== undefined) {
      const share = Number(asked.sparsity.replace("%", "")) / 100;
      expect(nonzeros, label).toBeLessThanOrEqual((1 - share) * weights);
    }
    if (asked.pattern.includes(":4")) {
      const kept = Number(asked.pattern[0]) / 4;
      for (const layer of report.layers)
        if (layer.masked) expect(layer.nonzeros / layer.count, label).toBe(kept);
    }
    for (const [name, mask] of masks) {
      const tensor = model.graph.initializers.get(name);
      const zeros = tensor === undefined ? 0 : floatsOf(tensor).filter((each) => each === 0).length;
      expect(zeros, label).toBe(mask.filter((bit) => bit === 0).length);
    }
  }
});

test("rates around the rates lose no more than those they began with, by an evaluation of its own", async () => {
  const data = await openImages(open, request({}), silentRun);
  const damages: number[] = [];
  for (const refine of [0, 2]) {
    const asked = request({ sparsity: "70%", refine });
    const { model, report } = await sparsifyOpened(open, asked, silentRun);
    damages.push(await damageByHand(model, data));
    expect(report.total.nonzeros).toBeLessThanOrEqual(0.3 * report.total.weights);
    if (refine === 0) continue;
    const { starts = [], rounds = [], damage = 0 } = report.refinement ?? {};
    expect(damage).toBeCloseTo(damages[1] ?? 0, 5);
    expect(starts[0]?.damage).toBeCloseTo(damages[0] ?? 0, 5);
    const accepted = rounds.filter((round) => round.accepted).map((round) => round.damage);
    expect(damage).toBe(Math.min(...starts.map((start) => start.damage), ...accepted));
    expect(rounds).toHaveLength(2);
  }
});

/** Squared difference of the scores over their variance, both around the mean over the classes. */
async function damageByHand(model: Model, data: Dataset): Promise<number> {
  const around = (row: readonly number[]): number[] => {
    const mean = row.reduce((a, b) => a + b, 0) / row.length;
    return row.map((value) => value - mean);
  };
  let [difference, size] = [0, 0];
  for await (const batch of data.batches(24)) {
    const [dense = [], sparse = []] = await Promise.all(
      [open.model.graph, model.graph].map(async (each) => {
        const values = await valuesOf(each, [each.outputs[0]?.name ?? ""], batch);
        return [...(Object.values(values)[0] ?? [])];
      }),
    );
    for (let at = 0; at < dense.length; at += 5) {
      const [whole, cut] = [around(dense.slice(at, at + 5)), around(sparse.slice(at, at + 5))];
      whole.forEach((value, index) => {
        difference += (value - (cut[index] ?? 0)) ** 2;
        size += value ** 2;
      });
    }
  }
  return difference / size;
}
