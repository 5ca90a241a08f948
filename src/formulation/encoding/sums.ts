import type { ProblemSum } from "../problem/problem.ts";
import { axisCounts, axisHome, sumValue } from "../problem/problem-axes.ts";
import type { Context } from "./context.ts";
import { jointOf } from "./joints.ts";
import { stateKey } from "./presence.ts";

/**
 * A count that is the sum or the product of two others, with p the joint state of the two (joints.ts):
 *
 *     u[s] = sum over i, j with leftUnits * left[i] + rightUnits * right[j] + productUnits * left[i] * right[j] = values[s]
 *            of p[i][j]
 *
 * A sum refers only to sums before it, so that they are added in their order.
 */
export function addSums(context: Context): void {
  context.problem.sums.forEach((sum, index) => {
    addSum(context, sum, index);
  });
}

function addSum(context: Context, sum: ProblemSum, index: number): void {
  const { problem, builder } = context;
  const axis = { kind: "sum", index } as const;
  // One operand may live on outside the block of the other; the joint state sees both from inside.
  const activity = { block: axisHome(problem, axis), layer: null };
  const first = jointOf(context, [sum.left, sum.right], activity);
  const left = axisCounts(problem, sum.left);
  const right = axisCounts(problem, sum.right);
  const columns = builder.unitColumns(sum.values.length, (s) => `u[${sum.name},${sum.values[s]}]`);
  const pairs = sum.values.map((): number[] => []);
  const optionOf = new Map(sum.values.map((value, option) => [value, option]));
  left.forEach((leftCount, i) => {
    right.forEach((rightCount, j) => {
      const option = optionOf.get(sumValue(sum, leftCount, rightCount));
      if (option !== undefined) pairs[option]?.push(first + i * right.length + j);
    });
  });
  pairs.forEach((members, s) => {
    builder.row(0, 0, () => `sum[${sum.name},${sum.values[s]}]`);
    builder.entry(columns + s, 1);
    for (const member of members) builder.entry(member, -1);
  });
  const state = sum.values.map((_, s) => [{ column: columns + s, coefficient: 1 }]);
  context.states.set(stateKey(axis, activity), state);
}
