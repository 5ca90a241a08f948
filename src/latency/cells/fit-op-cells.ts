import { InputError } from "../../core/errors.ts";
import { randomFrom, shuffled } from "../../core/random.ts";
import { type Booster, type BoostingOptions, boost } from "./boosting.ts";
import type { CellPrediction, KnownCell, OpCell, OpCellModel } from "./cell.ts";
import { featureColumns } from "./features.ts";
import { fitLaw, lawMs, workOfCell } from "./law.ts";
import type { Columns } from "./tree.ts";

export interface FitOptions {
  /** Bytes per element of the tensors: 4 for float32, 2 for float16. */
  readonly elementBytes?: number;
  /** Probability that an interval is to hold the true time. */
  readonly coverage?: number;
  readonly seed?: number;
}

/** Fewer cells than this don't fit the law's constants. */
const FEWEST_CELLS = 12;
const FOLDS = 5;
/** Where cells are few, trees are small. */
const CELLS_PER_LEAF = 20;

const CORRECTION: BoostingOptions = {
  trees: 450,
  leaves: 31,
  leafRows: 5,
  rate: 0.08,
  rowShare: 0.8,
  featureShare: 0.7,
  huber: 0.2,
  shrinkage: 1,
};

/** Of how far off a cell may be: smoother than the correction, or it would learn single cells' luck. */
const SPREAD: BoostingOptions = {
  ...CORRECTION,
  trees: 80,
  leaves: 15,
  leafRows: 30,
  rate: 0.08,
  huber: Number.POSITIVE_INFINITY,
};
/** Below this, relative, errors are the clock's. */
const LEAST_ERROR = 1e-3;

/**
 * Learns the times of convolutions on one device from some of them, and predicts the others: a roofline whose constants
 * are fitted to the known cells, times a correction by boosted trees over what is left of the logarithm. The trees see
 * all kernels, sizes and batches together, so that groups with few known cells learn from the others.
 *
 * The known cells are parted in five; each fifth is predicted from the other four. Those errors, relative to how large
 * they are thought to be for such a cell, set the intervals (split conformal prediction with a locally adaptive width: Lei
 * et al., Distribution-Free Predictive Inference for Regression, 2018, section 5.2). They hold for cells drawn like the known
 * ones, not for sizes beyond them. A prediction is the geometric mean of the five models'.
 *
 * @param known at least 12 cells of one device, runtime and precision; a cell may occur more than once
 * @throws InputError `latency/few-cells`, `latency/bad-cell`, `latency/bad-coverage`
 */
export function fitOpCells(known: readonly KnownCell[], options: FitOptions = {}): OpCellModel {
  const { elementBytes = 4, coverage = 0.9, seed = 1 } = options;
  checkKnown(known, coverage);
  const law = fitLaw(known, elementBytes);
  const lawLogs = (cells: readonly OpCell[]): Float64Array =>
    Float64Array.from(cells, (cell) => Math.log(lawMs(law, workOfCell(cell, elementBytes))));
  const columns = featureColumns(known, law, elementBytes);
  const base = lawLogs(known);
  const targets = Float64Array.from(known, ({ ms }, row) => Math.log(ms) - (base[row] ?? 0));
  const correction = crossFit(columns, targets, CORRECTION, seed);
  const spread = crossFit(columns, correction.errors.map(logSize), SPREAD, seed + 1);
  const [below, above] = scaledQuantiles(correction.errors, spread.errors, coverage);

  const predictAll = (cells: readonly OpCell[]): readonly CellPrediction[] => {
    for (const cell of cells) checkCell(cell);
    const asked = featureColumns(cells, law, elementBytes);
    const logs = lawLogs(cells);
    const corrections = correction.at(asked);
    const spreads = spread.at(asked);
    return cells.map((_, row) => {
      const ms = Math.exp((logs[row] ?? 0) + (corrections[row] ?? 0));
      const width = Math.exp(spreads[row] ?? 0);
      return { ms, low: ms * Math.exp(below * width), high: ms * Math.exp(above * width) };
    });
  };
  const predict = (cell: OpCell): CellPrediction => {
    const [prediction] = predictAll([cell]);
    return prediction as CellPrediction;
  };
  return { coverage, predict, predictAll };
}

