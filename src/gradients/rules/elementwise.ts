/** Ops whose operands broadcast to one shape. What broadcasting repeats is summed in the gradient. */
import type { Emitter } from "../emitter.ts";
import {
  add,
  cast,
  compare,
  divide,
  multiply,
  power,
  scalar,
  scale,
  subtract,
  sumTo,
  unary,
  where,
} from "../ops.ts";
import { noRule, type Rule, type Site } from "../rule.ts";

/** Gradient of one operand in the shape of the result; null where it has none. */
type Operand = (site: Site, index: number) => string | null;

const negative = (e: Emitter, x: string): string => unary(e, "Neg", x);

const product: Operand = ({ emit: e, gradient, input }, index) =>
  multiply(e, gradient, input(1 - index));

// (a / b): 1/b and -a/b^2 = -y/b.
const quotient: Operand = ({ emit: e, gradient, input, output }, index) => {
  const share = divide(e, gradient, input(1));
  return index === 0 ? share : negative(e, multiply(e, share, output));
};

// x^p: p x^(p-1), and y log(x), which is taken as 0 where x is not positive.
const raised: Operand = (site, index) => {
  const { emit: e, gradient, output } = site;
  const [x, exponent] = [site.input(0), site.input(1)];
  if (index === 1) {
    const positive = compare(e, "Greater", x, scalar(e, 0, x));
    const logarithm = unary(e, "Log", where(e, positive, x, scalar(e, 1, x)));
    return multiply(e, gradient, multiply(e, output, logarithm));
  }
  const known = site.constant(1);
  if (known?.length === 1 && known[0] === 2) return multiply(e, gradient, scale(e, x, 2));
  const p = cast(e, exponent, e.typeOf(x));
  const slope = multiply(e, p, power(e, x, subtract(e, p, scalar(e, 1, p))));
  return multiply(e, gradient, slope);
};

// Operands that are equal share the gradient.
const extreme: Operand = ({ emit: e, gradient, input, output, node }, index) => {
  const chosen = (name: string): string =>
    cast(e, compare(e, "Equal", name, output), e.typeOf(gradient));
  const count = node.inputs.map(chosen).reduce((sum, each) => add(e, sum, each));
  return multiply(e, gradient, divide(e, chosen(input(index)), count));
};

const choice: Operand = ({ emit: e, gradient, input }, index) => {
  if (index === 0) return null;
  const none = scalar(e, 0, gradient);
  const [yes, no] = index === 1 ? [gradient, none] : [none, gradient];
  return where(e, input(0), yes, no);
};

const parametricRelu: Operand = ({ emit: e, gradient, input }, index) => {
  const positive = compare(e, "Greater", input(0), scalar(e, 0, gradient));
  return index === 0
    ? multiply(e, gradient, where(e, positive, scalar(e, 1, gradient), input(1)))
    : where(e, positive, scalar(e, 0, gradient), multiply(e, gradient, input(0)));
};

const OPERANDS: Readonly<Record<string, Operand>> = {
  Add: ({ gradient }) => gradient,
  Sub: ({ emit: e, gradient }, index) => (index === 0 ? gradient : negative(e, gradient)),
  Mul: product,
  Div: quotient,
  Pow: raised,
  Max: extreme,
  Min: extreme,
  Sum: ({ gradient }) => gradient,
  Mean: ({ emit: e, gradient, node }) => scale(e, gradient, 1 / node.inputs.length),
  Where: choice,
  PRelu: parametricRelu,
};

export function hasOperandRule(name: string): boolean {
  return Object.hasOwn(OPERANDS, name);
}

export const elementwise: Rule<"elementwise"> = (op, site) => {
  const operand = OPERANDS[op.function];
  if (operand === undefined) throw noRule(site.node);
  const { emit: e } = site;
  return site.node.inputs.map((name, index) => {
    if (op.function === "Where" && index === 0) return null;
    return () => sumTo(e, operand(site, index) ?? site.gradient, e.shapeOf(name));
  });
};
