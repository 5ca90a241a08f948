/**
 * The time of one kernel on a GPU, from published rates and a few constants:
 *
 *   time    = launch + sqrt(compute^2 + memory^2)            at least launch + either of them
 *   memory  = bytes / (bandwidth * efficiency)
 *   launch  = the kernel's launch; what follows it is multiplied by the factor of the kernel's family
 *   compute = steps * min over tiles of max(n * work of a step / rate(tile), ceil(n / resident) * step latency)
 *
 * A contraction (convolution as implicit matrix multiplication) is cut into tiles of the output; n is the number of tiles
 * that the busiest multiprocessor gets, so that times form stairs in channels and in waves. The second term of `compute` is
 * the time a thread block needs for its way through the contracted axis, which rules where there are few tiles (deep
 * layers at batch 1). The roofline is that of Williams et al., 2009.
 */
import type { DeviceDescription, DeviceHardware, DeviceModel, Precision } from "./device.ts";

/** What a kernel does, and the family of kernels that it belongs to, which may run faster or slower than the model says. */
export type Work = Task & {
  readonly family?: string | undefined;
  /** The activation behind a contraction, where not every runtime computes it inside: a kernel of its own, or nothing. */
  readonly activation?: Activation | undefined;
};

/** Bytes that an activation moves as a kernel of its own. */
export interface Activation {
  readonly bytes: number;
  /** Made of a sigmoid (SiLU, hard swish ...), or a leaky rectifier. */
  readonly family: "sigmoid" | "leaky";
}

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

type Contraction = Task & { readonly kind: "contraction" };

/** Milliseconds that the work takes. */
export function workMs(device: RooflineDevice, precision: Precision, work: Work): number {
  return workTimer(device, precision)(work);
}

/** Milliseconds of one launch. */
export function launchMsOf({ hardware, model }: RooflineDevice): number {
  return (model.launchUs + (model.launchCycles ?? 0) / hardware.clockMhz) * 1e-3;
}

/** What the work's family takes beside what the model says, launch apart. */
export function factorOf(
  { families, fused }: DeviceModel,
  { family }: Pick<Work, "family">,
): number {
  if (family !== undefined && fused?.includes(family) === true) return 0;
  const usual = family === JOIN ? 0 : 1;
  return family === undefined ? usual : (families?.[family] ?? usual);
}

/** Family of what joins values: runtimes write them side by side at once, unless a device says what it costs. */
export const JOIN = "Concat";

/** Launches of the work; what is fused has none of its own. */
export function launchesOf(
  { launches, fused }: DeviceModel,
  { family = "", kind }: Pick<Work, "family" | "kind">,
): number {
  if (kind === "fused" || fused?.includes(family) === true) return 0;
  return launches === undefined ? 1 : (launches[family] ?? launches[kind] ?? 1);
}

/** Bytes per millisecond while so many are moved, of the published rate. */
function bandwidthAt({ hardware, model }: RooflineDevice, bytes: number): number {
  const published = hardware.memoryGBPerSecond * 1e6;
  if (model.cache === undefined) return published;
  const held = model.cache.share * hardware.l2KB * 1024;
  return (published * (bytes + held * model.cache.gain)) / (bytes + held);
}

/** Milliseconds of a contraction's step through the contracted axis, of all thread blocks. */
type StepMs = (work: Contraction) => number;

/**
 * Milliseconds of the work without its launch and its family's factor.
 * @param stepMs `stepMsOf` of tiles that are known already, for those who time alike contractions again and again
 */
export function bodyMs(
  device: RooflineDevice,
  precision: Precision,
  work: Work,
  stepMs: StepMs = (one) => stepMsOf(device, precision, one, tileLoads(device, one)),
): number {
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
      const computeMs = stepsOf(model, work) * stepMs(work);
      return (computeMs ** overlap + memoryMs ** overlap) ** (1 / overlap);
    }
    default:
      return work satisfies never;
  }
}

/** What the busiest multiprocessor does of a contraction that is cut into tiles of one size. */
export interface TileLoad {
  /** Harmonic mean of the tile's sides. */
  readonly side: number;
  /** Of a step through the contracted axis. */
  readonly flops: number;
  /** Thread blocks one after the other. */
  readonly waves: number;
}

