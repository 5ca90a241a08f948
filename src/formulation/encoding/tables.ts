import { at } from "../../core/at.ts";
import type { AxisRef, Problem, ProblemTerm } from "../problem/problem.ts";
import { simplifyTerm, tableSize } from "../problem/problem-axes.ts";
import { type Activity, activityColumn, activityKey, type Context, type Entry } from "./context.ts";
import { jointOf } from "./joints.ts";
import { stateOf } from "./presence.ts";

/** The left-hand side of a resource: constant + sum of coefficients[k] * x[columns[k]]. */
export interface Usage {
  constant: number;
  readonly columns: number[];
  readonly coefficients: number[];
}

/**
 * What the tables earn and cost:
 *
 *     objective += sum over cells of gain[cell] * state(cell)
 *     usage[r]  += sum over cells of cost[r][cell] * state(cell)
 *
 * where state is the activity itself for a table of one number, the axis' state for one axis, and the joint state
 * for more. Tables over the same axes in the same activity share it.
 */
export function addTables(context: Context): Usage[] {
  const { problem, builder } = context;
  const usages = problem.resources.map(
    (): Usage => ({ constant: 0, columns: [], coefficients: [] }),
  );
  for (const group of groupTerms(problem)) {
    const states = cellStates(context, group);
    eachEntry(group.gain, states, builder.addOffset, builder.addObjective);
    usages.forEach((usage, resource) => {
      const addConstant = (amount: number): void => {
        usage.constant += amount;
      };
      eachEntry(group.cost[resource] ?? null, states, addConstant, (column, coefficient) => {
        usage.columns.push(column);
        usage.coefficients.push(coefficient);
      });
    });
  }
  return usages;
}

/** The entries whose sum is 1 in a cell and 0 elsewhere; null for the constant 1. */
type CellStates = (cell: number) => readonly Entry[] | null;

function eachEntry(
  table: Float64Array | null,
  states: CellStates,
  addConstant: (amount: number) => void,
  addEntry: (column: number, coefficient: number) => void,
): void {
  table?.forEach((amount, cell) => {
    if (amount === 0) return;
    const entries = states(cell);
    if (entries === null) addConstant(amount);
    else for (const { column, coefficient } of entries) addEntry(column, amount * coefficient);
  });
}

function cellStates(context: Context, { axes, activity }: TableGroup): CellStates {
  const [only] = axes;
  if (only === undefined) {
    const column = activityColumn(context, activity);
    const entries = column === null ? null : [{ column, coefficient: 1 }];
    return () => entries;
  }
  if (axes.length === 1) {
    const state = stateOf(context, only, activity);
    return (cell) => at(state, cell);
  }
  const first = jointOf(context, axes, activity);
  return (cell) => [{ column: first + cell, coefficient: 1 }];
}

/** All terms over the same axes in the same activity, summed. */
interface TableGroup {
  readonly axes: readonly AxisRef[];
  readonly activity: Activity;
  gain: Float64Array | null;
  readonly cost: (Float64Array | null)[];
}

function groupTerms(problem: Problem): TableGroup[] {
  const groups = new Map<string, TableGroup>();
  for (const term of problem.terms.map((each) => simplifyTerm(problem, each))) {
    const activity = { block: term.block, layer: term.layer };
    const key = [activityKey(activity), ...term.axes.map(({ kind, index }) => kind + index)].join();
    const group = groups.get(key) ?? emptyGroup(problem, term, activity);
    groups.set(key, group);
    const size = tableSize(problem, term.axes);
    group.gain = added(group.gain, term.gain, size);
    problem.resources.forEach((_, resource) => {
      const total = added(group.cost[resource] ?? null, term.cost[resource] ?? null, size);
      group.cost[resource] = total;
    });
  }
  return [...groups.values()];
}

function emptyGroup(problem: Problem, term: ProblemTerm, activity: Activity): TableGroup {
  return { axes: term.axes, activity, gain: null, cost: problem.resources.map(() => null) };
}

function added(
  total: Float64Array | null,
  table: Float64Array | null,
  size: number,
): Float64Array | null {
  if (table === null) return total;
  const result = total ?? new Float64Array(size);
  table.forEach((amount, cell) => {
    result[cell] = at(result, cell) + amount;
  });
  return result;
}
