import { at } from "../../core/at.ts";
import { createModelBuilder } from "../../mip/builder.ts";
import type { Model } from "../../mip/model.ts";
import type { SparsePoint } from "../../mip/solver.ts";
import type { Problem, Selection } from "../problem/problem.ts";
import { isWithin } from "../problem/problem-axes.ts";
import { addBlocks } from "./blocks.ts";
import { addChoices } from "./choices.ts";
import type { Context } from "./context.ts";
import { addLayers } from "./layers.ts";
import { addResources, powerOfTwoScale } from "./resources.ts";
import { addSums } from "./sums.ts";
import { addTables } from "./tables.ts";

/** A problem as a model, with what is needed to read an answer back. */
export interface EncodedProblem {
  readonly model: Model;
  /** The model's objective is the problem's times this power of two. */
  readonly objectiveScale: number;
  /** The selection that a point of the model stands for. */
  readonly decode: (values: Float64Array) => Selection;
  /** The integer columns of a selection, and its options; the other continuous ones follow from them. */
  readonly pointOf: (selection: Selection) => SparsePoint;
}

/**
 * The mixed-integer program of a problem (MDP, arXiv 2406.12079, equations 3 to 8, with the products of binaries
 * replaced by tables' tight marginals). The families of constraints are in encoding/, one file each.
 *
 * @param isOrdered whether a search is to branch on the order of each dim's options: more columns, fewer nodes
 */
export function encode(problem: Problem, isOrdered = false): EncodedProblem {
  const context: Context = {
    problem,
    builder: createModelBuilder(problem.name, "maximize"),
    blockColumns: [],
    isOrdered,
    dimColumns: [],
    upToColumns: [],
    layerColumns: [],
    tieColumns: [],
    states: new Map(),
    joints: new Map(),
  };
  addBlocks(context);
  addChoices(context);
  addSums(context);
  addLayers(context);
  addResources(context, addTables(context));
  const built = context.builder.build();
  // Gaps are absolute in the solver: gains of any unit must be large beside 1e-6.
  const objectiveScale = powerOfTwoScale(built.objective, 8, 24);
  const model: Model = {
    ...built,
    objective: built.objective.map((gain) => gain * objectiveScale),
    objectiveOffset: built.objectiveOffset * objectiveScale,
  };
  return {
    model,
    objectiveScale,
    decode: (values) => decode(context, values),
    pointOf: (selection) => pointOf(context, selection),
  };
}

function decode(context: Context, values: Float64Array): Selection {
  const { problem } = context;
  const isOne = (column: number): boolean => at(values, column) > 0.5;
  const droppedBlocks = new Set<number>();
  context.blockColumns.forEach((column, block) => {
    if (!isOne(column)) droppedBlocks.add(block);
  });
  const isGone = (block: number | null): boolean => block !== null && droppedBlocks.has(block);
  const droppedLayers = new Set<number>();
  context.layerColumns.forEach((column, layer) => {
    // Inside a dropped block the layer's own state has no meaning.
    if (!isOne(column) && !isGone(at(problem.layers, layer).block)) droppedLayers.add(layer);
  });
  const options = context.dimColumns.map((columns, dim) =>
    isGone(at(problem.dims, dim).block) ? -1 : columns.findIndex(isOne),
  );
  return { options, droppedBlocks, droppedLayers };
}

function pointOf(context: Context, selection: Selection): SparsePoint {
  const { problem } = context;
  const columns: number[] = [];
  const values: number[] = [];
  const set = (column: number, isOne: boolean): void => {
    columns.push(column);
    values.push(isOne ? 1 : 0);
  };
  const isKept = (block: number | null): boolean =>
    ![...selection.droppedBlocks].some((dropped) => isWithin(problem, block, dropped));
  context.blockColumns.forEach((column, block) => {
    set(column, isKept(block));
  });
  context.layerColumns.forEach((column, layer) => {
    const stands = !selection.droppedLayers.has(layer);
    set(column, stands && isKept(at(problem.layers, layer).block));
  });
  context.dimColumns.forEach((options, dim) => {
    options.forEach((column, option) => {
      set(column, selection.options[dim] === option);
    });
    context.upToColumns[dim]?.forEach((column, index) => {
      const option = selection.options[dim] ?? -1;
      // The first of these columns is the second option's.
      set(column, option >= 0 && option <= index + 1);
    });
  });
  return { columns: Int32Array.from(columns), values: Float64Array.from(values) };
}
