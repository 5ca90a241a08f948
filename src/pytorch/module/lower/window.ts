/** Pooling, resizing and padding. */
import {
  type Extent,
  floatAttribute,
  intAttribute,
  type Node,
  stringAttribute,
} from "../../../graph/graph.ts";
import type { Op, Window } from "../../../graph/op.ts";
import { hole, keyword, type Piece, type Text, text, use } from "../pieces.ts";
import { floatLiteral, perAxisLiteral, tupleLiteral } from "../python-text.ts";
import {
  emit,
  type Lowering,
  rankAt,
  resolved,
  scalarAt,
  shapeAt,
  unsupported,
} from "./context.ts";

/** The input of a window op with what padding the op itself can't do already added, and the padding that is left. */
export function paddedInput(
  lowering: Lowering,
  node: Node,
  op: Window,
  input: string,
  fill: string,
): { readonly input: string; readonly padding: readonly number[] } {
  const pads = padsOf(lowering, node, op);
  const spatial = pads.length / 2;
  const begins = pads.slice(0, spatial);
  if (begins.every((pad, axis) => pad === pads[axis + spatial])) return { input, padding: begins };
  const pairs = begins.map((pad, axis) => [pad, pads[axis + spatial] ?? 0]).reverse();
  const value = fill === "0" ? "" : `, value=${fill}`;
  const output = `${node.outputs[0]}/padded`;
  emit(lowering, node, {
    text: text`F.pad(${use(input)}, ${hole(tupleLiteral(pairs.flat()), "padding")}${value})`,
    inputs: [input],
    outputs: [output],
  });
  return { input: output, padding: begins.map(() => 0) };
}

// "SAME" pads so that the output has ceil(size / stride) positions; the odd one goes to the end, or to the start for LOWER.
function padsOf(lowering: Lowering, node: Node, op: Window): readonly number[] {
  const kernel = op.kernelShape ?? [];
  if (op.autoPad === "VALID") return kernel.flatMap(() => [0, 0]);
  if (op.autoPad === "NOTSET") return op.pads.length > 0 ? op.pads : kernel.flatMap(() => [0, 0]);
  const sizes = shapeAt(lowering, node, node.inputs[0] ?? "").slice(2);
  const totals = kernel.map((extent, axis) => {
    const size = sizes[axis];
    if (typeof size !== "number")
      throw unsupported(node, "its padding depends on a size that is open");
    const stride = op.strides[axis] ?? 1;
    const covered = (extent - 1) * (op.dilations[axis] ?? 1) + 1;
    return Math.max(0, (Math.ceil(size / stride) - 1) * stride + covered - size);
  });
  const less = totals.map((total) => Math.floor(total / 2));
  const more = totals.map((total) => Math.ceil(total / 2));
  return op.autoPad === "SAME_UPPER" ? [...less, ...more] : [...more, ...less];
}

export function pool(lowering: Lowering, node: Node, op: Extract<Op, { kind: "pool" }>): void {
  const value = resolved(lowering, node.inputs[0] ?? "");
  if (op.mode === "lp" || node.outputs.filter((name) => name !== "").length > 1) {
    throw unsupported(node, "PyTorch has no such pooling");
  }
  const kernel = op.kernelShape ?? [];
  const max = op.mode === "max";
  if (!max && op.dilations.some((dilation) => dilation !== 1))
    throw unsupported(node, "PyTorch has no average over a dilated window");
  const { input, padding } = paddedInput(lowering, node, op, value, max ? 'float("-inf")' : "0");
  const padded = input !== value || padding.some((pad) => pad > 0);
  if (!max && input !== value && !op.countIncludePad)
    throw unsupported(node, "its padding isn't symmetric");
  const stride = perAxisLiteral(op.strides);
  const settings: Text = [
    hole(perAxisLiteral(kernel), "kernel_size"),
    keyword("stride", stride, perAxisLiteral(kernel)),
    keyword("padding", perAxisLiteral(padding), 0),
    ...(max ? [keyword("dilation", perAxisLiteral(op.dilations), 1)] : []),
    ...(op.ceilMode ? [", ceil_mode=True"] : []),
    ...(!max && padded && !op.countIncludePad ? [", count_include_pad=False"] : []),
  ];
  const name = max ? "max_pool" : "avg_pool";
  const layer = max ? "MaxPool" : "AvgPool";
  emit(lowering, node, {
    text: text`F.${[name]}${kernel.length}d(${use(input)}, ${settings})`,
    inputs: [input],
    module: input === value ? text`nn.${[layer]}${kernel.length}d(${settings})` : null,
  });
}

export function globalPool(
  lowering: Lowering,
  node: Node,
  op: Extract<Op, { kind: "globalPool" }>,
): void {
  const input = resolved(lowering, node.inputs[0] ?? "");
  const spatial = rankAt(lowering, node, 0) - 2;
  if (op.mode === "lp") throw unsupported(node, "PyTorch has no such pooling");
  const kind = op.mode === "max" ? "max" : "avg";
  const layer = op.mode === "max" ? "Max" : "Avg";
  emit(lowering, node, {
    text: text`F.adaptive_${[kind]}_pool${spatial}d(${use(input)}, 1)`,
    inputs: [input],
    module: text`nn.Adaptive${[layer]}Pool${spatial}d(1)`,
  });
}

const MODES: ReadonlyMap<string, readonly string[]> = new Map([
  ["linear", ["", "", "", "linear", "bilinear", "trilinear"]],
  ["cubic", ["", "", "", "", "bicubic"]],
]);

