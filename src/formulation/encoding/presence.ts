import { at } from "../../core/at.ts";
import type { AxisRef } from "../problem/problem.ts";
import { axisCounts, axisHome, axisName } from "../problem/problem-axes.ts";
import {
  type Activity,
  activityBound,
  activityKey,
  addEntries,
  type Context,
  type State,
  subtractActivity,
} from "./context.ts";

/**
 * The state of an axis while an activity holds, where x is its state in the wider activity:
 *
 *     x itself             where the axis lives and dies with the activity
 *     x[k] - t[k]          for a standing layer and a dim that the layer would tie (see layers.ts)
 *     v[k] = g * x[k]      otherwise, with g the activity's binary:  v[k] <= x[k],  sum over k of v[k] = g
 *
 * v needs no integrality: with g and x integral, x is a unit vector or zero, and v <= x with sum v = g leaves one point.
 */
export function stateOf(context: Context, axis: AxisRef, activity: Activity): State {
  const key = stateKey(axis, activity);
  const known = context.states.get(key);
  if (known !== undefined) return known;
  const state = buildState(context, axis, activity);
  context.states.set(key, state);
  return state;
}

export function stateKey(axis: AxisRef, activity: Activity): string {
  return `${axis.kind}${axis.index}${activityKey(activity)}`;
}

function buildState(context: Context, axis: AxisRef, activity: Activity): State {
  const { block, layer } = activity;
  if (layer !== null) {
    const wider = stateOf(context, axis, { block, layer: null });
    const tie = at(context.problem.layers, layer).tie;
    const first = at(context.tieColumns, layer);
    const isTied =
      tie !== null &&
      first !== null &&
      axis.kind === "dim" &&
      (axis.index === tie.outlives || axis.index === tie.tied);
    return isTied
      ? wider.map((entries, k) => [...entries, { column: first + k, coefficient: -1 }])
      : addProduct(context, axis, activity, wider);
  }
  const home = axisHome(context.problem, axis);
  if (home !== block) {
    return addProduct(context, axis, activity, stateOf(context, axis, { block: home, layer }));
  }
  // The states of sums were put into `context.states` by sums.ts.
  return at(context.dimColumns, axis.index).map((column) => [{ column, coefficient: 1 }]);
}

function addProduct(context: Context, axis: AxisRef, activity: Activity, wider: State): State {
  const { problem, builder } = context;
  const counts = axisCounts(problem, axis);
  const label = (): string => {
    const owner =
      activity.layer === null
        ? problem.blocks[activity.block ?? -1]?.name
        : problem.layers[activity.layer]?.name;
    return `${axisName(problem, axis)},${owner}`;
  };
  const first = builder.unitColumns(wider.length, (k) => `v[${label()},${counts[k]}]`);
  wider.forEach((entries, k) => {
    builder.row(Number.NEGATIVE_INFINITY, 0, () => `present_at_most[${label()},${counts[k]}]`);
    builder.entry(first + k, 1);
    addEntries(context, entries, -1);
  });
  const side = activityBound(context, activity);
  builder.row(side, side, () => `present[${label()}]`);
  for (let k = 0; k < wider.length; k += 1) builder.entry(first + k, 1);
  subtractActivity(context, activity);
  return wider.map((_, k) => [{ column: first + k, coefficient: 1 }]);
}
