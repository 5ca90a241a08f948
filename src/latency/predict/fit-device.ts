/**
 * Fits a device's constants to whatever was measured: kernels, sums of kernels, whole networks. The constants are taken
 * by their logarithms t, each with a prior around what the device says so far, and
 *
 *     minimise   sum over observations of rho((ln predicted - ln measured) / s)  +  sum over constants of (t / tau)^2
 *
 * with Huber's rho, so that few figures move few constants, and a freak moves none. What the observations leave open stays
 * open: the covariance of t at the optimum is what predictions of other networks have in common.
 */
import { inverse, Matrix, solve } from "ml-matrix";
import { InputError } from "../../core/errors.ts";
import { type Constant, changedModel, constantsFor } from "./constants.ts";
import type { DeviceDescription, DeviceModel, Precision } from "./device.ts";
import { type Work, workMs } from "./roofline.ts";

/** A time with the kernels that it is the sum of. */
export interface Observation {
  readonly name: string;
  readonly works: readonly Work[];
  readonly precision: Precision;
  readonly ms: number;
  /** Whether it is a call of a whole network, which costs something beyond its kernels. */
  readonly isCall: boolean;
}

/** A device fitted to observations. */
export interface FittedDevice {
  readonly model: DeviceModel;
  readonly constants: readonly FittedConstant[];
  /** ln predicted - ln measured, by observation. */
  readonly residuals: readonly number[];
  /** Standard deviation of those, freaks left out, and not below what figures can be trusted to. */
  readonly scatter: number;
  /** Deviation of ln predicted that other networks have from what the observations leave open of the constants. */
  readonly openDeviation: (observation: Omit<Observation, "ms" | "name">) => number;
}

export interface FittedConstant {
  readonly name: string;
  readonly value: number;
  /** Standard deviations of its logarithm, before and after. */
  readonly before: number;
  readonly after: number;
}

/**
 * Deviation of the logarithm of single kernels from the fitted model at shapes that were not observed: convolutions on a
 * V100 scatter so much around the same model (mean absolute log error 0.26; `npm run bench:predict`).
 */
export const SHAPE_DEVIATION = 0.33;

/** Figures are not trusted further than this, relative to themselves. */
const LEAST_SCATTER = 0.05;
const HUBER = 1.5;
const ROUNDS = 15;
const NUDGE = 1e-5;

/** Milliseconds of an observation's kernels. */
export function observedMs(
  hardware: DeviceDescription["hardware"],
  model: DeviceModel,
  { works, precision, isCall }: Omit<Observation, "ms" | "name">,
): number {
  const device = { hardware, model };
  let ms = isCall ? model.callMs : 0;
  for (const [work, times] of counted(works)) ms += times * workMs(device, precision, work);
  return ms;
}

const COUNTED = new WeakMap<readonly Work[], ReadonlyMap<Work, number>>();

/** The different kernels with how often each comes: an image at a time, the same few come over and over. */
function counted(works: readonly Work[]): ReadonlyMap<Work, number> {
  const known = COUNTED.get(works);
  if (known !== undefined) return known;
  const counts = new Map<Work, number>();
  for (const work of works) counts.set(work, (counts.get(work) ?? 0) + 1);
  COUNTED.set(works, counts);
  return counts;
}

/**
 * @param others kernels that predictions will need besides the observed ones: what is open of their families
 * @param trust factor on the constants' prior deviations: below 1 where the device was fitted before
 * @throws InputError `latency/no-observations` where there is none, or one has no kernels or no time
 */
export function fitDevice(
  { hardware, model: start }: Pick<DeviceDescription, "hardware" | "model">,
  observations: readonly Observation[],
  others: readonly Work[] = [],
  trust = 1,
): FittedDevice {
  checkObservations(observations);
  const constants = priorOf(start, observations, others, trust);
  const modelAt = (shifts: readonly number[]): DeviceModel =>
    constants.reduce(
      (model, constant, at) => changedModel(model, constant, shifts[at] ?? 0),
      start,
    );
  const residualsAt = (shifts: readonly number[]): number[] => {
    const model = modelAt(shifts);
    return observations.map((one) => Math.log(observedMs(hardware, model, one) / one.ms));
  };
  let shifts: readonly number[] = constants.map(() => 0);
  let scatter = 0.15;
  for (let pass = 0; pass < 3; pass += 1) {
    shifts = descend(shifts, residualsAt, constants, scatter);
    scatter = Math.max(LEAST_SCATTER, robustDeviation(residualsAt(shifts)));
  }
  const curvature = curvatureAt(shifts, residualsAt, constants, scatter).hessian;
  const covariance = inverse(curvature);
  const final = shifts;
  return {
    model: modelAt(final),
    residuals: residualsAt(final),
    scatter,
    constants: constants.map((constant, at) => ({
      name: constant.name,
      value: constant.valueOf(modelAt(final)),
      before: constant.deviation,
      after: Math.sqrt(covariance.get(at, at)),
    })),
    openDeviation: (observation) => {
      const slopes = Matrix.columnVector(
        slopesAt(final, (at) => [Math.log(observedMs(hardware, modelAt(at), observation))]).map(
          ([slope]) => slope ?? 0,
        ),
      );
      return Math.sqrt(Math.max(0, slopes.transpose().mmul(covariance).mmul(slopes).get(0, 0)));
    },
  };
}