/** By tile of the model, what of a contraction's time does not depend on rates. */
export function tileLoads(
  { hardware, model }: RooflineDevice,
  { rows, columns, groups }: Pick<Contraction, "rows" | "columns" | "groups">,
): readonly TileLoad[] {
  const wideColumns = roundUp(columns, model.channelMultiple);
  return model.tiles.map(([high, wide]) => {
    const tiles = Math.ceil(rows / high) * Math.ceil(wideColumns / wide) * groups;
    const perMultiprocessor = Math.ceil(tiles / hardware.multiprocessors);
    const resident = Math.max(1, Math.floor(model.residentElements / (high * wide)));
    return {
      side: (2 * high * wide) / (high + wide),
      flops: perMultiprocessor * 2 * high * wide * model.depthStep,
      waves: Math.ceil(perMultiprocessor / resident),
    };
  });
}

/**
 * Steps through the contracted axis. A step takes channels of one position of the window, and where there are few of them those of
 * several.
 */
function stepsOf(
  { depthStep, tapChannels, channelMultiple }: DeviceModel,
  { channels, taps }: Contraction,
): number {
  const padded = roundUp(channels, channelMultiple);
  const isOneByOne = tapChannels !== undefined && padded >= tapChannels;
  return isOneByOne ? taps * Math.ceil(padded / depthStep) : Math.ceil((padded * taps) / depthStep);
}

/** Milliseconds of a step under the best tile. */
export function stepMsOf(
  { hardware, model }: RooflineDevice,
  precision: Precision,
  { winograd }: Pick<Contraction, "winograd">,
  loads: readonly TileLoad[],
): number {
  const latencyMs = model.stepCycles / (hardware.clockMhz * 1e3);
  // Flops per millisecond of one multiprocessor.
  const share = (model.contractionEfficiency ?? 1) * (model.rates?.[precision] ?? 1);
  const peak = rateOf(hardware.contractionTflops, precision) * share;
  const gain = winograd ? model.winogradGain : 1;
  const rate = ((peak * 1e9) / hardware.multiprocessors) * gain;
  let best = Number.POSITIVE_INFINITY;
  for (const { side, flops, waves } of loads) {
    // The larger a tile, the more often each loaded number is used.
    const busyMs = (flops * (side + model.halfSide)) / (rate * side);
    best = Math.min(best, Math.max(busyMs, waves * latencyMs));
  }
  return best;
}

/** Times works one after the other, as cells of a table come: what alike ones share is worked out once. */
export function workTimer(device: RooflineDevice, precision: Precision): (work: Work) => number {
  const { model } = device;
  const launchMs = launchMsOf(device);
  const steps = new Map<number, number>();
  let last: Contraction | null = null;
  const stepMs: StepMs = (work) => {
    const isAlike =
      last !== null &&
      work.rows === last.rows &&
      work.groups === last.groups &&
      work.winograd === last.winograd;
    if (!isAlike) steps.clear();
    last = work;
    const known = steps.get(work.columns);
    if (known !== undefined) return known;
    const ms = stepMsOf(device, precision, work, tileLoads(device, work));
    steps.set(work.columns, ms);
    return ms;
  };
  const timeOf = (work: Work): number =>
    launchMs * launchesOf(model, work) +
    factorOf(model, work) * bodyMs(device, precision, work, stepMs);
  return (work) =>
    work.activation === undefined
      ? timeOf(work)
      : timeOf(work) + timeOf(activationOf(work.activation));
}

function activationOf({ bytes, family }: Activation): Work {
  return { kind: "memory", bytes, family };
}

/** The kernels of a work, one each. */
export function kernelsOf(work: Work): readonly Work[] {
  const { activation, ...own } = work;
  return activation === undefined ? [work] : [own, activationOf(activation)];
}

function rateOf(rates: DeviceHardware["vectorTflops"], precision: Precision): number {
  return rates[precision] ?? rates.float16;
}

function roundUp(count: number, multiple: number): number {
  return Math.ceil(count / multiple) * multiple;
}
