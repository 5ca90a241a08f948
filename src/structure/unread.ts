import { type Graph, type Node, nodeId } from "../graph/graph.ts";
import { traitsOf } from "../graph/op-traits.ts";
import { consumersOf } from "../graph/traversal.ts";
import { dimsAlong, dimsOf } from "./counts.ts";
import type { FoundDims } from "./dims.ts";
import type { CountPart, Dim, Layer, ResolvedShapes } from "./structure.ts";

/** Ops whose results at one index of an axis depend on that index of their operands alone, wherever the axis is still there. */
const ONE_BY_ONE: ReadonlySet<string> = new Set([
  ...["unary", "elementwise", "cast", "quantize", "dequantize", "batchNorm", "instanceNorm"],
  ...["conv", "convTranspose", "pool", "globalPool", "resize", "transpose", "pad", "concat"],
  ...["squeeze", "unsqueeze", "flatten", "reshape", "expand", "tile", "slice", "split", "gather"],
  ...["shape", "size"],
]);

/** Ops that leave indices out without a look at what is there. */
const SELECTS: ReadonlySet<string> = new Set(["slice", "split", "gather", "shape", "size"]);

/**
 * The dims whose units nothing reads: no weight is multiplied with them, and what they are handed on to ends in ops that leave them
 * out (a Slice of the other channels). What the network computes doesn't depend on them.
 */
export function unreadDims(
  graph: Graph,
  dims: readonly Pick<Dim, "index" | "pinned">[],
  layers: readonly Layer[],
  { axis, shapes }: Pick<FoundDims, "axis"> & { readonly shapes: ResolvedShapes },
): ReadonlySet<number> {
  const live = new Set(dims.filter(({ pinned }) => pinned !== null).map(({ index }) => index));
  const isLayer = new Set(layers.map(({ id }) => id));
  for (const { weight } of layers) {
    for (const dim of dimsAlong(axis(weight.name, weight.inputAxis))) live.add(dim);
  }
  if (live.size >= dims.length) return new Set();
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const along = (value: string): ReadonlySet<number> => {
    const found = new Set<number>();
    const shape = graph.initializers.get(value)?.shape ?? shapes.of(value) ?? [];
    for (const at of shape.keys()) {
      for (const dim of dimsAlong(axis(value, at))) found.add(dim);
    }
    return found;
  };
  const readBy = (node: Node, dim: number, input: string): boolean => {
    const kind = traitsOf(node)?.kind ?? "opaque";
    // A layer's own weight and bias, along what it produces.
    if (isLayer.has(nodeId(node)) && node.inputs.indexOf(input) > 0) return false;
    if (!ONE_BY_ONE.has(kind)) return true;
    return !SELECTS.has(kind) && !node.outputs.some((output) => along(output).has(dim));
  };
  for (const [value, readers] of consumersOf(graph)) {
    for (const dim of along(value)) {
      if (live.has(dim)) continue;
      if (outputs.has(value) || readers.some((node) => readBy(node, dim, value))) live.add(dim);
    }
  }
  // A layer that would be empty without them keeps them.
  const isLeft = (part: CountPart): boolean => dimsOf(part).every((dim) => live.has(dim));
  for (const { output } of layers) {
    if (output.fixed > 0 || output.parts.some(isLeft)) continue;
    for (const dim of output.parts.flatMap(dimsOf)) live.add(dim);
  }
  return new Set(dims.map(({ index }) => index).filter((index) => !live.has(index)));
}
