/**
 * Judges the prediction on times that others measured (the shared test data; nothing of it is shipped):
 * its form on convolutions on a V100 under TensorRT, float16, whose constants are then taken to the Jetson Xavier; and
 * Nano's constants on a Jetson TX1, SqueezeNet 1.1 under TensorRT 1.0 at batches 2 to 16; and constants fitted to the TX1's
 * AlexNet on its SqueezeNets, by library, batch and kind of layer, with intervals.
 *
 *   npx tsx scripts/judge-prediction.ts ../shared
 */
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { parse } from "csv-parse/sync";
import { packageRoot, readFileBytes } from "../src/core/files.ts";
import {
  type DeviceDescription,
  type DeviceHardware,
  type DeviceModel,
  readDevice,
} from "../src/latency/predict/device.ts";
import { predictTable } from "../src/latency/predict/predict-table.ts";
import { type Work, workMs } from "../src/latency/predict/roofline.ts";
import { parseModel } from "../src/onnx/read.ts";
import { findStructure } from "../src/structure/find-structure.ts";
import { PUBLISHED, STARTING_MODEL, XAVIER } from "./devices/hardware.ts";
import { judgeTx1 } from "./devices/judge-tx1.ts";
import { NETWORKS } from "./devices/networks.ts";

const V100: DeviceHardware = {
  architecture: "Volta (GV100), compute capability 7.0",
  multiprocessors: 80,
  cudaCores: 5120,
  tensorCores: 640,
  clockMhz: 1380,
  contractionTflops: { float16: 112, float32: 14 },
  vectorTflops: { float16: 28, float32: 14 },
  memoryGBPerSecond: 900,
  l2KB: 6144,
};

interface Sample {
  readonly work: Work;
  readonly ms: number;
  readonly batch: number;
}

function readSamples(path: string): Sample[] {
  const text = new TextDecoder().decode(gunzipSync(readFileBytes(path)));
  const rows = parse(text, { columns: true }) as Record<string, string>[];
  const fused = rows.filter((row) => row["type"] === "Regular" && row["fused"] === "1");
  // Kernels of pruned networks; every tenth is enough for two constants.
  return fused
    .filter((row) => row["kernel"] === "1" || row["kernel"] === "3")
    .filter((_, index) => index % 10 === 0)
    .map(sampleOf);
}

function sampleOf(row: Record<string, string>): Sample {
  const number = (name: string): number => Number(row[name]);
  const [batch, from, to] = [number("batch"), number("in_channels"), number("out_channels")];
  const [side, kernel, stride] = [number("height"), number("kernel"), number("stride")];
  const rows = batch * Math.ceil(side / stride) ** 2;
  const read = batch * from * side ** 2 * Math.min(1, kernel / stride) ** 2;
  const work: Work = {
    kind: "contraction",
    rows,
    columns: to,
    channels: from,
    taps: kernel ** 2,
    groups: 1,
    winograd: false,
    bytes: 2 * (read + rows * to + kernel ** 2 * from * to),
  };
  return { work, ms: number("median_ms"), batch };
}

function logErrors(model: DeviceModel, samples: readonly Sample[]): number[] {
  const device = { hardware: V100, model } as DeviceDescription;
  return samples.map(({ work, ms }) => Math.log(workMs(device, "float16", work) / ms));
}

function meanAbsolute(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + Math.abs(value), 0) / values.length;
}

function fitted(samples: readonly Sample[]): DeviceModel {
  const loss = (model: DeviceModel): number => meanAbsolute(logErrors(model, samples));
  let best: DeviceModel = STARTING_MODEL;
  for (let step = 0.4; step > 0.01; ) {
    const neighbours = [step, -step].flatMap((shift): DeviceModel[] => [
      { ...best, launchUs: best.launchUs * Math.exp(shift) },
      { ...best, stepCycles: best.stepCycles * Math.exp(shift) },
    ]);
    const better = neighbours.find((model) => loss(model) < loss(best));
    if (better === undefined) step /= 2;
    else best = better;
  }
  return best;
}