interface CrossFit {
  /** The mean of the models. */
  readonly at: Booster;
  /** Per known cell, target minus what the model that had not seen it says. */
  readonly errors: Float64Array;
}

/** As many models as folds, each fitted without one of them. */
function crossFit(
  columns: Columns,
  targets: Float64Array,
  options: BoostingOptions,
  seed: number,
): CrossFit {
  const random = randomFrom(seed);
  const foldOf = new Uint8Array(targets.length);
  for (const [place, row] of shuffled([...targets.keys()], random).entries()) {
    foldOf[row] = place % FOLDS;
  }
  const errors = new Float64Array(targets.length);
  const most = Math.round(targets.length / CELLS_PER_LEAF);
  const leaves = Math.max(2, Math.min(options.leaves, most));
  const boosters = Array.from({ length: FOLDS }, (_, fold) => {
    const seen = (__: unknown, row: number): boolean => foldOf[row] !== fold;
    const booster = boost(
      columns.map((column) => column.filter(seen)),
      targets.filter(seen),
      { ...options, leaves },
      random,
    );
    const fitted = booster(columns);
    for (const [row, target] of targets.entries()) {
      if (!seen(target, row)) errors[row] = target - (fitted[row] ?? 0);
    }
    return booster;
  });
  const at: Booster = (asked) => {
    const all = boosters.map((booster) => booster(asked));
    return Float64Array.from(asked[0] ?? [], (_, row) =>
      all.reduce((sum, values) => sum + (values[row] ?? 0) / FOLDS, 0),
    );
  };
  return { at, errors };
}

/** The logarithm of how far off a prediction is. */
function logSize(error: number): number {
  return Math.log(Math.max(LEAST_ERROR, Math.abs(error)));
}

/**
 * Quantiles of the errors in units of their expected size, with the margin that finite samples need.
 * @param surprises log(size) minus its expectation
 */
function scaledQuantiles(
  errors: Float64Array,
  surprises: Float64Array,
  coverage: number,
): readonly [number, number] {
  const scaled = errors
    .map((error, row) => error / Math.exp(logSize(error) - (surprises[row] ?? 0)))
    .sort();
  const outside = ((1 - coverage) / 2) * (scaled.length + 1);
  const low = Math.max(0, Math.floor(outside) - 1);
  const high = Math.min(scaled.length - 1, Math.ceil(scaled.length + 1 - outside) - 1);
  return [Math.min(0, scaled[low] ?? 0), Math.max(0, scaled[high] ?? 0)];
}

function checkKnown(known: readonly KnownCell[], coverage: number): void {
  if (!(coverage > 0 && coverage < 1)) {
    throw new InputError({
      code: "latency/bad-coverage",
      message: `A coverage of ${coverage} is no probability between 0 and 1.`,
      hint: "Ask for 0.9.",
    });
  }
  if (known.length < FEWEST_CELLS) {
    throw new InputError({
      code: "latency/few-cells",
      message: `${known.length} measured cells are too few to predict others from.`,
      hint: `Measure at least ${FEWEST_CELLS}.`,
    });
  }
  for (const cell of known) {
    checkCell(cell);
    if (!(cell.ms > 0) || !Number.isFinite(cell.ms)) throw badCell(cell, `takes ${cell.ms} ms`);
  }
}

const COUNTS = [
  "batch",
  "inChannels",
  "outChannels",
  "height",
  "width",
  "kernel",
  "stride",
] as const;

function checkCell(cell: OpCell): void {
  for (const name of COUNTS) {
    if (!Number.isInteger(cell[name]) || cell[name] < 1) {
      throw badCell(cell, `has ${name} ${cell[name]}`);
    }
  }
}

function badCell(cell: OpCell, what: string): InputError {
  const { inChannels, outChannels, height, width, kernel, stride, batch } = cell;
  return new InputError({
    code: "latency/bad-cell",
    message: `A cell ${what}.`,
    where: `convolution ${inChannels} to ${outChannels}, ${kernel}x${kernel} / ${stride}, ${height}x${width}, batch ${batch}`,
    hint: "Sizes are whole numbers from 1, times are milliseconds above 0.",
  });
}
