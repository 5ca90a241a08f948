/** Losses of values that should be near to given numbers. */
import { appended, type Lossy, staticOf, withInput } from "../../gradients/losses.ts";
import { axesFrom, multiply, reduce, subtract, unary } from "../../gradients/ops.ts";
import type { Graph } from "../../graph/graph.ts";

export interface RegressionOptions {
  readonly value: string;
  /** Name of a new input of the value's shape and type. */
  readonly target: string;
  /** `square`: (value - target)^2; `absolute`: |value - target|. */
  readonly distance?: "square" | "absolute";
}

/** Mean over all elements of the distance to the target. */
export function regressionLoss(graph: Graph, options: RegressionOptions): Lossy {
  const { value, target, distance = "square" } = options;
  const { type, shape } = staticOf(graph, value);
  const fed = withInput(graph, { name: target, type, shape });
  return appended(fed, "loss/regression", (e) => {
    const difference = subtract(e, value, target);
    const each =
      distance === "square" ? multiply(e, difference, difference) : unary(e, "Abs", difference);
    return reduce(e, "Mean", each, axesFrom(shape, 0));
  });
}
