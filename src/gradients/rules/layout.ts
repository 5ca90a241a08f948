/** Ops that move elements: their gradients move them back. */
import type { Op } from "../../graph/op.ts";
import { isResolved } from "../../graph/shapes/extents.ts";
import { sliceRange } from "../../graph/shapes/layout.ts";
import type { Emitter } from "../emitter.ts";
import {
  cast as castNode,
  concat as concatNode,
  filled,
  flip,
  pad as padNode,
  range,
  reduce,
  reshape as reshapeNode,
  spread,
  sumTo,
  transpose as transposeNode,
} from "../ops.ts";
import { noRule, once, type Rule, type Site } from "../rule.ts";
import { type AxisMap, transposedMap } from "./axis-map.ts";

/** The gradient in the shape of the first input: for ops that only write the same elements in another shape. */
function inputShape({ emit: e, gradient, input }: Site): string {
  return reshapeNode(e, gradient, e.shapeOf(input(0)));
}

export const reshape: Rule<"reshape"> = (_op, site) => [() => inputShape(site), null];
export const flatten: Rule<"flatten"> = (_op, site) => [() => inputShape(site)];
export const squeeze: Rule<"squeeze"> = (_op, site) => [() => inputShape(site), null];
export const unsqueeze: Rule<"unsqueeze"> = (_op, site) => [() => inputShape(site), null];

export const cast: Rule<"cast"> = (_op, { emit: e, gradient, input }) => [
  () => castNode(e, gradient, e.typeOf(input(0))),
];

export const transpose: Rule<"transpose"> = (op, { emit: e, gradient }) => {
  const axes = e.shapeOf(gradient).map((_, axis) => axis);
  const perm = op.perm ?? [...axes].reverse();
  return [
    () =>
      transposeNode(
        e,
        gradient,
        axes.map((axis) => perm.indexOf(axis)),
      ),
  ];
};

export const expand: Rule<"expand"> = (_op, { emit: e, gradient, input }) => [
  () => sumTo(e, gradient, e.shapeOf(input(0))),
  null,
];

export const tile: Rule<"tile"> = (op, { emit: e, gradient, input, node }) => {
  const { repeats } = op;
  if (repeats === null) throw noRule(node, "its repeats are not constant");
  const shape = e.shapeOf(input(0));
  const apart = shape.flatMap((extent, axis) => [repeats[axis] ?? 1, extent]);
  const axes = shape.map((_, axis) => 2 * axis);
  return [() => reduce(e, "Sum", reshapeNode(e, gradient, apart), axes), null];
};

export const concat: Rule<"concat"> = (op, { emit: e, gradient, node }) => {
  const rank = e.shapeOf(gradient).length;
  const axis = op.axis < 0 ? op.axis + rank : op.axis;
  const counts = node.inputs.map((name) => e.shapeOf(name)[axis] ?? 0);
  return counts.map((count, index) => {
    const start = counts.slice(0, index).reduce((sum, other) => sum + other, 0);
    return () => range(e, gradient, axis, start, count);
  });
};

// Parts that the loss doesn't see are zero.
export const split: Rule<"split"> = (op, { emit: e, gradientOf, node, input }) => {
  const shape = e.shapeOf(input(0));
  const axis = op.axis < 0 ? op.axis + shape.length : op.axis;
  const type = e.typeOf(input(0));
  const parts = (): string[] =>
    node.outputs.map((name, index) => gradientOf(index) ?? filled(e, 0, e.shapeOf(name), type));
  return [() => concatNode(e, parts(), axis), null];
};

// Elements `step` apart are spread by reshaping, padding and reshaping again; what the slice left out is zero.
export const slice: Rule<"slice"> = (op, { emit: e, gradient, input, node }) => {
  const { starts, ends, steps, axes } = op;
  if (starts === null || ends === null || steps === null || axes === null) {
    throw noRule(node, "its bounds are not constant");
  }
  if (!isResolved(starts) || !isResolved(ends)) throw noRule(node, "its bounds are not constant");
  const shape = e.shapeOf(input(0));
  const positive = axes.map((axis) => (axis < 0 ? axis + shape.length : axis));
  const cuts = shape.map((extent, axis) => {
    const index = positive.indexOf(axis);
    if (index < 0) return { first: 0, count: extent, step: 1 };
    const step = steps[index] ?? 1;
    return { ...sliceRange(extent, starts[index] ?? 0, ends[index] ?? 0, step), step };
  });
  return [() => unsliced(e, gradient, shape, cuts), ...node.inputs.slice(1).map(() => null)];
};

