/**
 * The constants of all Jetsons at once: those of the shared form, and each board's own beside them.
 *
 *     minimise   sum over runs of w rho((ln predicted - ln measured) / s)  +  sum over constants of (t / tau)^2
 *
 * with t the logarithm of a constant by what it begins at, tau its prior deviation, Huber's rho, and w such that all sizes of a
 * network on a board count like `SIZES` runs: they are far from independent. A board's own constants have narrow priors, so that
 * a board with few runs stays near the others.
 */
import { Matrix, solve } from "ml-matrix";
import { type Constant, changedModel } from "../../src/latency/predict/constants.ts";
import type { DeviceHardware, DeviceModel } from "../../src/latency/predict/device.ts";
import type { Seen } from "./observed.ts";
import { hardwareOf, timedRuns } from "./timed-runs.ts";

const SIZES = 2;
const SCATTER = 0.1;
const HUBER = 1.5;
const ROUNDS = 40;
/** Of the loss, from which on a round is not worth the next. */
const LEAST_GAIN = 0.004;
const TRIALS = 8;
const NUDGE = 1e-4;

/** Constants of the shared form and of each board. */
export interface FamilyForm {
  readonly start: DeviceModel;
  readonly shared: readonly Constant[];
  readonly own: readonly Constant[];
  /** What differs by board besides, from its hardware; constants that boards have of their own are multiplied. */
  readonly boardStart: (model: DeviceModel, hardware: DeviceHardware) => DeviceModel;
}

/** Logarithmic shifts of the constants. */
export interface FamilyFit {
  readonly form: FamilyForm;
  readonly shared: readonly number[];
  readonly own: ReadonlyMap<string, readonly number[]>;
  /** What each run's residual changes by per constant, near the end; for fits that begin here. */
  readonly slopes?: ReadonlyMap<Seen, readonly number[]>;
}

/** The model of a board; one that nothing was fitted to has its own constants from those of its generation, the more alike the more. */
export function modelOf({ form, shared, own }: FamilyFit, board: string): DeviceModel {
  const all = shifted(form.start, form.shared, shared);
  const based = form.boardStart(all, hardwareOf(board, null));
  return shifted(based, form.own, own.get(board) ?? ofGeneration(own, board));
}

function ofGeneration(own: FamilyFit["own"], board: string): readonly number[] {
  const generation = (name: string): string => {
    const { tensorCores, architecture } = hardwareOf(name, null);
    return tensorCores === 0 ? "no tensor cores" : architecture;
  };
  const others = [...own]
    .filter(([name]) => generation(name) === generation(board))
    .map(([name, shifts]) => ({ shifts, weight: 1 / (ALIKE + unlikeness(name, board)) }));
  const sum = others.reduce((total, { weight }) => total + weight, 0);
  return (others[0]?.shifts ?? []).map((_, at) =>
    others.reduce((total, { shifts, weight }) => total + (weight / sum) * (shifts[at] ?? 0), 0),
  );
}

const ALIKE = 0.1;

/** Squared distance of two boards by the logarithms of their hardware figures. */
function unlikeness(one: string, other: string): number {
  const [a, b] = [hardwareOf(one, null), hardwareOf(other, null)];
  return (["multiprocessors", "clockMhz", "memoryGBPerSecond"] as const).reduce(
    (sum, figure) => sum + Math.log(a[figure] / b[figure]) ** 2,
    0,
  );
}

function shifted(
  model: DeviceModel,
  constants: readonly Constant[],
  shifts: readonly number[],
): DeviceModel {
  return constants.reduce(
    (changed, constant, at) => changedModel(changed, constant, shifts[at] ?? 0),
    model,
  );
}

/** ln predicted - ln measured of each run. */
export function residualsOf(fit: FamilyFit, runs: readonly Seen[]): number[] {
  return residualsFrom(timedRuns(runs), fit, runs);
}

function residualsFrom(
  time: ReturnType<typeof timedRuns>,
  fit: FamilyFit,
  runs: readonly Seen[],
): number[] {
  const models = new Map<string, DeviceModel>();
  const times = time((board) => {
    const model = models.get(board) ?? modelOf(fit, board);
    models.set(board, model);
    return model;
  });
  return runs.map(({ ms }, at) => Math.log((times[at] ?? 0) / ms));
}

