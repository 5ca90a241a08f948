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
import { observedMs } from "../../src/latency/predict/fit-device.ts";
import { BOARDS } from "./hardware.ts";
import type { Seen } from "./observed.ts";

const SIZES = 2;
const SCATTER = 0.1;
const HUBER = 1.5;
const ROUNDS = 12;
/** From a fit to nearly the same runs. */
const FEW_ROUNDS = 3;
const NUDGE = 1e-4;

/** Constants of the shared form and of each board. */
export interface FamilyForm {
  readonly start: DeviceModel;
  readonly shared: readonly Constant[];
  readonly own: readonly Constant[];
  /** What differs by board besides, from its hardware. */
  readonly boardStart: (model: DeviceModel, hardware: DeviceHardware) => DeviceModel;
}

/** Logarithmic shifts of the constants. */
export interface FamilyFit {
  readonly form: FamilyForm;
  readonly shared: readonly number[];
  readonly own: ReadonlyMap<string, readonly number[]>;
}

/** A board's hardware in a power mode. */
export function hardwareOf(board: string, powerMode: string | null): DeviceHardware {
  const found = BOARDS.find(({ name }) => name === board);
  if (found === undefined) throw new Error(`no board ${board}`);
  const mode = powerMode === null ? undefined : found.powerModes[powerMode];
  if (powerMode !== null && mode === undefined) throw new Error(`${board}: no mode ${powerMode}`);
  return { ...found.hardware, ...mode?.hardware };
}

/** The model of a board; one that nothing was fitted to has its own constants from the middle of those of its generation. */
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
  const others = [...own].filter(([name]) => generation(name) === generation(board));
  const [first] = others;
  if (first === undefined) return [];
  return first[1].map(
    (_, at) => others.reduce((sum, [, shifts]) => sum + (shifts[at] ?? 0), 0) / others.length,
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
  const models = new Map<string, DeviceModel>();
  return runs.map((run) => {
    const model = models.get(run.board) ?? modelOf(fit, run.board);
    models.set(run.board, model);
    return Math.log(observedMs(hardwareOf(run.board, run.powerMode), model, run) / run.ms);
  });
}

/** @param from where to begin; a fit to nearly the same runs is soon adapted */
export function fitFamily(form: FamilyForm, runs: readonly Seen[], from?: FamilyFit): FamilyFit {
  const boards = [...new Set(runs.map(({ board }) => board))].sort();
  const weights = weightsOf(runs);
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
  let residuals = residualsOf(fitAt(shifts), runs);
  let damping = from === undefined ? 1e-2 : 1e-4;
  const rounds = from === undefined ? ROUNDS : FEW_ROUNDS;
  for (let round = 0; round < rounds && damping < 1e5; round += 1) {
    const slopes = slopesAt(shifts, residuals);
    const { hessian, gradient } = curvature(shifts, residuals, slopes);
    let gain = 0;
    while (damping < 1e5) {
      const damped = hessian.clone();
      for (let at = 0; at < width; at += 1) damped.set(at, at, hessian.get(at, at) * (1 + damping));
      const step = solve(damped, gradient).getColumn(0);
      const next = shifts.map((shift, at) => shift - (step[at] ?? 0));
      const nextResiduals = residualsOf(fitAt(next), runs);
      gain = loss(shifts, residuals) - loss(next, nextResiduals);
      if (gain > 0) {
        [shifts, residuals] = [next, nextResiduals];
        damping /= 4;
        break;
      }
      damping *= 6;
    }
    if (gain < 0.02) break;
  }
  return fitAt(shifts);

  /** By run, what its residual changes by per constant; a board's own constants are nudged on all boards at once. */
  function slopesAt(at: readonly number[], here: readonly number[]): Matrix {
    const slopes = Matrix.zeros(runs.length, width);
    const nudged = (which: (index: number) => boolean): number[] =>
      residualsOf(fitAt(at.map((shift, index) => (which(index) ? shift + NUDGE : shift))), runs);
    for (const [column] of form.shared.entries()) {
      for (const [row, value] of nudged((index) => index === column).entries()) {
        slopes.set(row, column, (value - (here[row] ?? 0)) / NUDGE);
      }
    }
    for (const [own] of form.own.entries()) {
      const values = nudged(
        (index) =>
          index >= form.shared.length && (index - form.shared.length) % form.own.length === own,
      );
      for (const [row, value] of values.entries()) {
        const column = form.shared.length + (boardOf[row] ?? 0) * form.own.length + own;
        slopes.set(row, column, (value - (here[row] ?? 0)) / NUDGE);
      }
    }
    return slopes;
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