/** What predictions of a network have open before anything is fitted: the deviation of their logarithm. */
export function openBefore(
  { hardware, model: start }: Pick<DeviceDescription, "hardware" | "model">,
  target: Omit<Observation, "ms" | "name">,
): number {
  const constants = constantsFor(start, [target]);
  const logs = (shifts: readonly number[]): number[] => {
    const model = constants.reduce(
      (changed, constant, at) => changedModel(changed, constant, shifts[at] ?? 0),
      start,
    );
    return [Math.log(observedMs(hardware, model, target))];
  };
  const slopes = slopesAt(
    constants.map(() => 0),
    logs,
  ).map(([slope]) => slope ?? 0);
  return Math.hypot(...slopes.map((slope, at) => slope * (constants[at]?.deviation ?? 0)));
}

function priorOf(
  start: DeviceModel,
  observations: readonly Observation[],
  others: readonly Work[],
  trust: number,
): readonly Constant[] {
  return constantsFor(start, observations, others).map((constant) => ({
    ...constant,
    deviation: trust * constant.deviation,
  }));
}

/** Levenberg and Marquardt's method on weighted squares. */
function descend(
  start: readonly number[],
  residualsAt: (shifts: readonly number[]) => number[],
  constants: readonly Constant[],
  scatter: number,
): readonly number[] {
  const loss = (shifts: readonly number[]): number =>
    residualsAt(shifts).reduce((sum, residual) => sum + huber(residual / scatter), 0) +
    shifts.reduce((sum, shift, at) => sum + (shift / (constants[at]?.deviation ?? 1)) ** 2, 0);
  let best = start;
  let damping = 1e-2;
  for (let round = 0; round < ROUNDS && damping < 1e6; round += 1) {
    const { hessian, gradient } = curvatureAt(best, residualsAt, constants, scatter);
    const damped = hessian.clone();
    for (let at = 0; at < best.length; at += 1)
      damped.set(at, at, hessian.get(at, at) * (1 + damping));
    const step = solve(damped, gradient).getColumn(0);
    const next = best.map((shift, at) => shift - (step[at] ?? 0));
    const gain = loss(best) - loss(next);
    if (!(gain > 0)) damping *= 5;
    else {
      best = next;
      damping /= 3;
      if (gain < 1e-4) break;
    }
  }
  return best;
}

/** Half the second and first derivatives of the loss, with the curvature of the model itself left out. */
function curvatureAt(
  shifts: readonly number[],
  residualsAt: (shifts: readonly number[]) => number[],
  constants: readonly Constant[],
  scatter: number,
): { readonly hessian: Matrix; readonly gradient: Matrix } {
  const residuals = residualsAt(shifts);
  const slopes = new Matrix(slopesAt(shifts, residualsAt).map((column) => [...column]));
  const weights = residuals.map((residual) => {
    const size = Math.abs(residual / scatter);
    return (size <= HUBER ? 1 : HUBER / size) / scatter ** 2;
  });
  const weighed = slopes.clone().mulRowVector(weights);
  const hessian = weighed.mmul(slopes.transpose());
  const gradient = weighed.mmul(Matrix.columnVector(residuals));
  for (const [at, { deviation }] of constants.entries()) {
    hessian.set(at, at, hessian.get(at, at) + deviation ** -2);
    gradient.set(at, 0, gradient.get(at, 0) + (shifts[at] ?? 0) / deviation ** 2);
  }
  return { hessian, gradient };
}

/** Per constant, what a function's results change by. */
function slopesAt(
  shifts: readonly number[],
  valuesAt: (shifts: readonly number[]) => number[],
): number[][] {
  const here = valuesAt(shifts);
  return shifts.map((_, at) =>
    valuesAt(shifts.map((shift, other) => (other === at ? shift + NUDGE : shift))).map(
      (value, row) => (value - (here[row] ?? 0)) / NUDGE,
    ),
  );
}

function huber(value: number): number {
  const size = Math.abs(value);
  return size <= HUBER ? size ** 2 : HUBER * (2 * size - HUBER);
}

/** Of a normal distribution with the same median of absolute values. */
function robustDeviation(values: readonly number[]): number {
  const sorted = values.map(Math.abs).sort((a, b) => a - b);
  return 1.4826 * (sorted[Math.floor(sorted.length / 2)] ?? 0);
}

function checkObservations(observations: readonly Observation[]): void {
  const bad = observations.find(({ works, ms }) => works.length === 0 || !(ms > 0));
  if (observations.length > 0 && bad === undefined) return;
  throw new InputError({
    code: "latency/no-observations",
    message:
      bad === undefined
        ? "There is nothing to fit the device to."
        : `Observation '${bad.name}' has ${bad.works.length} kernels and takes ${bad.ms} ms.`,
    hint: "Each observation needs a network or an operation, and its time above zero.",
  });
}