/** @param from where to begin; a fit to nearly the same runs is soon adapted */
export function fitFamily(form: FamilyForm, runs: readonly Seen[], from?: FamilyFit): FamilyFit {
  const boards = [...new Set(runs.map(({ board }) => board))].sort();
  const weights = weightsOf(runs);
  const time = timedRuns(runs);
  const residualsAt = (shifts: readonly number[]): number[] =>
    residualsFrom(time, fitAt(shifts), runs);
  const boardOf = runs.map(({ board }) => boards.indexOf(board));
  const width = form.shared.length + boards.length * form.own.length;
  const deviations = Array.from({ length: width }, (_, at) => {
    const constant =
      at < form.shared.length
        ? form.shared[at]
        : form.own[(at - form.shared.length) % form.own.length];
    return constant?.deviation ?? 1;
  });
  const fitAt = (shifts: readonly number[]): FamilyFit => ({
    form,
    shared: shifts.slice(0, form.shared.length),
    own: new Map(
      boards.map((board, at) => {
        const begin = form.shared.length + at * form.own.length;
        return [board, shifts.slice(begin, begin + form.own.length)];
      }),
    ),
  });
  const loss = (shifts: readonly number[], residuals: readonly number[]): number =>
    residuals.reduce((sum, r, at) => sum + (weights[at] ?? 0) * huber(r / SCATTER), 0) +
    shifts.reduce((sum, shift, at) => sum + (shift / (deviations[at] ?? 1)) ** 2, 0);
  let shifts: readonly number[] = [
    ...(from?.shared ?? form.shared.map(() => 0)),
    ...boards.flatMap((board) => from?.own.get(board) ?? form.own.map(() => 0)),
  ];
  let residuals = residualsAt(shifts);
  let damping = from === undefined ? 1e-2 : 1e-4;
  // Slopes change little from round to round: old ones serve as long as they lead on.
  let slopes = knownSlopes(from) ?? slopesAt(shifts, residuals);
  let areOld = from !== undefined;
  for (let round = 0; round < ROUNDS; round += 1) {
    const { hessian, gradient } = curvature(shifts, residuals, slopes);
    let gain = 0;
    for (let trial = 0; trial < TRIALS; trial += 1) {
      const damped = hessian.clone();
      for (let at = 0; at < width; at += 1) damped.set(at, at, hessian.get(at, at) * (1 + damping));
      const step = solve(damped, gradient).getColumn(0);
      const next = shifts.map((shift, at) => shift - (step[at] ?? 0));
      const nextResiduals = residualsAt(next);
      gain = loss(shifts, residuals) - loss(next, nextResiduals);
      if (gain > 0) {
        [shifts, residuals] = [next, nextResiduals];
        damping /= 4;
        break;
      }
      damping *= 6;
      if (areOld && trial >= 2) break;
    }
    if (gain >= LEAST_GAIN) {
      areOld = true;
      continue;
    }
    if (!areOld) break;
    slopes = slopesAt(shifts, residuals);
    areOld = false;
  }
  return { ...fitAt(shifts), slopes: new Map(runs.map((run, row) => [run, slopes.getRow(row)])) };

  /** Those of another fit, where it had all these runs. */
  function knownSlopes(other: FamilyFit | undefined): Matrix | null {
    const rows = runs.map((run) => other?.slopes?.get(run)?.slice(0, form.shared.length));
    if (rows.some((row) => row === undefined)) return null;
    return withOwn(rows.map((row) => row ?? []));
  }

  /** A board's own constant multiplies the shared one of its name, so that the residuals of its runs change alike. */
  function withOwn(shared: readonly (readonly number[])[]): Matrix {
    const slopes = Matrix.zeros(runs.length, width);
    for (const [row, values] of shared.entries()) {
      for (const [column, value] of values.entries()) slopes.set(row, column, value);
      for (const [own, { name }] of form.own.entries()) {
        const value = values[form.shared.findIndex((one) => one.name === name)] ?? 0;
        slopes.set(row, form.shared.length + (boardOf[row] ?? 0) * form.own.length + own, value);
      }
    }
    return slopes;
  }

  /** By run, what its residual changes by per constant. */
  function slopesAt(at: readonly number[], here: readonly number[]): Matrix {
    const columns = form.shared.map((_, column) =>
      residualsAt(at.map((shift, index) => (index === column ? shift + NUDGE : shift))),
    );
    return withOwn(
      here.map((residual, row) => columns.map((values) => ((values[row] ?? 0) - residual) / NUDGE)),
    );
  }

  function curvature(
    at: readonly number[],
    here: readonly number[],
    slopes: Matrix,
  ): { readonly hessian: Matrix; readonly gradient: Matrix } {
    const scale = here.map((residual, row) => {
      const size = Math.abs(residual / SCATTER);
      return ((weights[row] ?? 0) * (size <= HUBER ? 1 : HUBER / size)) / SCATTER ** 2;
    });
    const weighed = slopes.clone().mulColumnVector(scale);
    const hessian = weighed.transpose().mmul(slopes);
    const gradient = weighed.transpose().mmul(Matrix.columnVector([...here]));
    for (const [index, deviation] of deviations.entries()) {
      hessian.set(index, index, hessian.get(index, index) + deviation ** -2);
      gradient.set(index, 0, gradient.get(index, 0) + (at[index] ?? 0) / deviation ** 2);
    }
    return { hessian, gradient };
  }
}

function weightsOf(runs: readonly Seen[]): number[] {
  const counts = new Map<string, number>();
  const key = ({ set, board, network }: Seen): string => `${set}/${board}/${network}`;
  for (const run of runs) counts.set(key(run), (counts.get(key(run)) ?? 0) + 1);
  return runs.map((run) => Math.min(1, SIZES / (counts.get(key(run)) ?? 1)));
}

function huber(value: number): number {
  const size = Math.abs(value);
  return size <= HUBER ? size ** 2 : HUBER * (2 * size - HUBER);
}
