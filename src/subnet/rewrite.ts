import type { Extent, Node } from "../graph/graph.ts";
import { nodeId } from "../graph/graph.ts";
import type { Op } from "../graph/op.ts";
import { opOf } from "../graph/read-op.ts";
import { producerOf } from "../graph/traversal.ts";
import { axisIndex } from "../structure/propagation.ts";
import { padAmounts } from "../structure/rules/move.ts";
import type { Shuffle } from "../structure/structure.ts";
import { readsMovedSizes } from "./cut-sizes.ts";
import { placesAmong } from "./kept-axes.ts";
import { rewriteSlice } from "./rewrite-slice.ts";
import {
  allNumbers,
  gatherNode,
  isCut,
  lengthOf,
  type Rewriting,
  rankOf,
  withAttribute,
  withSizes,
  withSomeSizes,
} from "./rewriting.ts";

type Kind<K extends Op["kind"]> = Extract<Op, { kind: K }>;

/** The node with its sizes changed to what is left of the axes it touches; the same node where nothing changes. */
export function rewriteNode(node: Node, rewriting: Rewriting): Node {
  const touched = [...node.inputs, ...node.outputs].some((name) => isCut(rewriting, name));
  if (!touched && !readsMovedSizes(node, rewriting)) return node;
  const shuffle = rewriting.structure.shuffles.get(nodeId(node));
  if (shuffle !== undefined) return rewriteShuffle(node, shuffle, rewriting);
  const op = opOf(node, rewriting.structure.graph, (name) => rewriting.open().constant(name));
  switch (op.kind) {
    case "conv":
    case "convTranspose":
      return rewriteGroups(node, op, rewriting);
    case "groupNorm":
      return rewriteGroupNorm(node, op, rewriting);
    case "split":
      return rewriteSplit(node, op, rewriting);
    case "slice":
      return rewriteSlice(node, op, rewriting);
    case "pad":
      return rewritePad(node, op, rewriting);
    case "gather":
      return rewriteGather(node, op, rewriting);
    case "reshape":
      return rewriteTarget(node, op.target, 0, rewriting);
    case "expand":
      return rewriteTarget(node, op.target, 1, rewriting);
    case "resize":
      return rewriteResize(node, op, rewriting);
    case "constantOfShape":
      return rewriteFilled(node, rewriting);
    default:
      return node;
  }
}

function rewriteGroups(
  node: Node,
  op: Kind<"conv"> | Kind<"convTranspose">,
  rewriting: Rewriting,
): Node {
  if (op.group === 1) return node;
  // The weight's second axis: channels that are contracted in a group, or that a transposed convolution produces in one.
  const channels = op.kind === "conv" ? node.inputs[0] : node.outputs[0];
  const group =
    lengthOf(rewriting, channels ?? "", 1) / lengthOf(rewriting, node.inputs[1] ?? "", 1);
  return withAttribute(node, "group", { kind: "int", value: group });
}

/** Groups go whole, so that those that are left are as wide as before. */
function rewriteGroupNorm(node: Node, op: Kind<"groupNorm">, rewriting: Rewriting): Node {
  const [input = ""] = node.inputs;
  const width = (rewriting.structure.shapes.of(input)?.[1] ?? 0) / op.groups;
  const value = lengthOf(rewriting, input, 1) / width;
  return withAttribute(node, "num_groups", { kind: "int", value });
}

/** One shuffle is a Gather along the permuted axis; what it read through becomes dead. */
function rewriteShuffle(node: Node, shuffle: Shuffle, rewriting: Rewriting): Node {
  const kept = rewriting.kept(node.outputs[0] ?? "", shuffle.axis);
  if (kept === null) return node;
  const sources = Array.from(kept, (index) => shuffle.permutation[index] ?? 0);
  const indices = placesAmong(sources, rewriting.kept(shuffle.input, shuffle.axis));
  return gatherNode(node, shuffleInput(node, rewriting), shuffle.axis, indices, rewriting);
}

/** What the Reshape two steps up reads: dropping a layer may have given that another name. */
function shuffleInput(node: Node, { graph }: Rewriting): string {
  const producers = producerOf(graph);
  const turn = producers.get(node.inputs[0] ?? "");
  const split = producers.get(turn?.inputs[0] ?? "");
  return split?.inputs[0] ?? "";
}

function rewriteSplit(node: Node, op: Kind<"split">, rewriting: Rewriting): Node {
  const axis = axisIndex(op.axis, rankOf(rewriting.structure, node.inputs[0] ?? ""));
  if (rewriting.kept(node.inputs[0] ?? "", axis) === null) return node;
  const sizes = node.outputs.map((output) => lengthOf(rewriting, output, axis));
  const { attributes } = node;
  const withoutCount = attributes.has("num_outputs")
    ? { ...node, attributes: new Map([...attributes].filter(([name]) => name !== "num_outputs")) }
    : node;
  return withSizes(withoutCount, "split", 1, 13, sizes, rewriting);
}

