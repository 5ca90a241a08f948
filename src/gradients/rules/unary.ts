/** Ops on single elements. */
import { floatAttribute, type Node, stringAttribute } from "../../graph/graph.ts";
import type { Emitter } from "../emitter.ts";
import {
  add,
  cast,
  compare,
  divide,
  multiply,
  scalar,
  scale,
  subtract,
  unary as unaryNode,
  where,
} from "../ops.ts";
import { noRule, type Rule, type Site } from "../rule.ts";

/** A step from 0 to 1 that is steep enough for every number but those below 1e-30; a power of two, so that products are exact. */
const STEEP = 2 ** 100;

/**
 * 1 where x lies above the bound and 0 elsewhere, in the type of x. A steep HardSigmoid is one pass over the elements; a
 * comparison and a cast are two.
 */
function above(e: Emitter, x: string, bound: number): string {
  if (e.typeOf(x) === "float32" && Math.abs(bound) < 2 ** 20) {
    const attributes = { alpha: { float: STEEP }, beta: { float: -bound * STEEP } };
    return unaryNode(e, "HardSigmoid", x, attributes);
  }
  return cast(e, compare(e, "Greater", x, scalar(e, bound, x)), e.typeOf(x));
}

/** 1 where x lies below the bound and 0 elsewhere. */
function below(e: Emitter, x: string, bound: number): string {
  if (e.typeOf(x) === "float32" && Math.abs(bound) < 2 ** 20) {
    const attributes = { alpha: { float: -STEEP }, beta: { float: bound * STEEP } };
    return unaryNode(e, "HardSigmoid", x, attributes);
  }
  return cast(e, compare(e, "Less", x, scalar(e, bound, x)), e.typeOf(x));
}

/** The gradient of the input of a function of one element. */
type Derivative = (site: Site) => string;

const times =
  (factor: (e: Emitter, x: string, y: string, node: Node) => string): Derivative =>
  ({ emit: e, gradient, input, output, node }) =>
    multiply(e, gradient, factor(e, input(0), output, node));

function oneMinus(e: Emitter, x: string): string {
  return subtract(e, scalar(e, 1, x), x);
}

function plus(e: Emitter, x: string, value: number): string {
  return add(e, x, scalar(e, value, x));
}

function leaky(e: Emitter, x: string, _y: string, node: Node): string {
  const slope = floatAttribute(node, "alpha", 0.01);
  return plus(e, scale(e, above(e, x, 0), 1 - slope), slope);
}

// alpha (exp(x) - 1) below 0, whose derivative is the output plus alpha.
function elu(e: Emitter, x: string, y: string, node: Node): string {
  const alpha = floatAttribute(node, "alpha", 1);
  const positive = compare(e, "Greater", x, scalar(e, 0, x));
  return where(e, positive, scalar(e, 1, x), plus(e, y, alpha));
}

function hardSigmoid(e: Emitter, _x: string, y: string, node: Node): string {
  const inside = multiply(e, above(e, y, 0), below(e, y, 1));
  return scale(e, inside, floatAttribute(node, "alpha", 0.2));
}

// x min(max(x/6 + 1/2, 0), 1): 0 below -3, 1 above 3, x/3 + 1/2 between.
function hardSwish(e: Emitter, x: string): string {
  const gate = unaryNode(e, "HardSigmoid", x, { alpha: { float: 1 / 6 }, beta: { float: 0.5 } });
  const inside = multiply(e, above(e, gate, 0), below(e, gate, 1));
  return add(e, gate, scale(e, multiply(e, x, inside), 1 / 6));
}

// x P(x), P the normal distribution's function: P(x) + x p(x), p its density.
function gelu(e: Emitter, x: string, _y: string, node: Node): string {
  if (stringAttribute(node, "approximate", "none") === "tanh") return geluTanh(e, x);
  const error = unaryNode(e, "Erf", scale(e, x, Math.SQRT1_2));
  const distribution = scale(e, plus(e, error, 1), 0.5);
  const square = scale(e, multiply(e, x, x), -0.5);
  const density = scale(e, unaryNode(e, "Exp", square), 1 / Math.sqrt(2 * Math.PI));
  return add(e, distribution, multiply(e, x, density));
}

