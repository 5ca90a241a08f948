/** Convolutions and their transposes. What each formulation costs was measured: docs/decisions/0013. */
import { elementCount } from "../../graph/tensor.ts";
import type { Emitter } from "../emitter.ts";
import { axesFrom, flip, reduce, reshape, transpose } from "../ops.ts";
import type { Rule } from "../rule.ts";
import { reachOf, type StaticWindow, staticWindow, windowAttributes } from "../window.ts";
import { kernelGradient } from "./kernel.ts";

export const conv: Rule<"conv"> = (op, site) => {
  const { emit: e, gradient } = site;
  const [x, weight] = [site.input(0), site.input(1)];
  const window = staticWindow(
    op,
    e.shapeOf(weight).slice(2),
    e.shapeOf(x).slice(2),
    e.shapeOf(gradient).slice(2),
  );
  return [
    () => inputGradient(e, gradient, weight, { window, group: op.group, shape: e.shapeOf(x) }),
    () => kernelGradient(e, x, gradient, { window, group: op.group, shape: e.shapeOf(weight) }),
    () => biasGradient(e, gradient),
  ];
};

// The transpose of a convolution has a convolution as its gradient, with input and output in each other's place.
export const convTranspose: Rule<"convTranspose"> = (op, site) => {
  const { emit: e, gradient } = site;
  const [x, weight] = [site.input(0), site.input(1)];
  const window = transposedWindow(op, e.shapeOf(weight).slice(2), e, x, gradient);
  const attributes = { ...windowAttributes(window), group: op.group };
  return [
    () => e.node("Conv", [gradient, weight], e.shapeOf(x), { attributes }),
    () => kernelGradient(e, gradient, x, { window, group: op.group, shape: e.shapeOf(weight) }),
    () => biasGradient(e, gradient),
  ];
};

/**
 * The convolution window of which this is the transpose. Where the output's shape is given, the operator's definition says
 * how the padding comes from it; output padding lies at the end, where that convolution's windows don't reach.
 */
function transposedWindow(
  op: Parameters<typeof convTranspose>[0],
  kernel: readonly number[],
  e: Emitter,
  x: string,
  y: string,
): StaticWindow {
  const [small, large] = [e.shapeOf(x).slice(2), e.shapeOf(y).slice(2)];
  const given = op.outputShape !== null || op.autoPad.startsWith("SAME");
  if (!given) return staticWindow({ ...op, autoPad: plainPad(op.autoPad) }, kernel, large, small);
  const window = staticWindow({ ...op, autoPad: "NOTSET", pads: [] }, kernel, large, small);
  const totals = kernel.map((_, axis) => {
    const full =
      ((small[axis] ?? 1) - 1) * (window.strides[axis] ?? 1) +
      (op.outputPadding[axis] ?? 0) +
      reachOf(window, axis);
    return full - (large[axis] ?? 1);
  });
  const upper = op.autoPad === "SAME_UPPER";
  const begins = totals.map((total) => (upper ? Math.floor(total / 2) : Math.ceil(total / 2)));
  return { ...window, begins, ends: totals.map((total, axis) => total - (begins[axis] ?? 0)) };
}

function plainPad(autoPad: "NOTSET" | "VALID" | "SAME_UPPER" | "SAME_LOWER"): "NOTSET" | "VALID" {
  return autoPad === "VALID" ? "VALID" : "NOTSET";
}

function biasGradient(e: Emitter, gradient: string): string {
  return reduce(e, "Sum", gradient, [0, ...axesFrom(e.shapeOf(gradient), 2)]);
}

interface InputSpec {
  readonly window: StaticWindow;
  readonly group: number;
  /** Shape of the convolution's input. */
  readonly shape: readonly number[];
}

// With stride 1 a convolution with the kernel turned round is faster than the transposed convolution it equals.
function inputGradient(e: Emitter, gradient: string, weight: string, spec: InputSpec): string {
  const { window, group, shape } = spec;
  const around = window.kernel.map((_, axis) => ({
    begin: reachOf(window, axis) - 1 - (window.begins[axis] ?? 0),
    end: reachOf(window, axis) - 1 - (window.ends[axis] ?? 0),
  }));
  const plain = window.strides.every((stride) => stride === 1);
  if (plain && around.every(({ begin, end }) => begin >= 0 && end >= 0)) {
    const pads = {
      ...window,
      begins: around.map(({ begin }) => begin),
      ends: around.map(({ end }) => end),
    };
    const attributes = { ...windowAttributes(pads), group };
    return e.node("Conv", [gradient, turned(e, weight, group)], shape, { attributes });
  }
  const left = shape.slice(2).map((extent, axis) => {
    const covered = ((e.shapeOf(gradient)[axis + 2] ?? 1) - 1) * (window.strides[axis] ?? 1);
    const pads = (window.begins[axis] ?? 0) + (window.ends[axis] ?? 0);
    return extent - (covered + reachOf(window, axis) - pads);
  });
  const attributes = { ...windowAttributes(window), group, output_padding: left };
  return e.node("ConvTranspose", [gradient, weight], shape, { attributes });
}

/** The kernel with inputs and outputs exchanged in each group, and turned round in space. */
function turned(e: Emitter, weight: string, group: number): string {
  const shape = e.shapeOf(weight);
  const [outputs = 1, perGroup = 1, ...kernel] = shape;
  const flipped = flip(e, weight, axesFrom(shape, 2));
  if (outputs === group && perGroup === 1) return flipped;
  const parts = reshape(e, flipped, [group, outputs / group, perGroup, elementCount(kernel)]);
  const exchanged = transpose(e, parts, [0, 2, 1, 3]);
  return reshape(e, exchanged, [group * perGroup, outputs / group, ...kernel]);
}
