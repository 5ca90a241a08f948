import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { randomFrom } from "../../../src/core/random.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { elementCount } from "../../../src/graph/tensor.ts";
import { modelOf } from "../../../src/onnx/model.ts";
import { readModel } from "../../../src/onnx/read.ts";
import { writeModel } from "../../../src/onnx/write.ts";
import { PRUNE_DEFAULTS, pruneModel } from "../../../src/pipeline/prune/prune-model.ts";
import { silentRun } from "../../helpers/run-context.ts";
import { TASK_NETWORKS } from "../../helpers/task-networks.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-task-networks-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SAMPLES = 8;

/** The network's file and data of random numbers for each of its inputs. */
function written(name: string, graph: Graph): { readonly model: string; readonly data: string } {
  const path = (file: string): string => join(folder, `${name}-${file}`);
  const random = randomFrom(7);
  const inputs = graph.inputs.map((input) => {
    const shape = (input.shape ?? []).slice(1).map(Number);
    const draw = { length: SAMPLES * elementCount(shape) };
    const isBytes = input.type === "uint8";
    const numbers = isBytes
      ? Uint8Array.from(draw, () => Math.floor(256 * random.next()))
      : Float32Array.from(draw, () => random.normal());
    for (const split of ["train", "test"]) {
      writeFileSync(path(`${split}-${input.name}.bin`), new Uint8Array(numbers.buffer));
    }
    const dtype = isBytes ? "uint8" : "float32";
    const source = `${name}-{split}-${input.name}.bin`;
    return [input.name, { from: "array", path: source, dtype, shape }] as const;
  });
  const splits = { train: "train", test: "test" };
  const config = { schema: "mdp-dataset/2", splits, inputs: Object.fromEntries(inputs) };
  writeFileSync(path("data.json"), JSON.stringify(config));
  writeModel(modelOf(graph), path("net.onnx"));
  return { model: path("net.onnx"), data: path("data.json") };
}

test.each(Object.keys(TASK_NETWORKS) as (keyof typeof TASK_NETWORKS)[])(
  "%s is scored, cut, proven, repaired, tuned and judged without labels",
  async (name) => {
    const graph = TASK_NETWORKS[name]();
    const { model, data } = written(name, graph);
    const out = join(folder, name);
    await pruneModel(
      {
        ...{ ...PRUNE_DEFAULTS, model, data, out, device: "jetson-xavier", method: "sensitivity" },
        ...{ budget: "none", limit: ["macs <= 75%"], finetune: true, epochs: 1 },
      },
      {},
      silentRun,
    );
    const [before, after] = ["pruned.onnx", "finetuned.onnx"].map((file) =>
      readModel(join(out, file)),
    );
    // The trained network still has its post-processing, and other weights than the cut one.
    expect(after?.graph.outputs.map((output) => output.name)).toEqual(
      graph.outputs.map((output) => output.name),
    );
    expect(after?.graph.nodes.length).toBeGreaterThanOrEqual(before?.graph.nodes.length ?? 0);
    expect(readFileSync(join(out, "finetuned.onnx"))).not.toEqual(
      readFileSync(join(out, "corrected.onnx")),
    );
  },
);
