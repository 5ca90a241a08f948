/** The form of the Jetsons' predictions: what is shared, and what each board has for itself. Written down in decision 70. */
import type { Constant } from "../../src/latency/predict/constants.ts";
import type { DeviceModel } from "../../src/latency/predict/device.ts";
import type { FamilyForm } from "./family-fit.ts";
import { STARTING_MODEL } from "./hardware.ts";

type Numbers =
  | "launchUs"
  | "launchCycles"
  | "stepCycles"
  | "halfSide"
  | "bandwidthEfficiency"
  | "callMs"
  | "contractionEfficiency";

function plain(name: Numbers, deviation: number, most = Number.POSITIVE_INFINITY): Constant {
  return {
    ...{ name, deviation },
    valueOf: (model) => model[name] ?? 1,
    withValue: (model, value) => ({ ...model, [name]: Math.min(most, value) }),
  };
}

function launches(kinds: readonly string[], deviation: number): Constant {
  return {
    ...{ name: `launches.${kinds[0]}`, deviation },
    valueOf: ({ launches: known }) => known?.[kinds[0] ?? ""] ?? 1,
    withValue: (model, value) => ({
      ...model,
      launches: { ...model.launches, ...Object.fromEntries(kinds.map((kind) => [kind, value])) },
    }),
  };
}

/** Families that share a factor. */
function families(names: readonly string[], deviation: number): Constant {
  return {
    ...{ name: `families.${names[0]}`, deviation },
    valueOf: ({ families: known }) => known?.[names[0] ?? ""] ?? 1,
    withValue: (model, value) => ({
      ...model,
      families: { ...model.families, ...Object.fromEntries(names.map((name) => [name, value])) },
    }),
  };
}

function rate(precision: "float32" | "int8", deviation: number): Constant {
  return {
    ...{ name: `rates.${precision}`, deviation },
    valueOf: ({ rates }) => rates?.[precision] ?? 1,
    withValue: (model, value) => ({ ...model, rates: { ...model.rates, [precision]: value } }),
  };
}

const CACHE_GAIN: Constant = {
  name: "cache.gain",
  deviation: 0.5,
  valueOf: ({ cache }) => cache?.gain ?? 1,
  withValue: (model, gain) => ({
    ...model,
    cache: { share: 0.5, ...model.cache, gain: Math.max(1, gain) },
  }),
};
const CACHE_SHARE: Constant = {
  name: "cache.share",
  deviation: 0.5,
  valueOf: ({ cache }) => cache?.share ?? 0.5,
  withValue: (model, share) => ({ ...model, cache: { gain: 2, ...model.cache, share } }),
};
const DEPTHWISE_COMPUTE: Constant = {
  name: "depthwise.computeEfficiency",
  deviation: 0.6,
  valueOf: ({ depthwise }) => depthwise.computeEfficiency,
  withValue: (model, value) => ({
    ...model,
    depthwise: { ...model.depthwise, computeEfficiency: Math.min(1, value) },
  }),
};
const DEPTHWISE_MEMORY: Constant = {
  name: "depthwise.bandwidthEfficiency",
  deviation: 0.6,
  valueOf: ({ depthwise }) => depthwise.bandwidthEfficiency,
  withValue: (model, value) => ({
    ...model,
    depthwise: { ...model.depthwise, bandwidthEfficiency: Math.min(1, value) },
  }),
};
const WINOGRAD: Constant = {
  name: "winogradGain",
  deviation: 0.3,
  valueOf: ({ winogradGain }) => winogradGain,
  withValue: (model, value) => ({ ...model, winogradGain: Math.max(1, value) }),
};

const MOVES = ["Split", "Slice", "Transpose", "Reshape", "Gather", "Resize", "Flatten"];
const POINTWISE = [
  ...["sigmoid", "leaky"],
  "Mul",
  "Add",
  "Sub",
  "Div",
  "Erf",
  "Sigmoid",
  "Relu",
  "HardSwish",
  "HardSigmoid",
  "Gelu",
];
const POOLS = ["MaxPool", "AveragePool", "GlobalAveragePool", "ReduceSum", "ReduceMean"];
const NORMS = ["Softmax", "LayerNormalization"];

const START: DeviceModel = {
  ...STARTING_MODEL,
  tiles: STARTING_MODEL.tiles.filter(([high]) => high >= 64),
  tapChannels: 16,
  launchUs: 2,
  launchCycles: 10_000,
  callMs: 0.02,
  overlap: 1.5,
  contractionEfficiency: 1,
  cache: { share: 0.5, gain: 2 },
  families: { Concat: 0.5 },
  launches: {
    ...{ memory: 0.7, depthwise: 1, sigmoid: 0.7, leaky: 0.7, NonMaxSuppression: 10 },
    // Query, key and value are one multiplication: 4 for 6 of a block. The two products of an attention are one kernel.
    ...{ MatMul: 0.67, attention: 0.5, Transpose: 0.25 },
  },
};

export const JETSON_FORM: FamilyForm = {
  start: START,
  shared: [
    plain("launchUs", 0.8),
    plain("launchCycles", 0.8),
    plain("stepCycles", 0.5),
    plain("halfSide", 0.7),
    plain("bandwidthEfficiency", 0.4, 1),
    plain("contractionEfficiency", 0.5),
    plain("callMs", 1),
    CACHE_GAIN,
    CACHE_SHARE,
    DEPTHWISE_COMPUTE,
    DEPTHWISE_MEMORY,
    WINOGRAD,
    launches(["memory"], 0.7),
    launches(["depthwise"], 0.4),
    launches(["sigmoid", "leaky"], 0.4),
    launches(["MatMul"], 0.25),
    launches(["Transpose"], 0.4),
    launches(["NonMaxSuppression"], 1),
    families(["NonMaxSuppression"], 1),
    families(["conv1x1"], 0.3),
    families(["conv3x3"], 0.3),
    families(["depthwise5x5", "depthwise7x7", "depthwise9x9", "depthwise11x11"], 0.5),
    families(["Concat"], 0.7),
    families(MOVES, 0.7),
    families(POINTWISE, 0.7),
    families(POOLS, 0.7),
    families(NORMS, 0.7),
    families(["MatMul", "attention"], 0.3),
    rate("float32", 0.4),
    rate("int8", 0.4),
  ],
  own: [
    plain("launchCycles", 0.2),
    plain("contractionEfficiency", 0.2),
    plain("bandwidthEfficiency", 0.15, 1),
    plain("stepCycles", 0.15),
  ],
  boardStart: (model, { tensorCores, architecture }) => {
    if (tensorCores === 0) return withoutTensorCores(model);
    // Winograd's algorithm is not used on tensor cores.
    const volta = { ...model, winogradGain: 1 };
    return architecture.startsWith("Ampere")
      ? { ...volta, depthStep: 64, fused: ["sigmoid"] }
      : volta;
  },
};

/** Small tiles cost less of the peak rate there, as multiplications wait less for shared memory; the largest reaches what it did. */
function withoutTensorCores(model: DeviceModel): DeviceModel {
  const { halfSide, contractionEfficiency = 1 } = model;
  const side = LARGEST_SIDE;
  return {
    ...{ ...model, channelMultiple: 2, launchCycles: 2 * (model.launchCycles ?? 0) },
    halfSide: halfSide / 4,
    contractionEfficiency: (contractionEfficiency * (side + halfSide / 4)) / (side + halfSide),
  };
}

const LARGEST_SIDE = 128;