interface Cut {
  readonly first: number;
  readonly count: number;
  readonly step: number;
}

function unsliced(
  e: Emitter,
  gradient: string,
  shape: readonly number[],
  cuts: readonly Cut[],
): string {
  const backwards = cuts.flatMap(({ step }, axis) => (step < 0 ? [axis] : []));
  const forward = flip(e, gradient, backwards);
  const steps = cuts.map(({ count, step }) => (count > 1 ? Math.abs(step) : 1));
  const wide = spread(e, forward, steps);
  const begins = cuts.map(({ first, count, step }) =>
    step < 0 ? first + (count - 1) * step : first,
  );
  const around = shape.map(
    (extent, axis) => extent - (begins[axis] ?? 0) - (e.shapeOf(wide)[axis] ?? 0),
  );
  return padNode(e, wide, begins, around);
}

export const pad: Rule<"pad"> = (op, site) => {
  const { emit: e, gradient, input, node } = site;
  const { pads } = op;
  if (pads === null || !isResolved(pads)) throw noRule(node, "its pads are not constant");
  const shape = e.shapeOf(input(0));
  const axes = (op.axes ?? shape.map((_, axis) => axis)).map((axis) =>
    axis < 0 ? axis + shape.length : axis,
  );
  const at = (axis: number, offset: number): number => {
    const index = axes.indexOf(axis);
    return index < 0 ? 0 : (pads[index + offset] ?? 0);
  };
  const begins = shape.map((_, axis) => at(axis, 0));
  const ends = shape.map((_, axis) => at(axis, axes.length));
  const others = node.inputs.slice(1).map(() => null);
  if (op.mode === "constant") {
    const back = (counts: readonly number[]): number[] => counts.map((count) => -count);
    return [() => padNode(e, gradient, back(begins), back(ends)), ...others];
  }
  return [() => unpadded(op, site, begins), ...others];
};

// Each element of the padded tensor is a copy of one of the input's: axis by axis, the copies are summed.
function unpadded(
  op: Extract<Op, { kind: "pad" }>,
  { emit: e, gradient, input, node }: Site,
  begins: readonly number[],
): string {
  const shape = e.shapeOf(input(0));
  return e.shapeOf(gradient).reduce((value, extent, axis) => {
    const inner = shape[axis] ?? 1;
    const begin = begins[axis] ?? 0;
    if (extent === inner && begin === 0) return value;
    const map: AxisMap = Array.from({ length: extent }, (_, index) => [
      { from: reflected(op.mode, index - begin, inner, node), weight: 1 },
    ]);
    return transposedMap(e, value, axis, map, inner);
  }, gradient);
}

function reflected(mode: string, index: number, extent: number, node: Site["node"]): number {
  switch (mode) {
    case "edge":
      return Math.min(Math.max(index, 0), extent - 1);
    case "reflect": {
      const period = Math.max(2 * (extent - 1), 1);
      const inside = ((index % period) + period) % period;
      return Math.min(inside, period - inside);
    }
    case "wrap":
      return ((index % extent) + extent) % extent;
    default:
      throw noRule(node, `mode '${mode}' is not known`);
  }
}

// Rows and columns of a block change places with channels; DCR: block first, CRD: channel first.
export const depthToSpace: Rule<"depthToSpace"> = (op, { emit: e, gradient, input }) => {
  const [batch = 1, channels = 1, height = 1, width = 1] = e.shapeOf(input(0));
  const b = op.blockSize;
  const inner = channels / (b * b);
  const apart = once(() => reshapeNode(e, gradient, [batch, inner, height, b, width, b]));
  const perm = op.mode === "CRD" ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4];
  return [() => reshapeNode(e, transposeNode(e, apart(), perm), [batch, channels, height, width])];
};

export const spaceToDepth: Rule<"spaceToDepth"> = (op, { emit: e, gradient, input }) => {
  const [batch = 1, channels = 1, height = 1, width = 1] = e.shapeOf(input(0));
  const b = op.blockSize;
  const apart = once(() =>
    reshapeNode(e, gradient, [batch, b, b, channels, height / b, width / b]),
  );
  return [
    () =>
      reshapeNode(e, transposeNode(e, apart(), [0, 3, 4, 1, 5, 2]), [
        batch,
        channels,
        height,
        width,
      ]),
  ];
};