function rewritePad(node: Node, op: Kind<"pad">, rewriting: Rewriting): Node {
  const [input = ""] = node.inputs;
  const [output = ""] = node.outputs;
  const rank = rankOf(rewriting.structure, input);
  const axes = op.axes ?? Array.from({ length: rank }, (_, index) => index);
  const pads = [...allNumbers(node, op.pads)];
  let changed = false;
  axes.forEach((named, at) => {
    const axis = axisIndex(named, rank);
    const kept = rewriting.kept(output, axis);
    const amounts = padAmounts(op, axis, rank);
    const length = rewriting.structure.shapes.of(output)?.[axis] ?? 0;
    if (kept === null || amounts === null) return;
    const [before = 0, after = 0] = amounts;
    pads[at] = kept.filter((index) => index < before).length;
    pads[at + axes.length] = kept.filter((index) => index >= length - after).length;
    changed = true;
  });
  return changed ? withSizes(node, "pads", 1, 11, pads, rewriting) : node;
}

function rewriteGather(node: Node, op: Kind<"gather">, rewriting: Rewriting): Node {
  const [input = "", indicesName = ""] = node.inputs;
  const [output = ""] = node.outputs;
  const axis = axisIndex(op.axis, rankOf(rewriting.structure, input));
  const before = rewriting.kept(input, axis);
  const after = rewriting.kept(output, axis);
  if ((before === null && after === null) || rankOf(rewriting.structure, indicesName) !== 1)
    return node;
  const length = rewriting.structure.shapes.of(input)?.[axis] ?? 0;
  const dense = allNumbers(node, op.indices).map((index) => axisIndex(index, length));
  const sources = after === null ? dense : Array.from(after, (index) => dense[index] ?? 0);
  const places = placesAmong(sources, before);
  return withSizes(node, "indices", 1, 1, places, rewriting);
}

/**
 * A target shape as a constant: cut lengths where axes are cut, otherwise what was there. An extent that is only known when
 * the network runs becomes `copied` (0 for Reshape, 1 for Expand: "as in the input") or else -1.
 */
function rewriteTarget(
  node: Node,
  target: readonly Extent[] | null,
  copied: 0 | 1,
  rewriting: Rewriting,
): Node {
  const [input = ""] = node.inputs;
  const [output = ""] = node.outputs;
  const from = rewriting.open().of(input)?.shape ?? [];
  const to = rewriting.open().of(output)?.shape ?? [];
  const asked = target ?? to;
  if (!isMissed(node, to, copied, rewriting)) return node;
  const cut = to.map((_, axis) => rewriting.kept(output, axis) !== null);
  const sizes = asked.map((extent, axis) => {
    if (typeof extent === "number")
      return cut[axis] === true && extent > 1 ? lengthOf(rewriting, output, axis) : extent;
    return extent !== null && extent === from[axis] ? copied : -1;
  });
  const open = sizes.filter((size) => size === -1).length;
  if (open > (copied === 1 ? 0 : 1)) {
    // What is known when the network runs only stays as it is, but for heads that are merged with the batch.
    const some = asked.map((extent, axis) => {
      if (typeof extent === "number") return sizes[axis] ?? null;
      return cut[axis] === true ? -1 : null;
    });
    return withSomeSizes(node, "shape", 1, some, rewriting);
  }
  return withSizes(node, "shape", 1, 5, sizes, rewriting);
}

/** Whether the target, as the smaller network would compute it, is another one than the lengths that are left. */
function isMissed(
  node: Node,
  dense: readonly Extent[],
  copied: 0 | 1,
  rewriting: Rewriting,
): boolean {
  const [output = ""] = node.outputs;
  const now = rewriting.sizes(node.inputs[1] ?? "");
  return dense.some((extent, axis) => {
    const kept = rewriting.kept(output, axis);
    const size = now?.[axis] ?? null;
    // -1 and 0 (1 for Expand) say: what is left, as in the input.
    if (typeof size === "number") return size > copied && size !== (kept?.length ?? extent);
    return kept !== null;
  });
}

/** Lengths that are left; what is only known when the network runs stays as it is read. */
function rewriteFilled(node: Node, rewriting: Rewriting): Node {
  const [output = ""] = node.outputs;
  const now = rewriting.sizes(node.inputs[0] ?? "");
  const left = (rewriting.open().of(output)?.shape ?? []).map((extent, axis) => {
    const kept = rewriting.kept(output, axis);
    return kept?.length ?? (typeof extent === "number" ? extent : null);
  });
  const isRight = left.every((size, axis) => size === null || size === now?.[axis]);
  return isRight ? node : withSomeSizes(node, "shape", 0, left, rewriting);
}

/** Where a Resize has its sizes from opset 11 on; before, there were scales only. */
const SIZES_INPUT = 3;

function rewriteResize(node: Node, op: Kind<"resize">, rewriting: Rewriting): Node {
  const [output = ""] = node.outputs;
  const sizes = op.sizes ?? [];
  const axes = op.axes ?? sizes.map((_, axis) => axis);
  const rank = rankOf(rewriting.structure, output);
  const kept = sizes.map((_, index) =>
    rewriting.kept(output, axisIndex(axes[index] ?? index, rank)),
  );
  if (kept.every((indices) => indices === null)) return node;
  const cut = sizes.map((size, index) => {
    const left = kept[index]?.length;
    return left ?? (typeof size === "number" ? size : null);
  });
  return withSomeSizes(node, "sizes", SIZES_INPUT, cut, rewriting);
}