export function resize(lowering: Lowering, node: Node, op: Extract<Op, { kind: "resize" }>): void {
  const input = resolved(lowering, node.inputs[0] ?? "");
  const rank = rankAt(lowering, node, 0);
  const from = shapeAt(lowering, node, node.inputs[0] ?? "");
  const to = shapeAt(lowering, node, node.outputs[0] ?? "");
  const late = (lowering.graph.opsets.get("") ?? 0) >= 11;
  const position = stringAttribute(
    node,
    "coordinate_transformation_mode",
    late ? "half_pixel" : "asymmetric",
  );
  const same = from[0] === to[0] && from[1] === to[1];
  const mode =
    op.mode === "nearest" ? nearestMode(node, op, position, late) : MODES.get(op.mode)?.[rank];
  if (
    mode === undefined ||
    mode === "" ||
    !same ||
    (op.axes !== null && op.axes.length !== rank - 2)
  ) {
    throw unsupported(node, `PyTorch has no interpolation like mode ${op.mode} with ${position}`);
  }
  for (const name of ["antialias", "exclude_outside"]) {
    if (intAttribute(node, name, 0) !== 0)
      throw unsupported(node, `PyTorch's interpolation of tensors has no ${name} like it`);
  }
  const aligned = position === "align_corners";
  const halfPixel =
    position === "half_pixel" || (position === "pytorch_half_pixel" && !to.slice(2).includes(1));
  if (op.mode !== "nearest" && !aligned && !halfPixel) {
    throw unsupported(node, `PyTorch has no interpolation like mode ${op.mode} with ${position}`);
  }
  if (op.mode === "cubic" && Math.abs(floatAttribute(node, "cubic_coeff_a", -0.75) + 0.75) > 1e-6) {
    throw unsupported(node, "PyTorch's cubic interpolation has the coefficient -0.75");
  }
  const corners = op.mode === "nearest" ? "" : `, align_corners=${aligned ? "True" : "False"}`;
  const settings = text`${targetSize(node, op, from, to)}, mode="${[mode]}"${corners}`;
  emit(lowering, node, {
    text: text`F.interpolate(${use(input)}, ${settings})`,
    inputs: [input],
    module: text`nn.Upsample(${settings})`,
  });
}

// PyTorch's "nearest" takes floor(x / scale); "nearest-exact" floor((x + 1/2) / scale).
// Halves that are rounded down differ from it, which whole scales don't have.
function nearestMode(
  node: Node,
  op: Extract<Op, { kind: "resize" }>,
  position: string,
  late: boolean,
): string | undefined {
  const rounding = stringAttribute(node, "nearest_mode", late ? "round_prefer_floor" : "floor");
  if (position === "asymmetric" && rounding === "floor") return "nearest";
  const whole = op.scales?.every((scale) => Number.isInteger(scale)) === true;
  const exact = rounding === "round_prefer_ceil" || (rounding === "round_prefer_floor" && whole);
  if (position === "half_pixel" && exact) return "nearest-exact";
  return undefined;
}

function targetSize(
  node: Node,
  op: Extract<Op, { kind: "resize" }>,
  from: readonly Extent[],
  to: readonly Extent[],
): Text {
  const scales = op.scales?.slice(-(from.length - 2));
  if (scales !== undefined && scales.length > 0) {
    return text`scale_factor=${hole(perAxisLiteral(scales), "scale")}`;
  }
  const sizes = to.slice(2);
  if (!sizes.every((size) => typeof size === "number")) throw unsupported(node, "its size is open");
  return text`size=${hole(tupleLiteral(sizes), "size")}`;
}

const PAD_MODES: ReadonlyMap<string, string> = new Map([
  ["constant", "constant"],
  ["reflect", "reflect"],
  ["edge", "replicate"],
  ["wrap", "circular"],
]);

/** Pad; nothing where it pads by zero, but the second name. */
export function pad(lowering: Lowering, node: Node, op: Extract<Op, { kind: "pad" }>): void {
  const input = resolved(lowering, node.inputs[0] ?? "");
  const rank = rankAt(lowering, node, 0);
  const mode = PAD_MODES.get(op.mode);
  if (op.pads === null || mode === undefined) throw unsupported(node, "its padding is computed");
  const axes = op.axes ?? Array.from({ length: rank }, (_, axis) => axis);
  const pairs: number[][] = Array.from({ length: rank }, () => [0, 0]);
  for (const [index, axis] of axes.entries()) {
    const [begin, end] = [op.pads[index], op.pads[index + axes.length]];
    if (typeof begin !== "number" || typeof end !== "number")
      throw unsupported(node, "its padding is computed");
    pairs[axis < 0 ? axis + rank : axis] = [begin, end];
  }
  const first = pairs.findIndex((pair) => pair.some((size) => size !== 0));
  if (first < 0) {
    lowering.aliases.set(node.outputs[0] ?? "", input);
    return;
  }
  // Other modes than constants want all spatial axes.
  const from = mode === "constant" ? first : Math.min(first, 2);
  const sizes: Piece = hole(tupleLiteral(pairs.slice(from).reverse().flat()), "padding");
  const fill =
    (node.inputs[2] ?? "") === ""
      ? floatLiteral(floatAttribute(node, "value", 0))
      : scalarAt(lowering, node, 2);
  if (fill === null) throw unsupported(node, "its fill is computed");
  const settings =
    mode === "constant" ? (Number(fill) === 0 ? "" : `, value=${fill}`) : `, mode="${mode}"`;
  emit(lowering, node, { text: text`F.pad(${use(input)}, ${sizes}${settings})`, inputs: [input] });
}
