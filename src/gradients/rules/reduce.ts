/** Reductions and softmax. */
import { elementCount } from "../../graph/tensor.ts";
import {
  cast,
  compare,
  divide,
  expand,
  multiply,
  reduce as reduceNode,
  reshape,
  scale,
  subtract,
  unary,
} from "../ops.ts";
import { noRule, once, type Rule } from "../rule.ts";

const DIFFERENTIABLE: ReadonlySet<string> = new Set(
  "Mean Sum SumSquare L2 LogSumExp Max Min".split(" "),
);

export function hasReductionRule(reduction: string): boolean {
  return DIFFERENTIABLE.has(reduction);
}

export const reduce: Rule<"reduce"> = (op, site) => {
  const { emit: e, gradient, input, node, output } = site;
  const shape = e.shapeOf(input(0));
  if (op.axes === null) throw noRule(node, "its axes are not constant");
  const named = op.axes.map((axis) => (axis < 0 ? axis + shape.length : axis));
  const all = named.length === 0 && !op.noopWithEmptyAxes;
  const axes = new Set(all ? shape.map((_, axis) => axis) : named);
  const kept = shape.map((extent, axis) => (axes.has(axis) ? 1 : extent));
  const count = elementCount(shape.filter((_, axis) => axes.has(axis)));
  // With the reduced axes as axes of one element, the gradient broadcasts to the input.
  const along = once(() => reshape(e, gradient, kept));
  const result = once(() => reshape(e, output, kept));
  const x = input(0);
  const inputGradient = (): string => {
    switch (op.reduction) {
      case "Sum":
        return expand(e, along(), shape);
      case "Mean":
        return expand(e, scale(e, along(), 1 / count), shape);
      case "SumSquare":
        return multiply(e, scale(e, x, 2), along());
      case "L2":
        return multiply(e, x, divide(e, along(), result()));
      case "LogSumExp":
        return multiply(e, unary(e, "Exp", subtract(e, x, result())), along());
      case "Max":
      case "Min": {
        const chosen = cast(e, compare(e, "Equal", x, result()), e.typeOf(gradient));
        const ties = reduceNode(e, "Sum", chosen, [...axes], true);
        return multiply(e, chosen, divide(e, along(), ties));
      }
      default:
        throw noRule(node);
    }
  };
  return [inputGradient, null];
};

// Softmax: y (dy - sum(dy y)); its logarithm: dy - exp(y) sum(dy). `flattened` doesn't occur here; see modern-form.ts.
export const softmax: Rule<"softmax"> = (op, { emit: e, gradient, output }) => {
  const rank = e.shapeOf(gradient).length;
  const axes = [op.axis < 0 ? op.axis + rank : op.axis];
  return [
    () => {
      if (op.log) {
        const sum = reduceNode(e, "Sum", gradient, axes, true);
        return subtract(e, gradient, multiply(e, unary(e, "Exp", output), sum));
      }
      const sum = reduceNode(e, "Sum", multiply(e, gradient, output), axes, true);
      return multiply(e, output, subtract(e, gradient, sum));
    },
  ];
};
