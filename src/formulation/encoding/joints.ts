import type { AxisRef } from "../problem/problem.ts";
import { axisCounts, axisName, unravel } from "../problem/problem-axes.ts";
import { type Activity, activityKey, addEntries, type Context, type State } from "./context.ts";
import { stateOf } from "./presence.ts";

/**
 * The joint state of several axes by its marginals. Two axes with states x and x':
 *
 *     sum over j of w[i][j] = x[i],   sum over i of w[i][j] = x'[j],   w >= 0
 *
 * Three and more are chained: w over the first two is the state that is joined with the third. With x and x'
 * integral w is their product, so that it needs no integrality; and its relaxation is the convex hull of one table's
 * pairs, which is why the bounds are tight.
 *
 * Returns the first column of the row-major product.
 */
export function jointOf(context: Context, axes: readonly AxisRef[], activity: Activity): number {
  const key = `${axes.map((axis) => `${axis.kind}${axis.index}`).join("x")}${activityKey(activity)}`;
  const known = context.joints.get(key);
  if (known !== undefined) return known;
  const last = axes.at(-1);
  const before = axes.slice(0, -1);
  if (last === undefined || before.length === 0) throw new RangeError("a joint needs two axes");
  const first = addJoint(
    context,
    axes,
    activity,
    stateOfMany(context, before, activity),
    stateOf(context, last, activity),
  );
  context.joints.set(key, first);
  return first;
}

function stateOfMany(context: Context, axes: readonly AxisRef[], activity: Activity): State {
  const [only] = axes;
  if (axes.length === 1 && only !== undefined) return stateOf(context, only, activity);
  const first = jointOf(context, axes, activity);
  const size = axes.reduce(
    (product, axis) => product * axisCounts(context.problem, axis).length,
    1,
  );
  return Array.from({ length: size }, (_, cell) => [{ column: first + cell, coefficient: 1 }]);
}

function addJoint(
  context: Context,
  axes: readonly AxisRef[],
  activity: Activity,
  left: State,
  right: State,
): number {
  const { problem, builder } = context;
  const sizes = axes.map((axis) => axisCounts(problem, axis).length);
  const label = (): string =>
    `${axes.map((axis) => axisName(problem, axis)).join(",")}|${activityKey(activity)}`;
  const width = right.length;
  const first = builder.unitColumns(
    left.length * width,
    (cell) => `w[${label()}](${unravel(cell, sizes).join(",")})`,
  );
  left.forEach((entries, i) => {
    builder.row(0, 0, () => `left[${label()}](${i})`);
    for (let j = 0; j < width; j += 1) builder.entry(first + i * width + j, 1);
    addEntries(context, entries, -1);
  });
  right.forEach((entries, j) => {
    builder.row(0, 0, () => `right[${label()}](${j})`);
    for (let i = 0; i < left.length; i += 1) builder.entry(first + i * width + j, 1);
    addEntries(context, entries, -1);
  });
  return first;
}
