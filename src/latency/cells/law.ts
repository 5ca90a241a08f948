/**
 * The physical part of a cell's time: the roofline with tiles and waves of `predict/roofline.ts`, whose constants are
 * fitted to the known cells alone, so that nothing needs to be known of the device.
 */
import type { DeviceModel, Precision } from "../predict/device.ts";
import { type RooflineDevice, type Work, workMs } from "../predict/roofline.ts";
import type { KnownCell, OpCell } from "./cell.ts";

/** What a convolution does as a matrix multiplication. Bytes are of the tensors, each moved once. */
export interface CellWork {
  /** Output positions, output channels, and contracted elements. */
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly flops: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly weightBytes: number;
}

export function workOfCell(cell: OpCell, elementBytes: number): CellWork {
  const side = (extent: number): number => Math.ceil(extent / cell.stride);
  const rows = cell.batch * side(cell.height) * side(cell.width);
  const columns = cell.outChannels;
  const depth = cell.inChannels * cell.kernel ** 2;
  // A window smaller than its step skips part of the input.
  const read = Math.min(1, cell.kernel / cell.stride) ** 2;
  return {
    rows,
    columns,
    depth,
    flops: 2 * rows * columns * depth,
    inputBytes: elementBytes * cell.batch * cell.inChannels * cell.height * cell.width * read,
    outputBytes: elementBytes * rows * columns,
    weightBytes: elementBytes * columns * depth,
  };
}

/** The fitted constants. */
export interface Law {
  /** FLOP and bytes per millisecond at best. */
  readonly rate: number;
  readonly bandwidth: number;
  readonly launchMs: number;
  /** What a thread block needs for one step through the contracted axis. */
  readonly stepMs: number;
  /** A tile of this side reaches half the rate. */
  readonly halfSide: number;
  /** Thread blocks that run at a time. */
  readonly multiprocessors: number;
}

/** Output tiles as matrix libraries cut them: positions by channels. */
export const TILES: DeviceModel["tiles"] = [
  [32, 32],
  [64, 32],
  [64, 64],
  [128, 32],
  [128, 64],
  [128, 128],
  [256, 64],
  [256, 128],
];

/** Milliseconds by the law alone. */
export function lawMs(law: Law, work: CellWork): number {
  const contraction: Work = {
    kind: "contraction",
    rows: work.rows,
    columns: work.columns,
    channels: work.depth,
    taps: 1,
    groups: 1,
    winograd: false,
    bytes: work.inputBytes + work.outputBytes + work.weightBytes,
  };
  return workMs(deviceOf(law), PRECISION, contraction);
}

/** The roofline asks for a number format; both have the law's rate. */
const PRECISION: Precision = "float32";
const CLOCK_MHZ = 1000;

function deviceOf(law: Law): RooflineDevice {
  const tflops = { float16: law.rate * 1e-9, float32: law.rate * 1e-9 };
  return {
    hardware: {
      architecture: "fitted",
      multiprocessors: law.multiprocessors,
      cudaCores: law.multiprocessors,
      tensorCores: 0,
      clockMhz: CLOCK_MHZ,
      contractionTflops: tflops,
      vectorTflops: tflops,
      memoryGBPerSecond: law.bandwidth * 1e-6,
      l2KB: 1,
    },
    model: {
      launchUs: law.launchMs * 1e3,
      stepCycles: law.stepMs * CLOCK_MHZ * 1e3,
      depthStep: 8,
      bandwidthEfficiency: 1,
      tiles: TILES,
      halfSide: law.halfSide,
      residentElements: 32_768,
      channelMultiple: 1,
      winogradGain: 1,
      depthwise: { bandwidthEfficiency: 1, computeEfficiency: 1 },
      callMs: 0,
    },
  };
}

/** More cells don't sharpen six constants. */
const CELLS_TO_FIT = 600;
const FIRST_STEP = 0.7;
const LAST_STEP = 0.03;
/** A round that gains less than this share goes on with smaller steps. */
const WORTH = 1e-3;

/**
 * Fits the constants by coordinate descent on the mean absolute logarithm of predicted over measured, from the best rates
 * seen among the cells. Deterministic.
 */
export function fitLaw(known: readonly KnownCell[], elementBytes: number): Law {
  const every = Math.max(1, Math.floor(known.length / CELLS_TO_FIT));
  const used = known
    .filter((_, index) => index % every === 0)
    .map((cell) => ({ work: workOfCell(cell, elementBytes), ms: cell.ms }));
  const loss = (law: Law): number =>
    used.reduce((sum, { work, ms }) => sum + Math.abs(Math.log(lawMs(law, work) / ms)), 0);
  let best = startingLaw(used);
  let bestLoss = loss(best);
  for (let step = FIRST_STEP; step > LAST_STEP; ) {
    const before = bestLoss;
    for (const name of Object.keys(best) as (keyof Law)[]) {
      for (const tried of [moved(best, name, step), moved(best, name, -step)]) {
        const triedLoss = loss(tried);
        if (triedLoss < bestLoss) [best, bestLoss] = [tried, triedLoss];
      }
    }
    if (bestLoss > before * (1 - WORTH)) step /= 2;
  }
  return best;
}

function startingLaw(used: readonly { readonly work: CellWork; readonly ms: number }[]): Law {
  const most = (of: (work: CellWork) => number): number =>
    used.reduce((best, { work, ms }) => Math.max(best, of(work) / ms), 0);
  return {
    rate: most(({ flops }) => flops),
    bandwidth: most((work) => work.inputBytes + work.outputBytes + work.weightBytes),
    launchMs: used.reduce((least, { ms }) => Math.min(least, ms), Number.POSITIVE_INFINITY),
    stepMs: 5e-5,
    halfSide: 32,
    multiprocessors: 64,
  };
}

function moved(law: Law, name: keyof Law, shift: number): Law {
  const value = law[name] * Math.exp(shift);
  return { ...law, [name]: name === "multiprocessors" ? Math.max(1, Math.round(value)) : value };
}
