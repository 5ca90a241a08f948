import { floatAttribute } from "../../graph/graph.ts";
import { type Fused, MICROSOFT, optional, required, scalar, stepsOf, type Unfold } from "./rule.ts";

/** x with the bias of the op added, where it has one. */
function biased(fused: Fused): string {
  const bias = optional(fused, 1);
  const x = required(fused, 0);
  return bias === null ? x : stepsOf(fused).step("Add", [x, bias]);
}

/** x / 2 (1 + erf(x / sqrt(2))), as PyTorch writes it. */
const gelu: Unfold = (fused) => {
  const { step, last } = stepsOf(fused);
  const x = biased(fused);
  const erf = step("Erf", [step("Div", [x, scalar(fused, "root", Math.SQRT2)])]);
  const open = step("Add", [erf, scalar(fused, "one", 1)]);
  last("Mul", [step("Mul", [x, open]), scalar(fused, "half", 0.5)]);
};

/** x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) with the constants of onnxruntime's kernel. */
const fastGelu: Unfold = (fused) => {
  const { step, last } = stepsOf(fused);
  const x = biased(fused);
  const square = step("Mul", [x, x]);
  const cubic = step("Mul", [square, scalar(fused, "cubic", 0.035677408136300125)]);
  const slope = step("Add", [cubic, scalar(fused, "linear", 0.7978845608028654)]);
  const open = step("Add", [step("Tanh", [step("Mul", [x, slope])]), scalar(fused, "one", 1)]);
  last("Mul", [step("Mul", [x, open]), scalar(fused, "half", 0.5)]);
};

/** x sigmoid(alpha x) */
const quickGelu: Unfold = (fused) => {
  const { step, last } = stepsOf(fused);
  const x = required(fused, 0);
  const alpha = scalar(fused, "alpha", floatAttribute(fused.node, "alpha", 1.702));
  last("Mul", [x, step("Sigmoid", [step("Mul", [x, alpha])])]);
};

export const fusedActivations: readonly (readonly [string, Unfold])[] = [
  [`${MICROSOFT}:Gelu`, gelu],
  [`${MICROSOFT}:BiasGelu`, gelu],
  [`${MICROSOFT}:FastGelu`, fastGelu],
  [`${MICROSOFT}:QuickGelu`, quickGelu],
];
