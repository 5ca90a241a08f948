import { at } from "../../core/at.ts";
import { VerificationError } from "../../core/errors.ts";
import type { AxisRef, Problem, ProblemResource, ProblemTerm, Selection } from "./problem.ts";
import { axisCounts, axisName, blockChain, ravel, sumValue } from "./problem-axes.ts";

/** What a selection earns and uses. */
export interface Evaluation {
  readonly objective: number;
  /** One number per resource, in its unit. */
  readonly usage: readonly number[];
}

/** Sums of many measured numbers may differ by this much of their size, depending on the order. */
const ROUNDING = 1e-9;

/**
 * Objective and usage of a selection, recomputed from the problem's tables alone: nothing here knows the
 * mixed-integer program or a solver.
 *
 * @throws VerificationError `formulation/selection-shape`, `formulation/block-nesting`, `formulation/layer-in-dropped-block`,
 * `formulation/tie-broken`, `formulation/exclusive-layers`
 */
export function evaluate(problem: Problem, selection: Selection): Evaluation {
  checkStructure(problem, selection);
  let objective = 0;
  const usage = problem.resources.map(() => 0);
  for (const term of problem.terms) {
    if (!isActive(problem, term, selection)) continue;
    const cell = cellOf(problem, term, selection);
    objective += cellValue(term.gain, cell);
    usage.forEach((used, resource) => {
      usage[resource] = used + cellValue(term.cost[resource], cell);
    });
  }
  for (const layer of selection.droppedLayers) {
    const { tie, tieGain, tieCost } = at(problem.layers, layer);
    if (tie === null) continue;
    const option = at(selection.options, tie.outlives);
    // A dim that is gone earns nothing.
    if (option < 0) continue;
    objective += at(tieGain, option);
    usage.forEach((used, resource) => {
      usage[resource] = used + cellValue(tieCost?.[resource], option);
    });
  }
  return { objective: objective - penaltyOf(problem.resources, usage), usage };
}

/** The value of a cell; 0 where a term has no such table. */
export function cellValue(table: ArrayLike<number> | null | undefined, cell: number): number {
  return table === null || table === undefined ? 0 : at(table, cell);
}

/** What soft limits take from the objective; for the resources of a group once, for the largest excess. */
export function penaltyOf(resources: readonly ProblemResource[], usage: readonly number[]): number {
  const paid = new Map<string, number>();
  resources.forEach(({ penalty, limit, group }, index) => {
    if (!penalty) return;
    const price = penalty * Math.max(0, at(usage, index) - limit);
    const key = group ?? `#${index}`;
    paid.set(key, Math.max(price, paid.get(key) ?? 0));
  });
  return [...paid.values()].reduce((sum, price) => sum + price, 0);
}

/**
 * Refuses a selection that breaks a structural rule, exceeds a limit, or doesn't earn what is claimed for it.
 *
 * @param claimed the objective that a solver reports, if there is one to compare with
 * @throws VerificationError `formulation/over-limit`, `formulation/objective-differs`, and as `evaluate`
 */
export function checkSelection(
  problem: Problem,
  selection: Selection,
  claimed?: number,
): Evaluation {
  const evaluation = evaluate(problem, selection);
  problem.resources.forEach((resource, index) => {
    const used = evaluation.usage[index] ?? Number.NaN;
    if (!isMet(resource, used)) {
      refuse(
        "over-limit",
        `The selection uses ${used} ${resource.unit} of ${resource.name}; the limit is ${resource.limit}.`,
        problem,
      );
    }
  });
  const isClaimed =
    claimed === undefined ||
    Math.abs(evaluation.objective - claimed) <= claimTolerance(problem, evaluation);
  if (!isClaimed) {
    refuse(
      "objective-differs",
      `The selection earns ${evaluation.objective}, not ${claimed} as claimed.`,
      problem,
    );
  }
  return evaluation;
}

/** Whether a usage is allowed: any is where the limit is soft. */
export function isMet({ limit, penalty }: ProblemResource, used: number): boolean {
  return Boolean(penalty) || isWithinLimit(used, limit);
}

/** Whether a usage is within its limit, but for the rounding of a sum. */
export function isWithinLimit(used: number, limit: number): boolean {
  return used <= limit + ROUNDING * Math.abs(limit);
}

/** No selection earns more: every table at its best cell, whatever it costs, and no penalty. A bound where a solver proved none. */
export function mostPossible(problem: Problem): number {
  const best = (gains: Iterable<number>, least: number): number => {
    let most = least;
    for (const gain of gains) most = Math.max(most, gain);
    return most;
  };
  const tables = problem.terms.reduce((sum, { gain, block, layer }) => {
    if (gain === null) return sum;
    // What can be dropped can earn nothing instead.
    return sum + best(gain, block === null && layer === null ? Number.NEGATIVE_INFINITY : 0);
  }, 0);
  return problem.layers.reduce((sum, { tieGain }) => sum + best(tieGain, 0), tables);
}

