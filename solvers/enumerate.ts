import { type Model, objectiveOf } from "../src/mip/model.ts";
import type { Outcome, SolveOptions, Solver, SolveStats } from "../src/mip/solver.ts";

const TOLERANCE = 1e-9;
/** Beyond this many integer columns the enumeration would not end in a lifetime. */
const MOST_INTEGERS = 40;

/**
 * The oracle of tiny models: tries every value of every integer column, depth first, and after each trial tightens the
 * bounds of all columns through the rows until nothing moves. No relaxation, no cuts, no bounding by the
 * objective: nothing that could be wrong in the same way as in a real solver. A continuous column must follow from
 * the integer ones by such tightening, as it does in the programs of this project; otherwise the solve fails.
 */
export function createEnumerator(): Solver {
  return {
    name: "enumerate",
    solve: (model, options = {}) => Promise.resolve(enumerate(model, options)),
    close: () => Promise.resolve(),
  };
}

interface Search {
  readonly model: Model;
  readonly integers: readonly number[];
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
  nodes: number;
  values: Float64Array | null;
  objective: number;
  stopped: boolean;
  undetermined: string | null;
}

function enumerate(model: Model, options: SolveOptions): Outcome {
  const began = performance.now();
  const integers = [...model.integer.keys()].filter((column) => model.integer[column] === 1);
  const search: Search = {
    model,
    integers,
    deadline: began + (options.timeLimitSeconds ?? Number.POSITIVE_INFINITY) * 1000,
    signal: options.signal,
    nodes: 0,
    values: null,
    objective: Number.NaN,
    stopped: false,
    undetermined: integers.length > MOST_INTEGERS ? `${integers.length} integer columns` : null,
  };
  if (search.undetermined === null) {
    visit(search, model.columnLower.slice(), model.columnUpper.slice(), 0);
  }
  return outcomeOf(search, (performance.now() - began) / 1000, options);
}

function outcomeOf(search: Search, seconds: number, options: SolveOptions): Outcome {
  const { values, objective, nodes, model } = search;
  const stats: SolveStats = { seconds, nodes, lpIterations: 0, memoryBytes: 0 };
  if (search.undetermined !== null) {
    const message = `the enumerator can't decide this model: ${search.undetermined}`;
    return { status: "failed", message, incumbent: null, stats };
  }
  const reason = options.signal?.aborted === true ? "interrupted" : "time-limit";
  const bound = model.sense === "maximize" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  if (search.stopped) {
    if (values === null) return { status: "no-solution", bound, reason, stats };
    const gap = Number.POSITIVE_INFINITY;
    return { status: "feasible", values, objective, bound, gap, reason, stats };
  }
  if (values === null) return { status: "infeasible", stats };
  return { status: "optimal", values, objective, bound: objective, gap: 0, stats };
}

/** Tries all values of the integer columns from position `at` on. Owns the two bound arrays. */
function visit(search: Search, lower: Float64Array, upper: Float64Array, at: number): void {
  search.nodes += 1;
  if (performance.now() > search.deadline || search.signal?.aborted === true) search.stopped = true;
  if (search.stopped || search.undetermined !== null) return;
  if (!tighten(search.model, lower, upper)) return;
  const column = search.integers[at];
  if (column === undefined) {
    takePoint(search, lower, upper);
    return;
  }
  const low = lower[column] ?? 0;
  const high = upper[column] ?? 0;
  if (!Number.isFinite(low) || !Number.isFinite(high)) {
    search.undetermined = `column ${search.model.columnName(column)} has no finite bounds`;
    return;
  }
  for (let value = Math.ceil(low - TOLERANCE); value <= high + TOLERANCE; value += 1) {
    const nextLower = lower.slice();
    const nextUpper = upper.slice();
    nextLower[column] = value;
    nextUpper[column] = value;
    visit(search, nextLower, nextUpper, at + 1);
  }
}

function takePoint(search: Search, lower: Float64Array, upper: Float64Array): void {
  const { model } = search;
  const values = new Float64Array(model.columnCount);
  for (let column = 0; column < model.columnCount; column += 1) {
    const low = lower[column] ?? 0;
    if ((upper[column] ?? 0) - low > 1e-6) {
      search.undetermined = `column ${model.columnName(column)} doesn't follow from the integer ones`;
      return;
    }
    values[column] = model.integer[column] === 1 ? Math.round(low) : low;
  }
  const objective = objectiveOf(model, values);
  const better =
    model.sense === "maximize" ? objective > search.objective : objective < search.objective;
  if (search.values === null || better) {
    search.values = values;
    search.objective = objective;
  }
}

/** Tightens all bounds through all rows until nothing moves; false where a row can't be met. */
function tighten(model: Model, lower: Float64Array, upper: Float64Array): boolean {
  for (let moved = true; moved; ) {
    moved = false;
    for (let row = 0; row < model.rowCount; row += 1) {
      const change = tightenRow(model, row, lower, upper);
      if (change === "broken") return false;
      if (change === "moved") moved = true;
    }
  }
  return true;
}

function tightenRow(
  model: Model,
  row: number,
  lower: Float64Array,
  upper: Float64Array,
): "broken" | "moved" | "same" {
  const from = model.rowStarts[row] ?? 0;
  const to = model.rowStarts[row + 1] ?? 0;
  const rowLow = model.rowLower[row] ?? 0;
  const rowHigh = model.rowUpper[row] ?? 0;
  let least = 0;
  let most = 0;
  let size = 1;
  for (let at = from; at < to; at += 1) {
    const [low, high] = contribution(model, at, lower, upper);
    least += low;
    most += high;
    size = Math.max(size, Math.abs(model.entryValues[at] ?? 0));
  }
  const slack = TOLERANCE * size;
  if (least > rowHigh + slack || most < rowLow - slack) return "broken";
  for (let at = from; at < to; at += 1) {
    const [low, high] = contribution(model, at, lower, upper);
    // What the others leave for this entry: rowLow - most of others <= entry <= rowHigh - least of others.
    const range = [rowLow - (most - high), rowHigh - (least - low)] as const;
    if (tightenEntry(model, at, range, lower, upper)) return "moved";
  }
  return "same";
}

function tightenEntry(
  model: Model,
  at: number,
  range: readonly [number, number],
  lower: Float64Array,
  upper: Float64Array,
): boolean {
  const column = model.entryColumns[at] ?? 0;
  const coefficient = model.entryValues[at] ?? 0;
  const ends = [range[0] / coefficient, range[1] / coefficient] as const;
  const [newLower, newUpper] = coefficient > 0 ? ends : [ends[1], ends[0]];
  const low = lower[column] ?? 0;
  const high = upper[column] ?? 0;
  if (newUpper < high - 1e-7) upper[column] = Math.max(newUpper, low);
  if (newLower > low + 1e-7) lower[column] = Math.min(newLower, upper[column] ?? 0);
  return lower[column] !== low || upper[column] !== high;
}

function contribution(
  model: Model,
  at: number,
  lower: Float64Array,
  upper: Float64Array,
): [number, number] {
  const column = model.entryColumns[at] ?? 0;
  const coefficient = model.entryValues[at] ?? 0;
  const ends = [coefficient * (lower[column] ?? 0), coefficient * (upper[column] ?? 0)] as const;
  return coefficient > 0 ? [ends[0], ends[1]] : [ends[1], ends[0]];
}
