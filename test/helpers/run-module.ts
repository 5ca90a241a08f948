import { spawn } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Graph } from "../../src/graph/graph.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { moduleTensors } from "../../src/pytorch/module/module-tensors.ts";
import type { PyTorchModule } from "../../src/pytorch/module/module-text.ts";
import { writeModule } from "../../src/pytorch/module/write-module.ts";
import type { Python } from "../../src/pytorch/python.ts";
import { randomFeeds } from "../../src/runtime/feeds.ts";
import { openModel } from "../../src/runtime/open-model.ts";
import type { Feeds } from "../../src/runtime/session.ts";

/** One network to be written as a module and run both ways. */
export interface ModuleCase {
  readonly name: string;
  readonly graph: Graph;
  readonly seed?: number;
  /** Also go backward, in training mode. */
  readonly backward?: boolean;
}

export interface ModuleRun {
  readonly name: string;
  readonly module: PyTorchModule;
  /** Largest difference between the module's outputs and onnxruntime's, relative to the largest output. */
  readonly relative: number;
  /** What Python said of it: keys that differ, features that don't exist, parameters without a gradient. */
  readonly found: z.infer<typeof FOUND>;
}

const FOUND = z.object({
  error: z.string().optional(),
  missing: z.array(z.string()).default([]),
  unexpected: z.array(z.string()).default([]),
  features: z.array(z.string()).default([]),
  shapes: z.array(z.array(z.number())).default([]),
  batch: z.array(z.number()).default([]),
  idle: z.array(z.string()).default([]),
});

const RUNNER = fileURLToPath(new URL("run-modules.py", import.meta.url));

/** A Python process that runs one module after another; importing PyTorch takes longer than most of them. Close it. */
export interface TorchProcess {
  readonly run: (one: ModuleCase) => Promise<ModuleRun>;
  readonly close: () => void;
}

export function openTorch(python: Python): TorchProcess {
  const child = spawn(python.path, [RUNNER], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const run = async (one: ModuleCase): Promise<ModuleRun> => {
    const folder = mkdtempSync(join(tmpdir(), "mdp-module-"));
    try {
      const { module, outputs } = await prepare(one, folder);
      child.stdin.write(`${folder}\n`);
      const answer = await lines.next();
      const text = answer.done === true ? JSON.stringify({ error: "Python ended" }) : answer.value;
      const found = FOUND.parse(JSON.parse(text));
      const relative = found.error === undefined ? difference(folder, module, outputs) : Number.NaN;
      return { name: one.name, module, relative, found };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  return { run, close: () => child.stdin.end() };
}

async function prepare(
  one: ModuleCase,
  folder: string,
): Promise<{ module: PyTorchModule; outputs: Feeds }> {
  const module = writeModule(one.graph);
  writeFileSync(join(folder, "network.py"), module.source);
  const weights: { name: string; type: string; shape: readonly number[] }[] = [];
  writeFileSync(join(folder, "weights.bin"), "");
  for (const { key, shape, values } of moduleTensors(one.graph, module)) {
    weights.push({ name: key, type: values instanceof Float32Array ? "<f4" : "<i8", shape });
    appendFileSync(join(folder, "weights.bin"), bytes(values));
  }
  const session = await openModel(modelOf(one.graph));
  const feeds = randomFeeds(session.inputs, { seed: one.seed ?? 0, batch: 2 });
  const outputs = await session.run(feeds);
  await session.close();
  const fed = module.inputs.map(({ name }) => ({ name, feed: feeds[name] }));
  writeFileSync(join(folder, "inputs.bin"), "");
  for (const { feed } of fed) {
    if (feed?.type === "float32") appendFileSync(join(folder, "inputs.bin"), bytes(feed.data));
  }
  const inputs = fed.map(({ name, feed }) => ({ name, type: "<f4", shape: feed?.shape ?? [] }));
  writeFileSync(
    join(folder, "run.json"),
    JSON.stringify({ weights, inputs, backward: one.backward === true }),
  );
  return { module, outputs };
}

function bytes(values: Float32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function difference(folder: string, module: PyTorchModule, expected: Feeds): number {
  const relative = module.outputs.map(({ name }, index) => {
    const { buffer, byteOffset, byteLength } = readFileSync(join(folder, `output${index}.bin`));
    const found = new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
    const feed = expected[name];
    if (feed?.type !== "float32" || feed.data.length !== found.length)
      return Number.POSITIVE_INFINITY;
    let [largest, furthest] = [0, 0];
    for (const [place, value] of feed.data.entries()) {
      largest = Math.max(largest, Math.abs(value));
      const apart = Math.abs(value - (found[place] ?? Number.NaN));
      if (!(apart <= furthest)) furthest = apart;
    }
    return furthest / Math.max(largest, Number.MIN_VALUE);
  });
  return Math.max(...relative);
}
