import { at } from "../../core/at.ts";
import { floatAttribute, intAttribute } from "../../graph/graph.ts";
import {
  type Fused,
  Kept,
  MICROSOFT,
  optional,
  refuseOutputs,
  required,
  scalar,
  stepsOf,
  type Unfold,
} from "./rule.ts";

/** x / sqrt(mean(x^2) + epsilon) times scale, over the last axis. */
function rootMeanSquare(fused: Fused, x: string, scale: string, epsilon: number): void {
  const { step, last } = stepsOf(fused);
  const { writer } = fused;
  const axes = [-1];
  const square = step("Mul", [x, x]);
  const mean =
    writer.opset >= 18
      ? step("ReduceMean", [square, writer.ints(`${square}_axes`, axes)], { keepdims: 1 })
      : step("ReduceMean", [square], { axes, keepdims: 1 });
  const root = step("Sqrt", [step("Add", [mean, scalar(fused, "epsilon", epsilon)])]);
  last("Mul", [step("Div", [x, root]), scale]);
}

/** Where the last axis is not the only one that is normalised, the op stays. */
function refuseOtherAxes(fused: Fused): void {
  const { node, shapes } = fused;
  const axis = intAttribute(node, "axis", -1);
  const rank = shapes.of(required(fused, 0))?.shape.length;
  if (axis !== -1 && axis + 1 !== rank) throw new Kept("it normalises more than the last axis");
}

const rmsNorm: Unfold = (fused) => {
  refuseOtherAxes(fused);
  refuseOutputs(fused, { 1: "the root of the mean square" });
  const epsilon = floatAttribute(fused.node, "epsilon", 1e-5);
  rootMeanSquare(fused, required(fused, 0), required(fused, 1), epsilon);
};

/** Input, skip and bias added; under the name of the fourth output, where the op gives that. */
function summed(fused: Fused, bias: string | null): string {
  const { node, writer } = fused;
  const sum = node.outputs[3] ?? "";
  const named = (isLast: boolean): { readonly output: string } | { readonly wanted: string } =>
    isLast && sum !== "" ? { output: sum } : { wanted: `${at(node.outputs, 0)}_sum` };
  const first = writer.node("Add", [required(fused, 0), required(fused, 1)], named(bias === null));
  return bias === null ? first : writer.node("Add", [first, bias], named(true));
}

const STATISTICS = { 1: "the mean", 2: "the inverse of the deviation" } as const;

const skipLayerNorm: Unfold = (fused) => {
  const { node } = fused;
  refuseOutputs(fused, STATISTICS);
  const shift = optional(fused, 3);
  const sum = summed(fused, optional(fused, 4));
  const inputs = [sum, required(fused, 2), ...(shift === null ? [] : [shift])];
  const epsilon = { float: floatAttribute(node, "epsilon", 1e-12) };
  stepsOf(fused).last("LayerNormalization", inputs, { axis: -1, epsilon });
};

const skipRmsNorm: Unfold = (fused) => {
  refuseOutputs(fused, STATISTICS);
  const sum = summed(fused, optional(fused, 3));
  const epsilon = floatAttribute(fused.node, "epsilon", 1e-12);
  rootMeanSquare(fused, sum, required(fused, 2), epsilon);
};

export const fusedNorms: readonly (readonly [string, Unfold])[] = [
  [":RMSNormalization", rmsNorm],
  [":SimplifiedLayerNormalization", rmsNorm],
  [`${MICROSOFT}:SimplifiedLayerNormalization`, rmsNorm],
  [`${MICROSOFT}:SkipLayerNormalization`, skipLayerNorm],
  [`${MICROSOFT}:SkipSimplifiedLayerNormalization`, skipRmsNorm],
];
