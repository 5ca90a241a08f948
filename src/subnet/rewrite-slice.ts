import type { Node } from "../graph/graph.ts";
import type { Op } from "../graph/op.ts";
import { axisIndex } from "../structure/propagation.ts";
import { sliceIndices } from "../structure/rules/move.ts";
import { readsMovedSizes } from "./cut-sizes.ts";
import { placesAmong } from "./kept-axes.ts";
import {
  allNumbers,
  cantRewrite,
  gatherNode,
  type Rewriting,
  rankOf,
  withSizes,
} from "./rewriting.ts";

type SliceOp = Extract<Op, { kind: "slice" }>;

/** A Slice of a pruned axis: other bounds where what it takes is still one run, otherwise a Gather. */
export function rewriteSlice(node: Node, op: SliceOp, rewriting: Rewriting): Node {
  const { structure, kept } = rewriting;
  const [input = ""] = node.inputs;
  const rank = rankOf(structure, input);
  const axes = (op.axes ?? op.starts?.map((_, index) => index) ?? []).map((axis) =>
    axisIndex(axis, rank),
  );
  const isWhole = axes.every((axis) => kept(input, axis) === null);
  // Bounds that are computed from a cut length elsewhere would move.
  if (isWhole && !readsMovedSizes(node, rewriting)) return node;
  const starts = [...allNumbers(node, op.starts)];
  const ends = [...allNumbers(node, op.ends)];
  const steps = axes.map((_, at) => op.steps?.[at] ?? 1);
  for (const [at, axis] of axes.entries()) {
    if (kept(input, axis) === null) continue;
    const places = placesTaken(node, op, axis, rewriting);
    const [first = 0] = places;
    if (!places.every((place, index) => place === first + index)) {
      if (axes.length > 1) throw cantRewrite(node, "it cuts several axes at once");
      return gatherNode(node, input, axis, places, rewriting);
    }
    starts[at] = first;
    ends[at] = first + places.length;
    steps[at] = 1;
  }
  // All four lists, as their integer types have to agree.
  const lists = { starts, ends, axes, steps };
  const opset = rewriting.graph.opsets.get("") ?? 0;
  return Object.entries(lists).reduce(
    (result, [role, sizes], at) =>
      role === "steps" && opset < 10
        ? result
        : withSizes(result, role, at + 1, 10, sizes, rewriting),
    node,
  );
}

/** Indices along the cut axis of what the Slice takes and what stays of it. */
function placesTaken(
  node: Node,
  op: SliceOp,
  axis: number,
  { structure, kept }: Rewriting,
): readonly number[] {
  const [input = ""] = node.inputs;
  const [output = ""] = node.outputs;
  const shape = structure.shapes.of(input) ?? [];
  const taken = sliceIndices(op, axis, shape.length, shape[axis] ?? 0);
  if (taken === null) throw cantRewrite(node, "its bounds are not constant");
  const after = kept(output, axis);
  const sources = after === null ? taken : Array.from(after, (index) => taken[index] ?? 0);
  return placesAmong(sources, kept(input, axis));
}