function judgeV100(shared: string): void {
  const samples = readSamples(join(shared, "latency/v100-tensorrt-conv-fp16.csv.gz"));
  const model = fitted(samples);
  const errors = logErrors(model, samples);
  console.log(`${samples.length} convolutions on a V100, float16, batch 1 to 128`);
  console.log(`launch ${model.launchUs.toFixed(1)} us, step ${model.stepCycles.toFixed(0)} cycles`);
  for (const [label, chosen] of [
    ["all", (): boolean => true],
    ["batch 1", (sample: Sample): boolean => sample.batch === 1],
    ["larger batches", (sample: Sample): boolean => sample.batch > 1],
  ] as const) {
    const those = errors.filter((_, index) => chosen(samples[index] as Sample));
    const sorted = [...those].sort((a, b) => a - b);
    const at = (share: number): string =>
      (sorted[Math.floor(share * sorted.length)] ?? 0).toFixed(2);
    console.log(
      `  ${label}: mean |log error| ${meanAbsolute(those).toFixed(3)}, 10 to 90 % ${at(0.1)} to ${at(0.9)}`,
    );
  }
  const xavier = { hardware: XAVIER.hardware, model } as DeviceDescription;
  const published = { ...PUBLISHED.fitted["jetson-xavier"], ...PUBLISHED.heldOut["jetson-xavier"] };
  for (const [network, ms] of Object.entries(published)) {
    const works = NETWORKS[network] ?? [];
    const sum = works.reduce(
      (total, work) => total + workMs(xavier, "float16", work),
      model.callMs,
    );
    console.log(
      `  those constants on Xavier, ${network}: ${sum.toFixed(2)} ms, published ${ms} (${(100 * (sum / ms - 1)).toFixed(1)} %)`,
    );
  }
}

/** Maxwell as on the Nano, twice of it, at a higher clock. */
function judgeNano(shared: string): void {
  const nano = readDevice(join(packageRoot(), "latency-tables/jetson-nano/device.json"));
  const tflops = { float16: 1.02, float32: 0.511 };
  const device: DeviceDescription = {
    ...nano,
    hardware: {
      ...nano.hardware,
      multiprocessors: 2,
      cudaCores: 256,
      clockMhz: 998,
      contractionTflops: tflops,
      vectorTflops: tflops,
    },
  };
  const file = join(shared, "graphs/squeezenet1_1_op13_bn.onnx.br");
  const bytes = brotliDecompressSync(readFileBytes(file));
  const { graph } = parseModel(bytes, { where: file, folder: null }, { checkWeights: false });
  const structure = findStructure(graph);
  const text = new TextDecoder().decode(
    readFileBytes(join(shared, "latency/jetson-tx1-networks.csv")),
  );
  const rows = parse(text, { columns: true }) as Record<string, string>[];
  for (const row of rows) {
    if (row["model"] !== "deepscale-squeezenet-1.1" || row["library"] !== "tensorrt-1.0.0")
      continue;
    const [batch, ms] = [Number(row["batch"]), Number(row["median_forward_ms"])];
    // The published median is over runs in both number formats, which differ by a factor of two.
    const [single, half] = (["float32", "float16"] as const).map(
      (precision) => predictTable(structure, device, { batch, precision, step: 64 }).denseMs,
    );
    const denseMs = ((single ?? 0) + (half ?? 0)) / 2;
    console.log(
      `TX1, SqueezeNet 1.1, batch ${batch}: ${denseMs.toFixed(1)} ms, measured ${ms} (${(100 * (denseMs / ms - 1)).toFixed(1)} %)`,
    );
  }
}

const shared = process.argv[2] ?? "../shared";
judgeV100(shared);
judgeNano(shared);
judgeTx1(shared);