// x/2 (1 + tanh(u)) with u = c (x + 0.044715 x^3), c = sqrt(2/pi).
function geluTanh(e: Emitter, x: string): string {
  const c = Math.sqrt(2 / Math.PI);
  const square = multiply(e, x, x);
  const inner = multiply(e, scale(e, x, c), plus(e, scale(e, square, 0.044715), 1));
  const tanh = unaryNode(e, "Tanh", inner);
  const slope = scale(e, plus(e, scale(e, square, 3 * 0.044715), 1), c / 2);
  const steep = multiply(e, oneMinus(e, multiply(e, tanh, tanh)), multiply(e, x, slope));
  return add(e, scale(e, plus(e, tanh, 1), 0.5), steep);
}

// Bounds are inputs 1 and 2 here; see modern-form.ts.
function clip(site: Site): string {
  const { emit: e, gradient, node } = site;
  const bound = (index: number): number | null => {
    if (site.input(index) === "") return null;
    const value = site.constant(index)?.[0];
    if (value === undefined) throw noRule(node, "its bounds are not constant");
    return value;
  };
  const [low, high] = [bound(1), bound(2)];
  // The output is at its bounds exactly where nothing comes through, and is held in memory for what follows anyway.
  const afterLow = low === null ? gradient : multiply(e, gradient, above(e, site.output, low));
  return high === null ? afterLow : multiply(e, afterLow, below(e, site.output, high));
}

// A Dropout that drops keeps a mask as its second output; elsewhere it passes everything.
function dropout(site: Site): string {
  const { emit: e, gradient, node } = site;
  if ((site.input(2) === "" ? 0 : (site.constant(2)?.[0] ?? 1)) === 0) return gradient;
  const ratio = site.input(1) === "" ? 0.5 : (site.constant(1)?.[0] ?? 0.5);
  const mask = e.openOutput(node, 1, { type: "bool", shape: e.shapeOf(gradient) });
  const scaled = scale(e, gradient, 1 / (1 - ratio));
  return where(e, mask, scaled, scalar(e, 0, gradient));
}

const DERIVATIVES: Readonly<Record<string, Derivative>> = {
  Abs: times((e, x) => unaryNode(e, "Sign", x)),
  Clip: clip,
  Cos: times((e, x) => unaryNode(e, "Neg", unaryNode(e, "Sin", x))),
  Dropout: dropout,
  Elu: times(elu),
  Erf: times((e, x) =>
    scale(e, unaryNode(e, "Exp", unaryNode(e, "Neg", multiply(e, x, x))), 2 / Math.sqrt(Math.PI)),
  ),
  Exp: times((_e, _x, y) => y),
  Gelu: times(gelu),
  HardSigmoid: times(hardSigmoid),
  HardSwish: times(hardSwish),
  Identity: ({ gradient }) => gradient,
  LeakyRelu: times(leaky),
  Log: ({ emit: e, gradient, input }) => divide(e, gradient, input(0)),
  Neg: ({ emit: e, gradient }) => unaryNode(e, "Neg", gradient),
  Reciprocal: times((e, _x, y) => unaryNode(e, "Neg", multiply(e, y, y))),
  // From the output, which the next layer holds in memory anyway.
  Relu: times((e, _x, y) => above(e, y, 0)),
  Sigmoid: times((e, _x, y) => multiply(e, y, oneMinus(e, y))),
  Sin: times((e, x) => unaryNode(e, "Cos", x)),
  Softplus: times((e, x) => unaryNode(e, "Sigmoid", x)),
  Sqrt: ({ emit: e, gradient, output }) => divide(e, scale(e, gradient, 0.5), output),
  Tanh: times((e, _x, y) => oneMinus(e, multiply(e, y, y))),
};

export function hasDerivative(name: string): boolean {
  return Object.hasOwn(DERIVATIVES, name);
}

export const unary: Rule<"unary"> = (op, site) => {
  const derivative = DERIVATIVES[op.function];
  if (derivative === undefined) throw noRule(site.node);
  return [() => derivative(site)];
};
