/** Ops that move elements without computing with them. */
import type { Extent, Node } from "../../../graph/graph.ts";
import { stringAttribute } from "../../../graph/graph.ts";
import type { Op } from "../../../graph/op.ts";
import { productOfAll } from "../../../graph/shapes/extents.ts";
import { hole, joined, type Text, text, tight, use } from "../pieces.ts";
import { tupleLiteral } from "../python-text.ts";
import {
  emit,
  extentPiece,
  type Lowering,
  operand,
  rankAt,
  resolved,
  shapeAt,
  unsupported,
} from "./context.ts";

export function positive(axis: number, rank: number): number {
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
  if (node.outputs.length === 1) {
    lowering.aliases.set(node.outputs[0] ?? "", input);
    return;
  }
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
