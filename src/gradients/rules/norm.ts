/** Normalisations over a batch, or over the axes of each sample. */
import { floatAttribute } from "../../graph/graph.ts";
import type { Emitter } from "../emitter.ts";
import {
  add,
  axesFrom,
  multiply,
  reduce,
  reshape,
  scalar,
  scale,
  subtract,
  sumTo,
  unary,
} from "../ops.ts";
import { once, type Rule, type Site } from "../rule.ts";

// Inputs: x, scale, bias, mean, variance. Statistics are per channel (axis 1).
export const batchNorm: Rule<"batchNorm"> = (op, site) => {
  const { emit: e, gradient } = site;
  const x = site.input(0);
  const shape = e.shapeOf(x);
  const axes = [0, ...axesFrom(shape, 2)];
  const perChannel = [shape[1] ?? 1, ...axesFrom(shape, 2).map(() => 1)];
  const along = (vector: string): string => reshape(e, vector, perChannel);
  const statistics = once(() =>
    op.training
      ? batchStatistics(site, axes, along)
      : { mean: site.input(3), variance: site.input(4) },
  );
  const inverse = once(() => {
    const { variance } = statistics();
    const deviation = unary(e, "Sqrt", add(e, variance, scalar(e, op.epsilon, variance)));
    return unary(e, "Reciprocal", deviation);
  });
  const weight = once(() => multiply(e, site.input(1), inverse()));
  const centred = once(() => subtract(e, x, along(statistics().mean)));
  const sum = once(() => reduce(e, "Sum", gradient, axes));
  // Sum of the gradient times the centred input, per channel.
  const product = once(() => reduce(e, "Sum", multiply(e, gradient, centred()), axes));
  const parts = { gradient, axes, along, sum, product, weight, inverse, centred };
  const throughMean = (): string => unary(e, "Neg", multiply(e, sum(), weight()));
  const throughVariance = (): string => {
    const squared = multiply(e, inverse(), inverse());
    return scale(e, multiply(e, multiply(e, product(), weight()), squared), -0.5);
  };
  return [
    () => (op.training ? throughStatistics(e, parts) : multiply(e, gradient, along(weight()))),
    () => multiply(e, product(), inverse()),
    sum,
    op.training ? null : throughMean,
    op.training ? null : throughVariance,
  ];
};

// With momentum 0 the node's own second and third outputs are the batch's mean and variance.
function batchStatistics(
  { node, emit: e, input }: Site,
  axes: readonly number[],
  along: (vector: string) => string,
): { readonly mean: string; readonly variance: string } {
  const x = input(0);
  if (floatAttribute(node, "momentum", 0.9) === 0) {
    const value = { type: e.typeOf(x), shape: e.shapeOf(input(1)) };
    return { mean: e.openOutput(node, 1, value), variance: e.openOutput(node, 2, value) };
  }
  const mean = reduce(e, "Mean", x, axes);
  const centred = subtract(e, x, along(mean));
  return { mean, variance: reduce(e, "Mean", multiply(e, centred, centred), axes) };
}

interface Statistics {
  readonly gradient: string;
  readonly axes: readonly number[];
  readonly along: (vector: string) => string;
  readonly sum: () => string;
  readonly product: () => string;
  readonly weight: () => string;
  readonly inverse: () => string;
  readonly centred: () => string;
}

// weight * (dy - mean(dy) - centred * mean(dy * centred) / variance): mean and variance depend on the input too.
function throughStatistics(e: Emitter, s: Statistics): string {
  const shape = e.shapeOf(s.gradient);
  const count = s.axes.reduce((product, axis) => product * (shape[axis] ?? 1), 1);
  const shift = scale(e, s.sum(), 1 / count);
  const squared = multiply(e, s.inverse(), s.inverse());
  const slope = scale(e, multiply(e, s.product(), squared), 1 / count);
  const level = subtract(e, s.gradient, s.along(shift));
  const rest = subtract(e, level, multiply(e, s.centred(), s.along(slope)));
  return multiply(e, rest, s.along(s.weight()));
}

// Inputs: x, scale, bias. Statistics are over the axes from `axis` on, of each sample.
export const layerNorm: Rule<"layerNorm"> = (op, site) => {
  const { emit: e, gradient, node } = site;
  const x = site.input(0);
  const shape = e.shapeOf(x);
  const axis = op.axis < 0 ? op.axis + shape.length : op.axis;
  const inner = axesFrom(shape, axis);
  const outer = axesFrom(shape, 0).slice(0, axis);
  const value = {
    type: e.typeOf(x),
    shape: shape.map((extent, at) => (at < axis ? extent : 1)),
  };
  const inverse = once(() => e.openOutput(node, 2, value));
  // The input less its mean, over its standard deviation.
  const xhat = once(() => multiply(e, subtract(e, x, e.openOutput(node, 1, value)), inverse()));
  return [
    () => {
      const g = multiply(e, gradient, site.input(1));
      const along = multiply(e, xhat(), reduce(e, "Mean", multiply(e, g, xhat()), inner, true));
      const rest = subtract(e, subtract(e, g, reduce(e, "Mean", g, inner, true)), along);
      return multiply(e, rest, inverse());
    },
    () => {
      const summed = reduce(e, "Sum", multiply(e, gradient, xhat()), outer);
      return sumTo(e, summed, e.shapeOf(site.input(1)));
    },
    () => sumTo(e, reduce(e, "Sum", gradient, outer), e.shapeOf(site.input(2))),
  ];
};