/** Solvers sum in another order and accept rows within a tolerance: one part in a million of all that can be earned. */
function claimTolerance(problem: Problem, { usage }: Evaluation): number {
  let total = penaltyOf(problem.resources, usage);
  const add = (gains: Iterable<number>): void => {
    let largest = 0;
    for (const gain of gains) largest = Math.max(largest, Math.abs(gain));
    total += largest;
  };
  for (const { gain } of problem.terms) add(gain ?? []);
  for (const { tieGain } of problem.layers) add(tieGain);
  return 1e-6 * total + Number.EPSILON;
}

/**
 * Refuses a selection that isn't one: a wrong length, a dim without an option, a kept block inside a dropped
 * one, a dropped layer whose tied dims differ, two dropped layers that exclude each other.
 */
function checkStructure(problem: Problem, selection: Selection): void {
  checkBlocks(problem, selection);
  checkOptions(problem, selection);
  checkLayers(problem, selection);
}

function checkBlocks(problem: Problem, { droppedBlocks }: Selection): void {
  for (const block of droppedBlocks) {
    if (problem.blocks[block] === undefined) {
      refuse("selection-shape", `There is no block ${block} to drop.`, problem);
    }
  }
  problem.blocks.forEach(({ name, parent }, block) => {
    if (parent !== null && droppedBlocks.has(parent) && !droppedBlocks.has(block)) {
      refuse("block-nesting", `Block '${name}' is kept inside a dropped block.`, problem);
    }
  });
}

function checkOptions(problem: Problem, { options, droppedBlocks }: Selection): void {
  if (options.length !== problem.dims.length) {
    refuse(
      "selection-shape",
      `The selection has ${options.length} options for ${problem.dims.length} dims.`,
      problem,
    );
  }
  problem.dims.forEach((dim, index) => {
    const option = options[index] ?? Number.NaN;
    const isGone = dim.block !== null && droppedBlocks.has(dim.block);
    const isOption = Number.isInteger(option) && option >= 0 && option < dim.counts.length;
    if (isGone ? option !== -1 : !isOption) {
      refuse(
        "selection-shape",
        `Dim '${dim.name}' has option ${option} of ${dim.counts.length}; its block is ${isGone ? "dropped" : "kept"}.`,
        problem,
      );
    }
  });
}

function checkLayers(problem: Problem, { options, droppedBlocks, droppedLayers }: Selection): void {
  for (const index of droppedLayers) {
    const layer = problem.layers[index];
    if (layer === undefined) {
      refuse("selection-shape", `There is no layer ${index} to drop.`, problem);
    }
    if (layer.block !== null && droppedBlocks.has(layer.block)) {
      refuse(
        "layer-in-dropped-block",
        `Layer '${layer.name}' is dropped on its own inside a dropped block.`,
        problem,
      );
    }
    if (layer.tie !== null && options[layer.tie.outlives] !== options[layer.tie.tied]) {
      refuse(
        "tie-broken",
        `Layer '${layer.name}' is dropped, but the dims on its sides have options ${options[layer.tie.outlives]} and ${options[layer.tie.tied]}.`,
        problem,
      );
    }
  }
  for (const [first, second] of problem.exclusiveLayers) {
    if (droppedLayers.has(first) && droppedLayers.has(second)) {
      refuse(
        "exclusive-layers",
        `Layers '${problem.layers[first]?.name}' and '${problem.layers[second]?.name}' are both dropped, which excludes itself.`,
        problem,
      );
    }
  }
}

function isActive(problem: Problem, term: ProblemTerm, selection: Selection): boolean {
  if (term.layer !== null && selection.droppedLayers.has(term.layer)) return false;
  return !blockChain(problem, term.block).some((block) => selection.droppedBlocks.has(block));
}

function cellOf(problem: Problem, term: ProblemTerm, selection: Selection): number {
  const index = term.axes.map((axis) => optionOf(problem, axis, selection));
  const sizes = term.axes.map((axis) => axisCounts(problem, axis).length);
  return ravel(index, sizes);
}

function optionOf(problem: Problem, axis: AxisRef, selection: Selection): number {
  const counts = axisCounts(problem, axis);
  const option =
    axis.kind === "dim"
      ? (selection.options[axis.index] ?? -1)
      : counts.indexOf(unitsOf(problem, axis, selection));
  if (counts[option] === undefined) {
    return refuse(
      "selection-shape",
      `'${axisName(problem, axis)}' has no option in this selection, but a table needs it.`,
      problem,
    );
  }
  return option;
}

function unitsOf(problem: Problem, axis: AxisRef, selection: Selection): number {
  if (axis.kind === "dim") {
    return axisCounts(problem, axis)[selection.options[axis.index] ?? -1] ?? Number.NaN;
  }
  const sum = problem.sums[axis.index];
  if (sum === undefined) return Number.NaN;
  return sumValue(
    sum,
    unitsOf(problem, sum.left, selection),
    unitsOf(problem, sum.right, selection),
  );
}

function refuse(what: string, message: string, problem: Problem): never {
  throw new VerificationError({
    code: `formulation/${what}`,
    message,
    where: problem.name,
    hint: "This is a fault of the program, not of your input: please report it with the files that led here.",
  });
}
