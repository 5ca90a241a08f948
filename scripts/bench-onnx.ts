/**
 * Times reading and writing of ONNX files, and the memory they take: `npm run bench:onnx` (about 100 MB in one file), with
 * `--large` also a model above 2 GB with external data. Needs as much room in the temporary folder as twice the model.
 * Each measurement runs in a process of its own, so that peak memory is that of one direction alone. Prints a table on
 * stderr and JSON on stdout.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Table from "cli-table3";
import { randomFrom } from "../src/core/random.ts";
import { graphBuilder } from "../src/graph/build.ts";
import { floatTensor } from "../src/graph/tensor.ts";
import { modelOf } from "../src/onnx/model.ts";
import { readModel } from "../src/onnx/read.ts";
import { writeModel } from "../src/onnx/write.ts";

const MEGABYTE = 1e6;

interface Measurement {
  readonly seconds: number;
  /** Peak resident memory above that of the process before it began, in bytes. */
  readonly peakBytes: number;
}

/** A chain of square matrix products whose weights sum to about `bytes`. */
function makeModel(path: string, bytes: number): void {
  const width = bytes > 1e9 ? 4096 : 1024;
  const layers = Math.ceil(bytes / (width * width * 4));
  const random = randomFrom(1);
  const values = Float32Array.from({ length: width * width }, () => random.next() - 0.5);
  const weight = floatTensor([width, width], values);
  const b = graphBuilder({ name: "bench" });
  let last = b.input("x", ["batch", width]);
  for (let layer = 0; layer < layers; layer += 1) {
    last = b.node("MatMul", [last, b.tensor(`w${layer}`, weight)]);
  }
  b.output(last);
  writeModel(modelOf(b.graph()), path);
}

/** Peak resident memory of this process so far, in bytes (the system reports kilobytes). */
function peakResident(): number {
  return process.resourceUsage().maxRSS * 1024;
}

function measured(work: () => void): Measurement {
  const before = process.memoryUsage().rss;
  const start = performance.now();
  work();
  const seconds = (performance.now() - start) / 1000;
  return { seconds, peakBytes: Math.max(peakResident() - before, 0) };
}

/** One measurement, in a process of its own. */
function child(task: "read" | "write" | "readUnchecked", path: string): void {
  if (task !== "write") {
    const options = { checkWeights: task === "read" };
    console.log(JSON.stringify(measured(() => readModel(path, options))));
    return;
  }
  // Reading is part of the memory that writing needs, and its time is taken off.
  let reading = 0;
  const whole = measured(() => {
    const start = performance.now();
    const model = readModel(path, { checkWeights: false });
    reading = (performance.now() - start) / 1000;
    writeModel(model, `${path}.copy.onnx`);
  });
  console.log(JSON.stringify({ ...whole, seconds: whole.seconds - reading }));
}

function run(task: string, path: string): Measurement {
  const script = fileURLToPath(import.meta.url);
  const output = execFileSync(
    process.execPath,
    [...process.execArgv, script, "--task", task, path],
    {
      encoding: "utf8",
    },
  );
  const result: unknown = JSON.parse(output);
  const number = (key: string): number =>
    typeof result === "object" && result !== null ? Number(Reflect.get(result, key)) : Number.NaN;
  return { seconds: number("seconds"), peakBytes: number("peakBytes") };
}

function sizeOf(path: string): number {
  const data = `${path}.data`;
  const external = statSync(data, { throwIfNoEntry: false })?.size ?? 0;
  return statSync(path).size + external;
}

function bench(name: string, bytes: number, folder: string): Record<string, number | string> {
  const path = join(folder, `${name}.onnx`);
  execFileSync(process.execPath, [
    ...process.execArgv,
    fileURLToPath(import.meta.url),
    "--task",
    "make",
    path,
    String(bytes),
  ]);
  const size = sizeOf(path);
  const read = run("read", path);
  const unchecked = run("readUnchecked", path);
  const write = run("write", path);
  return {
    name,
    megabytes: size / MEGABYTE,
    readSeconds: read.seconds,
    readWithoutWeightCheckSeconds: unchecked.seconds,
    readPeakOverSize: read.peakBytes / size,
    writeSeconds: write.seconds,
    readAndWritePeakOverSize: write.peakBytes / size,
    readAndWritePeakMegabytes: write.peakBytes / MEGABYTE,
  };
}

function main(): void {
  const folder = mkdtempSync(join(tmpdir(), "mdp-bench-"));
  try {
    const results = [bench("one-file", 100 * MEGABYTE, folder)];
    if (process.argv.includes("--large")) results.push(bench("external", 2400 * MEGABYTE, folder));
    const columns = Object.keys(results[0] ?? {});
    const table = new Table({ head: ["", ...results.map((result) => String(result["name"]))] });
    for (const column of columns.slice(1)) {
      table.push([column, ...results.map((result) => Number(result[column]).toFixed(3))]);
    }
    console.error(table.toString());
    console.log(JSON.stringify(results, null, 1));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [flag, task, path = "", bytes] = process.argv.slice(2);
if (flag !== "--task") main();
else if (task === "make") makeModel(path, Number(bytes));
else if (task === "read" || task === "write" || task === "readUnchecked") child(task, path);
