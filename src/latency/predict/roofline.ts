/**
 * The time of one kernel on a GPU, from published rates and a few constants:
 *
 *   time    = launch + sqrt(compute^2 + memory^2)            at least launch + either of them
 *   memory  = bytes / (bandwidth * efficiency)
 *   launch  = the kernel's launch; what follows it is multiplied by the factor of the kernel's family
 *   compute = min over tiles of max(n * tile work / rate(tile), ceil(n / resident) * steps * step latency)
 *
 * A contraction (convolution as implicit matrix multiplication) is cut into tiles of the output; n is the number of tiles
 * that the busiest multiprocessor gets, so that times form stairs in channels and in waves. The second term of `compute` is
 * the time a thread block needs for its way through the contracted axis, which rules where there are few tiles (deep
 * layers at batch 1). The roofline is that of Williams et al., 2009.
 */
import type { DeviceDescription, DeviceHardware, DeviceModel, Precision } from "./device.ts";

/** What a kernel does, and the family of kernels that it belongs to, which may run faster or slower than the model says. */
export type Work = Task & { readonly family?: string | undefined };

/** Bytes are those it must move; flops count a multiply-accumulate as two. */
export type Task =
  | {
      readonly kind: "contraction";
      /** Output positions, output channels and contracted channels of each of `groups` equal contractions. */
      readonly rows: number;
      readonly columns: number;
      readonly channels: number;
      /** Contracted positions per channel: 9 for a 3x3 kernel. */
      readonly taps: number;
      readonly groups: number;
      /** Whether it has the form that Winograd's algorithm takes: 3x3, stride 1. */
      readonly winograd: boolean;
      readonly bytes: number;
    }
  | { readonly kind: "depthwise"; readonly flops: number; readonly bytes: number }
  | { readonly kind: "memory"; readonly bytes: number }
  /** What is computed inside the kernel before it: no launch of its own, only the bytes it reads besides. */
  | { readonly kind: "fused"; readonly bytes: number };

/** What of a device its kernels' times rest on. */
export type RooflineDevice = Pick<DeviceDescription, "hardware" | "model">;

/** Milliseconds that the work takes. */
export function workMs(device: RooflineDevice, precision: Precision, work: Work): number {
  const { model } = device;
  // A fused one has no launch of its own.
  const launchUs = model.launchUs + (model.launchCycles ?? 0) / device.hardware.clockMhz;
  const launchMs = work.kind === "fused" ? 0 : launchUs * launchesOf(model, work) * 1e-3;
  const usual = work.family === JOIN ? 0 : 1;
  const factor = work.family === undefined ? usual : (model.families?.[work.family] ?? usual);
  return launchMs + factor * bodyMs(device, precision, work);
}

/** Family of what joins values: runtimes write them side by side at once, unless a device says what it costs. */
export const JOIN = "Concat";

function launchesOf({ launches }: DeviceModel, { family = "", kind }: Work): number {
  return launches === undefined ? 1 : (launches[family] ?? launches[kind] ?? 1);
}

/** Bytes per millisecond while so many are moved, of the published rate. */
function bandwidthAt({ hardware, model }: RooflineDevice, bytes: number): number {
  const published = hardware.memoryGBPerSecond * 1e6;
  if (model.cache === undefined) return published;
  const held = model.cache.share * hardware.l2KB * 1024;
  return (published * (bytes + held * model.cache.gain)) / (bytes + held);
}

function bodyMs(device: RooflineDevice, precision: Precision, work: Work): number {
  const { model } = device;
  const bandwidth = bandwidthAt(device, work.bytes);
  switch (work.kind) {
    case "fused":
      return work.bytes / (bandwidth * model.bandwidthEfficiency);
    case "memory":
      return work.bytes / (bandwidth * model.bandwidthEfficiency);
    case "depthwise": {
      const rate = rateOf(device.hardware.vectorTflops, precision) * 1e9;
      return (
        work.bytes / (bandwidth * model.depthwise.bandwidthEfficiency) +
        work.flops / (rate * model.depthwise.computeEfficiency)
      );
    }
    case "contraction": {
      const memoryMs = work.bytes / (bandwidth * model.bandwidthEfficiency);
      const { overlap = 2 } = model;
      const computeMs = contractionMs(device, precision, work);
      return (computeMs ** overlap + memoryMs ** overlap) ** (1 / overlap);
    }
    default:
      return work satisfies never;
  }
}

/** Milliseconds of arithmetic under the best tile. */
function contractionMs(
  device: RooflineDevice,
  precision: Precision,
  work: Work & { readonly kind: "contraction" },
): number {
  const { hardware, model } = device;
  const padded = (channels: number): number => roundUp(channels, model.channelMultiple);
  const columns = padded(work.columns);
  const steps = Math.ceil((padded(work.channels) * work.taps) / model.depthStep);
  const stepMs = model.stepCycles / (hardware.clockMhz * 1e3);
  // Flops per millisecond of one multiprocessor.
  const share = (model.contractionEfficiency ?? 1) * (model.rates?.[precision] ?? 1);
  const peak = rateOf(hardware.contractionTflops, precision) * share;
  const rate = (peak * 1e9) / hardware.multiprocessors;
  const gain = work.winograd ? model.winogradGain : 1;
  let best = Number.POSITIVE_INFINITY;
  for (const [high, wide] of model.tiles) {
    const tiles = Math.ceil(work.rows / high) * Math.ceil(columns / wide) * work.groups;
    const perMultiprocessor = Math.ceil(tiles / hardware.multiprocessors);
    const flopsPerTile = 2 * high * wide * steps * model.depthStep;
    const busyMs =
      (perMultiprocessor * flopsPerTile) / (rate * tileEfficiency(model, high, wide) * gain);
    const resident = Math.max(1, Math.floor(model.residentElements / (high * wide)));
    const latencyMs = Math.ceil(perMultiprocessor / resident) * steps * stepMs;
    best = Math.min(best, Math.max(busyMs, latencyMs));
  }
  return best;
}

function rateOf(rates: DeviceHardware["vectorTflops"], precision: Precision): number {
  return rates[precision] ?? rates.float16;
}

/** The larger a tile, the more often each loaded number is used. */
function tileEfficiency(model: DeviceModel, high: number, wide: number): number {
  const side = (2 * high * wide) / (high + wide);
  return side / (side + model.halfSide);
}

function roundUp(count: number, multiple: number): number {
  return Math.ceil(count / multiple) * multiple;
}
