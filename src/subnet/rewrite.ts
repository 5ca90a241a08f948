import type { Extent, Node } from "../graph/graph.ts";
import { nodeId } from "../graph/graph.ts";
import type { Op } from "../graph/op.ts";
import { opOf } from "../graph/read-op.ts";
import { producerOf } from "../graph/traversal.ts";
import { axisIndex } from "../structure/propagation.ts";
import { padAmounts } from "../structure/rules/move.ts";
import type { Shuffle } from "../structure/structure.ts";
import { placesAmong } from "./kept-axes.ts";
import { rewriteSlice } from "./rewrite-slice.ts";
import {
  allNumbers,
  gatherNode,
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
  if (!touched) return node;
  const shuffle = rewriting.structure.shuffles.get(nodeId(node));
  if (shuffle !== undefined) return rewriteShuffle(node, shuffle, rewriting);
  const op = opOf(node, rewriting.structure.graph, (name) => rewriting.open().constant(name));
  switch (op.kind) {
    case "conv":
    case "convTranspose":
      return rewriteGroups(node, op, rewriting);
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
    default:
      return node;
  }
}

function isCut({ structure, kept }: Rewriting, name: string): boolean {
  const rank = rankOf(structure, name);
  for (let axis = 0; axis < rank; axis += 1) if (kept(name, axis) !== null) return true;
  return false;
}

function rewriteGroups(
  node: Node,
  op: Kind<"conv"> | Kind<"convTranspose">,
  rewriting: Rewriting,
): Node {
  if (op.group === 1) return node;
  const [output = ""] = node.outputs;
  const width = (rewriting.structure.shapes.of(output)?.[1] ?? 0) / op.group;
  const group = lengthOf(rewriting, output, 1) / width;
  return withAttribute(node, "group", { kind: "int", value: group });
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
  const cut = to.map((_, axis) => rewriting.kept(output, axis) !== null);
  if (
    !asked.some((extent, axis) => cut[axis] === true && typeof extent === "number" && extent > 1)
  ) {
    return node;
  }
  const sizes = asked.map((extent, axis) => {
    if (typeof extent === "number")
      return cut[axis] === true && extent > 1 ? lengthOf(rewriting, output, axis) : extent;
    return extent !== null && extent === from[axis] ? copied : -1;
  });
  if (sizes.filter((size) => size === -1).length > 1 || (copied === 1 && sizes.includes(-1))) {
    // An axis that is cut is never one of those that are only known when the network runs.
    const some = asked.map((extent, axis) =>
      cut[axis] === true && typeof extent === "number" && extent > 1
        ? lengthOf(rewriting, output, axis)
        : null,
    );
    return withSomeSizes(node, "shape", 1, some, rewriting);
  }
  return withSizes(node, "shape", 1, 5, sizes, rewriting);
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
