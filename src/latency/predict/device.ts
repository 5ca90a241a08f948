import { z } from "zod";
import { InputError, UsageError } from "../../core/errors.ts";
import { readJson } from "../../core/files.ts";
import { firstIssues } from "../../core/schema.ts";

/** Number formats that predictions are made for. */
export const PRECISIONS = ["float16", "float32", "int8"] as const;
export type Precision = (typeof PRECISIONS)[number];

const PER_PRECISION = z.object({
  float16: z.number().positive(),
  float32: z.number().positive(),
  /** As float16 without: the hardware gains nothing, or nobody said. */
  int8: z.number().positive().optional(),
});

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

/** What of the hardware a power mode changes. */
const POWER_MODE = z.object({
  title: z.string(),
  hardware: HARDWARE.partial(),
});

const MODEL = z.object({
  /** What each kernel costs beyond its work, in microseconds. */
  launchUs: z.number().nonnegative(),
  /** The part of a launch that follows the GPU's clock, in its cycles; comes on top of `launchUs`. */
  launchCycles: z.number().nonnegative().optional(),
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
  /** Launches that a kernel costs, by its family or else its kind (`Work`): 1 unless given. */
  launches: z.record(z.string(), z.number().nonnegative()).optional(),
  /** Families of kernels that are computed inside the contraction before them. */
  fused: z.array(z.string()).optional(),
  /** Where kernels move no more than `share` of the second-level cache, they move it up to `gain` times as fast. */
  cache: z.object({ share: z.number().positive(), gain: z.number().min(1) }).optional(),
  /** Share of the published peak rate by number format, beside `contractionEfficiency`; 1 unless given. */
  rates: PER_PRECISION.partial().optional(),
  /** Rows and columns of the output that a thread block may compute. */
  tiles: z.array(z.tuple([z.number().int().positive(), z.number().int().positive()])).min(1),
  /** A tile whose harmonic mean side is s reaches s / (s + halfSide) of the peak rate. */
  halfSide: z.number().nonnegative(),
  /** Output elements of the thread blocks that one multiprocessor holds at a time. */
  residentElements: z.number().int().positive(),
  /** From so many channels on, each contracted position takes whole steps of its own. */
  tapChannels: z.number().int().positive().optional(),
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

const GROUP_ERROR = z.object({
  by: z.enum(["family", "precision"]),
  name: z.string(),
  runs: z.number().int().positive(),
  networks: z.number().int().positive(),
  mean: z.number().nonnegative(),
  worst: z.number().nonnegative(),
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
    /** Kinds of kernels (families of `Work`) that the fitted networks have; predictions say where others count. */
    kernels: z.array(z.string()).optional(),
  }),
  /** Errors of networks that were left out of the fit, by what they have in common. */
  errors: z.array(GROUP_ERROR).optional(),
  /** The mode that `hardware` is of, and what other power modes change of it. */
  powerModes: z.record(z.string(), POWER_MODE).optional(),
  /** The mode that is meant where none is named. */
  powerMode: z.string().optional(),
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

/**
 * The device in a power mode; as it is where none is named.
 * @throws UsageError `latency/unknown-power-mode`
 */
export function inPowerMode(
  device: DeviceDescription,
  mode: string | undefined,
): DeviceDescription {
  if (mode === undefined || mode === device.powerMode) return device;
  const found = device.powerModes?.[mode];
  if (found === undefined) {
    const known = Object.entries(device.powerModes ?? {}).map(
      ([name, { title }]) => `${name} (${title})`,
    );
    throw new UsageError({
      code: "latency/unknown-power-mode",
      message: `Device '${device.name}' has no power mode '${mode}'.`,
      where: "--power-mode",
      hint:
        known.length === 0
          ? "Nothing is known of its modes; leave the option out."
          : `Name one of ${known.join(", ")}.`,
    });
  }
  return {
    ...device,
    title: `${device.title}, ${found.title}`,
    hardware: HARDWARE.parse({ ...device.hardware, ...found.hardware }),
    powerMode: mode,
  };
}

/** @throws InputError `core/read-failed`, `core/not-json`, `latency/bad-device` */
export function readDevice(path: string): DeviceDescription {
  return parseDevice(readJson(path), path);
}
