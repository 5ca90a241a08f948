/** Ops that move elements without computing with them. */
import type { Extent, Node } from "../../../graph/graph.ts";
import { stringAttribute } from "../../../graph/graph.ts";
import type { Op } from "../../../graph/op.ts";
import { productOfAll } from "../../../graph/shapes/extents.ts";
import { sliceRange } from "../../../graph/shapes/layout.ts";
import { hole, joined, type Piece, type Text, text, tight, use } from "../pieces.ts";
import { tupleLiteral } from "../python-text.ts";
import {
  bareParameter,
  constantAt,
  emit,
  extentPiece,
  type Lowering,
  operand,
  rankAt,
  resolved,
  shapeAt,
  unsupported,
} from "./context.ts";

function positive(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** Reshape and Flatten, as what they do: flatten, unflatten, or reshape with one open extent. */
export function reshape(lowering: Lowering, node: Node): void {
  const input = resolved(lowering, node.inputs[0] ?? "");
  const from = shapeAt(lowering, node, node.inputs[0] ?? "");
  const to = shapeAt(lowering, node, node.outputs[0] ?? "");
  const [output = ""] = node.outputs;
  const same = from.length === to.length && from.every((extent, axis) => extent === to[axis]);
  if (same) {
    lowering.aliases.set(output, input);
    return;
  }
  const start = from.findIndex((extent, axis) => extent !== to[axis] || extent === null);
  const first = start < 0 ? Math.min(from.length, to.length) : start;
  const flat = flattened(from, to, first);
  if (flat !== null) {
    const settings =
      flat.end === from.length - 1 ? String(flat.start) : `${flat.start}, ${flat.end}`;
    const module = flat.start === 1 && flat.end === from.length - 1 ? ["nn.Flatten(1)"] : null;
    emit(lowering, node, {
      text: text`${tight(input)}.flatten(${[settings]})`,
      inputs: [input],
      module,
    });
    return;
  }
  const split = flattened(to, from, first);
  const parts = split === null ? [] : to.slice(split.start, split.end + 1);
  if (split !== null && parts.filter((extent) => typeof extent !== "number").length <= 1) {
    const sizes = joined(
      parts.map((extent) => (typeof extent === "number" ? hole(extent, "size") : "-1")),
      ", ",
    );
    emit(lowering, node, {
      text: text`${tight(input)}.unflatten(${split.start}, (${sizes}))`,
      inputs: [input],
    });
    return;
  }
  general(lowering, node, input, from, to);
}

/** Whether the first shape becomes the second by merging neighbouring axes into one: which. */
function flattened(
  from: readonly Extent[],
  to: readonly Extent[],
  start: number,
): { readonly start: number; readonly end: number } | null {
  const length = from.length - to.length + 1;
  if (length < 2) return null;
  const latest = Math.min(start, to.length - 1);
  for (let first = latest; first >= Math.max(0, latest - 1); first -= 1) {
    const product = productOfAll(from.slice(first, first + length));
    const rest = from.slice(first + length);
    const fits =
      product !== null &&
      product === to[first] &&
      rest.every((extent, axis) => extent === to[first + 1 + axis]);
    if (fits) return { start: first, end: first + length - 1 };
  }
  return null;
}

function general(
  lowering: Lowering,
  node: Node,
  input: string,
  from: readonly Extent[],
  to: readonly Extent[],
): void {
  const open = to.filter((extent) => typeof extent !== "number");
  // A batch that is written into the network isn't meant: the leading axis is what is left over.
  const fixed = open.length === 0 && typeof to[0] === "number" && to[0] === from[0];
  const inputs = [input];
  let left = true;
  const sizes = to.map((extent, axis): Text => {
    if (typeof extent === "number" && !(fixed && axis === 0)) return [hole(extent, "size")];
    const same = from.indexOf(extent);
    if (same >= 0 && open.length > 1) return text`${tight(input)}.shape[${same}]`;
    if (!left) {
      const found = extentPiece(lowering, node, extent);
      inputs.push(...found.inputs);
      return found.text;
    }
    left = false;
    return ["-1"];
  });
  emit(lowering, node, { text: text`${tight(input)}.reshape(${joined(sizes, ", ")})`, inputs });
}

export function transpose(
  lowering: Lowering,
  node: Node,
  op: Extract<Op, { kind: "transpose" }>,
): void {
  const rank = rankAt(lowering, node, 0);
  const value = operand(lowering, node, 0);
  const perm = op.perm ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  const moved = perm.filter((from, to) => from !== to);
  const call =
    moved.length === 2
      ? `transpose(${[...moved].sort((a, b) => a - b).join(", ")})`
      : `permute(${perm.join(", ")})`;
  if (moved.length === 0) {
    lowering.aliases.set(node.outputs[0] ?? "", resolved(lowering, node.inputs[0] ?? ""));
    return;
  }
  const module = value.inputs.length > 0 ? [`Permute(${perm.join(", ")})`] : null;
  emit(lowering, node, { text: text`${value.piece}.${[call]}`, inputs: value.inputs, module });
}

/** A slice as Python writes it; reversed axes are flipped first. */
export function slice(lowering: Lowering, node: Node, op: Extract<Op, { kind: "slice" }>): void {
  const value = operand(lowering, node, 0);
  const shape = shapeAt(lowering, node, node.inputs[0] ?? "");
  const { starts, ends, axes, steps } = op;
  if (starts === null || ends === null || axes === null || steps === null)
    throw unsupported(node, "its bounds are computed");
  const ranges: Text[] = shape.map(() => [":"]);
  const flips: number[] = [];
  for (const [index, given] of axes.entries()) {
    const axis = positive(given, shape.length);
    const [start, end, step = 1] = [starts[index], ends[index], steps[index]];
    if (typeof start !== "number" || typeof end !== "number")
      throw unsupported(node, "its bounds are open");
    const extent = shape[axis];
    if (step < 0) flips.push(axis);
    ranges[axis] = range(node, { start, end, step, extent: extent ?? null });
  }
  const used = ranges.slice(0, ranges.findLastIndex((part) => part.join("") !== ":") + 1);
  if (used.length === 0) {
    lowering.aliases.set(node.outputs[0] ?? "", resolved(lowering, node.inputs[0] ?? ""));
    return;
  }
  const flipped = flips.length === 0 ? "" : `.flip(${flips.join(", ")})`;
  emit(lowering, node, {
    text: text`${value.piece}${flipped}[${joined(used, ", ")}]`,
    inputs: value.inputs,
  });
}

interface Range {
  readonly start: number;
  readonly end: number;
  readonly step: number;
  readonly extent: Extent;
}

function range(node: Node, { start, end, step, extent }: Range): Text {
  if (typeof extent !== "number") {
    if (step < 1) throw unsupported(node, "it reverses an axis whose size is open");
    const from = start === 0 ? "" : String(start);
    const to = end > 2 ** 31 ? "" : String(end);
    return [`${from}:${to}${step === 1 ? "" : `:${step}`}`];
  }
  const size = Math.abs(step);
  const { first, count } = sliceRange(extent, start, end, step);
  const from = step < 0 ? extent - 1 - first : first;
  // Where the last one taken is as near to the end as the step allows, the end goes without saying.
  const open = from + count * size >= extent;
  return pythonRange(from, open ? extent : from + (count - 1) * size + 1, size, extent);
}

function pythonRange(start: number, end: number, step: number, extent: number): Text {
  const from: Text = start <= 0 ? [] : [hole(start, "start")];
  const to: Text = end >= extent ? [] : [hole(Math.max(0, end), "end")];
  return [...from, ":", ...to, ...(step === 1 ? [] : [`:${step}`])];
}

export function concat(lowering: Lowering, node: Node, op: Extract<Op, { kind: "concat" }>): void {
  const parts = node.inputs.map((_, index) => operand(lowering, node, index, "any"));
  const inputs = parts.flatMap((part) => part.inputs);
  if (parts.length === 1 && inputs.length === 1) {
    lowering.aliases.set(node.outputs[0] ?? "", inputs[0] ?? "");
    return;
  }
  const listed = joined(
    parts.map((part) => part.piece),
    ", ",
  );
  emit(lowering, node, { text: text`torch.cat((${listed}), dim=${op.axis})`, inputs });
}

export function split(lowering: Lowering, node: Node, op: Extract<Op, { kind: "split" }>): void {
  const input = resolved(lowering, node.inputs[0] ?? "");
  const sizes = node.outputs.map((name) => shapeAt(lowering, node, name).at(op.axis) ?? null);
  if (!sizes.every((size) => typeof size === "number"))
    throw unsupported(node, "its sizes are open");
  const equal = sizes.every((size) => size === sizes[0]);
  const dim = op.axis;
  const call: Text = equal
    ? text`${tight(input)}.chunk(${sizes.length}, dim=${dim})`
    : text`torch.split(${use(input)}, (${joined(
        sizes.map((size) => hole(size, "size")),
        ", ",
      )}), dim=${dim})`;
  emit(lowering, node, { text: call, inputs: [input], outputs: node.outputs });
}

/** Takes indices along an axis: one, an even range, or a list that the module keeps. */
export function gather(lowering: Lowering, node: Node, op: Extract<Op, { kind: "gather" }>): void {
  const value = operand(lowering, node, 0);
  const shape = shapeAt(lowering, node, node.inputs[0] ?? "");
  const axis = positive(op.axis, shape.length);
  const before = ":, ".repeat(axis);
  const rank = lowering.shapes.of(node.inputs[1] ?? "")?.shape.length;
  const numbers = op.indices?.every((index) => typeof index === "number") ? op.indices : null;
  const [first = 0, second] = numbers ?? [];
  if (numbers !== null && rank === 0) {
    emit(lowering, node, {
      text: text`${value.piece}[${[before]}${[String(first)]}]`,
      inputs: value.inputs,
    });
    return;
  }
  const step = second === undefined ? 1 : second - first;
  const even = numbers?.every((index, place) => index === first + step * place) ?? false;
  if (numbers !== null && rank === 1 && even && step > 0 && first >= 0) {
    const range = pythonRange(first, first + step * numbers.length, step, Number(shape[axis]));
    emit(lowering, node, { text: text`${value.piece}[${[before]}${range}]`, inputs: value.inputs });
    return;
  }
  const tensor = constantAt(lowering, node, 1);
  if (tensor === null || numbers?.some((index) => index < 0))
    throw unsupported(node, "its indices are computed");
  const kept = bareParameter(lowering, node, node.inputs[1] ?? "", tensor);
  const list: Piece = { kind: "member", path: kept.path.join(".") };
  emit(lowering, node, { text: text`${value.piece}[${[before]}${list}]`, inputs: value.inputs });
}

export function expand(lowering: Lowering, node: Node): void {
  const value = operand(lowering, node, 0);
  const from = shapeAt(lowering, node, node.inputs[0] ?? "");
  const to = shapeAt(lowering, node, node.outputs[0] ?? "");
  const inputs = [...value.inputs];
  const added = to.length - from.length;
  const sizes = to.map((extent, axis): Text => {
    if (axis >= added && extent === from[axis - added]) return ["-1"];
    const found = extentPiece(lowering, node, extent);
    inputs.push(...found.inputs);
    return found.text;
  });
  if (sizes.every((size) => size.join("") === "-1")) {
    lowering.aliases.set(node.outputs[0] ?? "", resolved(lowering, node.inputs[0] ?? ""));
    return;
  }
  emit(lowering, node, { text: text`${value.piece}.expand(${joined(sizes, ", ")})`, inputs });
}

export function squeeze(
  lowering: Lowering,
  node: Node,
  op: Extract<Op, { kind: "squeeze" | "unsqueeze" }>,
): void {
  const value = operand(lowering, node, 0);
  const shape = shapeAt(lowering, node, node.inputs[0] ?? "");
  if (op.axes === null) throw unsupported(node, "its axes are computed");
  const rank = op.kind === "squeeze" ? shape.length : shape.length + op.axes.length;
  const ones = shape.flatMap((extent, axis) => (extent === 1 ? [axis] : []));
  const axes = (op.axes.length === 0 ? ones : op.axes.map((axis) => positive(axis, rank))).sort(
    (a, b) => a - b,
  );
  const calls = (op.kind === "squeeze" ? axes.reverse() : axes).map(
    (axis) => `.${op.kind}(${axis})`,
  );
  emit(lowering, node, { text: text`${value.piece}${calls.join("")}`, inputs: value.inputs });
}

export function tile(lowering: Lowering, node: Node, op: Extract<Op, { kind: "tile" }>): void {
  const value = operand(lowering, node, 0);
  if (op.repeats === null) throw unsupported(node, "its repeats are computed");
  const repeats = tupleLiteral(op.repeats);
  emit(lowering, node, { text: text`${value.piece}.repeat${[repeats]}`, inputs: value.inputs });
}

export function spaceDepth(
  lowering: Lowering,
  node: Node,
  op: Extract<Op, { kind: "depthToSpace" | "spaceToDepth" }>,
): void {
  const input = resolved(lowering, node.inputs[0] ?? "");
  const size = op.blockSize;
  if (op.kind === "depthToSpace" && stringAttribute(node, "mode", "DCR") === "CRD") {
    emit(lowering, node, {
      text: text`F.pixel_shuffle(${use(input)}, ${size})`,
      inputs: [input],
      module: text`nn.PixelShuffle(${size})`,
    });
    return;
  }
  const calls =
    op.kind === "depthToSpace"
      ? `.unflatten(1, (${size}, ${size}, -1)).permute(0, 3, 4, 1, 5, 2).flatten(4, 5).flatten(2, 3)`
      : `.unflatten(3, (-1, ${size})).unflatten(2, (-1, ${size})).permute(0, 3, 5, 1, 2, 4).flatten(1, 3)`;
  emit(lowering, node, { text: text`${tight(input)}${calls}`, inputs: [input] });
}
