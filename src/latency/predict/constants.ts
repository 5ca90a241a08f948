import type { DeviceModel } from "./device.ts";
import type { Work } from "./roofline.ts";

/** A constant of a device's model that can be fitted, by its logarithm. */
export interface Constant {
  readonly name: string;
  /** Standard deviation of its logarithm around what the device says so far. */
  readonly deviation: number;
  readonly valueOf: (model: DeviceModel) => number;
  readonly withValue: (model: DeviceModel, value: number) => DeviceModel;
}

/**
 * The deviations are judgements: a runtime's launches differ by a factor of two or three, its share of the peak rates
 * by a half, and families of kernels by a third among each other.
 */
const SHARED: readonly Constant[] = [
  {
    name: "launchUs",
    deviation: 0.8,
    valueOf: ({ launchUs }) => launchUs,
    withValue: (model, launchUs) => ({ ...model, launchUs }),
  },
  {
    name: "launchCycles",
    deviation: 0.8,
    valueOf: ({ launchCycles = 0 }) => launchCycles,
    withValue: (model, launchCycles) => ({ ...model, launchCycles }),
  },
  {
    name: "stepCycles",
    deviation: 0.4,
    valueOf: ({ stepCycles }) => stepCycles,
    withValue: (model, stepCycles) => ({ ...model, stepCycles }),
  },
  {
    name: "contractionEfficiency",
    deviation: 0.5,
    valueOf: ({ contractionEfficiency = 1 }) => contractionEfficiency,
    withValue: (model, value) => ({
      ...model,
      contractionEfficiency: Math.min(value, mostEfficiency(model)),
    }),
  },
  {
    name: "bandwidthEfficiency",
    deviation: 0.35,
    valueOf: ({ bandwidthEfficiency }) => bandwidthEfficiency,
    withValue: (model, value) => ({ ...model, bandwidthEfficiency: Math.min(1, value) }),
  },
];

/** With the largest tile at the peak rate. */
function mostEfficiency({ tiles, halfSide }: DeviceModel): number {
  const sides = tiles.map(([high, wide]) => (2 * high * wide) / (high + wide));
  return 1 + halfSide / Math.max(...sides);
}

const CALL: Constant = {
  name: "callMs",
  deviation: 1,
  valueOf: ({ callMs }) => callMs,
  withValue: (model, callMs) => ({ ...model, callMs }),
};

/** Contractions are much alike; what else there is depends on who wrote the kernel. */
const CONTRACTIONS_DEVIATION = 0.3;
const OTHERS_DEVIATION = 1;

/**
 * The constants that observations say something of: those of the device, and the factor of each family of kernels.
 * @param others kernels that predictions will need besides the observed ones
 */
export function constantsFor(
  model: DeviceModel,
  observations: readonly { readonly works: readonly Work[]; readonly isCall: boolean }[],
  others: readonly Work[] = [],
): readonly Constant[] {
  const families = new Map<string, boolean>();
  for (const { family, kind } of [...others, ...observations.flatMap(({ works }) => works)]) {
    if (family !== undefined) families.set(family, kind === "contraction");
  }
  const isCalled = observations.some(({ isCall }) => isCall) && model.callMs > 0;
  // What is nothing has no logarithm.
  const shared = SHARED.filter((constant) => constant.valueOf(model) > 0);
  const own = [...families]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([family, isContraction]) => familyConstant(family, isContraction));
  return [...shared, ...(isCalled ? [CALL] : []), ...own];
}

function familyConstant(family: string, isContraction: boolean): Constant {
  return {
    name: `families.${family}`,
    deviation: isContraction ? CONTRACTIONS_DEVIATION : OTHERS_DEVIATION,
    valueOf: ({ families }) => families?.[family] ?? 1,
    withValue: (model, value) => ({ ...model, families: { ...model.families, [family]: value } }),
  };
}

/** The model with a constant multiplied by exp(shift). */
export function changedModel(model: DeviceModel, constant: Constant, shift: number): DeviceModel {
  return constant.withValue(model, constant.valueOf(model) * Math.exp(shift));
}
