import { z } from "zod";
import { InputError } from "../../core/errors.ts";
import { readJson } from "../../core/files.ts";
import { firstIssues } from "../../core/schema.ts";

/** Number formats that predictions are made for. */
export const PRECISIONS = ["float16", "float32"] as const;
export type Precision = (typeof PRECISIONS)[number];

const PER_PRECISION = z.object({ float16: z.number().positive(), float32: z.number().positive() });

const HARDWARE = z.object({
  architecture: z.string(),
  multiprocessors: z.number().int().positive(),
  cudaCores: z.number().int().positive(),
  /** 0 where the architecture has none. */
  tensorCores: z.number().int().nonnegative(),
  clockMhz: z.number().positive(),
  /** Peak rate of contractions (tensor cores where there are any) and of everything else, dense, in TFLOP/s. */
  contractionTflops: PER_PRECISION,
  vectorTflops: PER_PRECISION,
  memoryGBPerSecond: z.number().positive(),
  l2KB: z.number().positive(),
});

const MODEL = z.object({
  /** What each kernel costs beyond its work, in microseconds. */
  launchUs: z.number().nonnegative(),
  /** Clock cycles that a thread block needs for one step of `depthStep` through the contracted axis, however small it is. */
  stepCycles: z.number().nonnegative(),
  depthStep: z.number().int().positive(),
  /** Share of the published memory bandwidth that kernels reach. */
  bandwidthEfficiency: z.number().positive().max(1),
  /**
   * How far contractions move data while they compute: with the exponent p they take (compute^p + memory^p)^(1/p). 1 is
   * one after the other, 2 without it.
   */
  overlap: z.number().min(1).optional(),
  /** Share of the published peak rate that contractions reach with the best tile; all of it without. */
  contractionEfficiency: z.number().positive().optional(),
  /** What kernels of a family (`Work`) take beside what the model says, launch apart: 1.2 is a fifth longer. */
  families: z.record(z.string(), z.number().positive()).optional(),
  /** Rows and columns of the output that a thread block may compute. */
  tiles: z.array(z.tuple([z.number().int().positive(), z.number().int().positive()])).min(1),
  /** A tile whose harmonic mean side is s reaches s / (s + halfSide) of the peak rate. */
  halfSide: z.number().nonnegative(),
  /** Output elements of the thread blocks that one multiprocessor holds at a time. */
  residentElements: z.number().int().positive(),
  /** Channels are padded to multiples of this. */
  channelMultiple: z.number().int().positive(),
  /** Speed-up of 3x3 convolutions with stride 1 over implicit matrix multiplication; 1 where none is used. */
  winogradGain: z.number().min(1),
  depthwise: z.object({
    bandwidthEfficiency: z.number().positive().max(1),
    computeEfficiency: z.number().positive().max(1),
  }),
  /** What one call of the network costs beyond its kernels, in milliseconds. */
  callMs: z.number().nonnegative(),
});

const DEVIATION = z.number().nonnegative();

const UNCERTAINTY = z.object({
  /** Standard deviation of the logarithm of the factor that all predicted times share. */
  common: DEVIATION,
  /** Comes on top of it at other batches and number formats than the constants were fitted at: batch 1, float16. */
  extrapolation: DEVIATION.optional(),
  /** Standard deviation of the logarithm of a single time's own factor, by kind of work (`Work` in roofline.ts). */
  own: z.object({
    contraction: DEVIATION,
    depthwise: DEVIATION,
    memory: DEVIATION,
    fused: DEVIATION,
  }),
  how: z.string(),
});

const FIGURE = z.object({
  network: z.string(),
  publishedMs: z.number().positive(),
  predictedMs: z.number().positive(),
  /** predicted / published - 1. */
  error: z.number(),
});

export const DEVICE = z.object({
  schema: z.literal("mdp-device/1"),
  name: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/),
  title: z.string(),
  kind: z.literal("predicted"),
  hardware: HARDWARE,
  model: MODEL,
  fit: z.object({
    /** Constants of `model` that were fitted to `figures`; the others are carried over, as `how` says. */
    fitted: z.array(z.string()),
    how: z.string(),
    figures: z.array(FIGURE),
    /** Each figure predicted from a fit to the others. */
    leaveOneOut: z.array(FIGURE),
    /** Published figures that nothing was fitted to. */
    heldOut: z.array(FIGURE),
  }),
  expectedError: z.object({
    mean: z.number().nonnegative(),
    worst: z.number().nonnegative(),
    networks: z.number().int().nonnegative(),
    how: z.string(),
  }),
  /** What the intervals of predicted cells rest on; without it, on `expectedError`. */
  uncertainty: UNCERTAINTY.optional(),
  sources: z.array(z.string()).min(1),
  /** ISO 8601 day. */
  date: z.string(),
});

/** A device as predictions see it: published hardware figures and a few fitted constants. */
export type DeviceDescription = z.infer<typeof DEVICE>;
export type DeviceFigure = z.infer<typeof FIGURE>;
export type DeviceHardware = z.infer<typeof HARDWARE>;
export type DeviceModel = z.infer<typeof MODEL>;
export type DeviceUncertainty = z.infer<typeof UNCERTAINTY>;

/**
 * Checks what was read from a `device.json`.
 * @throws InputError `latency/bad-device`
 */
export function parseDevice(value: unknown, where: string): DeviceDescription {
  const parsed = DEVICE.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InputError({
    code: "latency/bad-device",
    message: `This is no device description: ${firstIssues(parsed.error)}`,
    where,
    hint: "Compare it with latency-tables/jetson-xavier/device.json; schema mdp-device/1.",
  });
}

/** @throws InputError `core/read-failed`, `core/not-json`, `latency/bad-device` */
export function readDevice(path: string): DeviceDescription {
  return parseDevice(readJson(path), path);
}
