import { describe, expect, test } from "vitest";
import { producerOf } from "../../../src/graph/traversal.ts";
import { modelOf } from "../../../src/onnx/model.ts";
import type { Feed } from "../../../src/runtime/session.ts";
import { takeSamples } from "../../../src/subnet/correct/samples.ts";
import { scheduleOf } from "../../../src/subnet/correct/schedule.ts";
import { walkOver } from "../../../src/subnet/correct/walk.ts";
import { NETWORKS } from "../../helpers/networks.ts";
import { apart, firstBatch, normalImages, valuesOf } from "./helpers.ts";

describe.each(Object.entries(NETWORKS))("%s, walked in segments", (_, build) => {
  const graph = build();
  const shape = (graph.inputs[0]?.shape ?? []).slice(1).map(Number);
  const names = graph.nodes
    .filter((node) => ["Conv", "Gemm", "MatMul"].includes(node.opType))
    .map((node) => node.outputs[0] ?? "");
  const requests = names.map((name) => ({
    settle: [producerOf(graph).get(name)?.inputs[0] ?? ""],
    observe: [name],
  }));

  test("settles each node once and frees what nothing reads any more", () => {
    const segments = scheduleOf(graph, requests);
    const last = segments.at(-1);
    expect(segments).toHaveLength(names.length);
    expect(last?.keep.length).toBeLessThanOrEqual(2);
    const settled = segments.flatMap(({ nodes, outputs, keep }) =>
      nodes.filter((id) => outputs.includes(id) && keep.includes(id)),
    );
    expect(new Set(settled).size).toBe(settled.length);
  });

  test("gives the values that the whole network gives", async () => {
    const batch = await firstBatch(normalImages(7, shape));
    const whole = await valuesOf(graph, names, batch);
    async function* images() {
      yield batch;
    }
    const samples = await takeSamples(graph, images(), { images: 7, runSize: 3 });
    expect(samples.runs.map((run) => run["input"]?.shape[0])).toEqual([3, 3, 1]);
    const walk = walkOver(modelOf(graph), samples, 1);
    for (const [index, segment] of scheduleOf(graph, requests).entries()) {
      const name = names[index] ?? "";
      const step = await walk.open(graph, segment);
      const parts: Feed[] = [];
      for (const part of samples.runs.keys()) {
        const value = (await step.run(part))[name];
        if (value !== undefined) parts.push(value);
      }
      await step.close();
      const values = parts.flatMap((part) => (part.type === "float32" ? [...part.data] : []));
      expect(apart(whole[name] ?? new Float32Array(), Float32Array.from(values))).toBeLessThan(
        1e-5,
      );
    }
  });
});
