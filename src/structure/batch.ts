import type { Structure } from "./structure.ts";

/** Images per run. */
export interface Batch {
  /** Those that the structure's shapes are for. */
  readonly images: number;
  /** Whether the file, or a binding of its open axis, allows no other number. */
  readonly isFixed: boolean;
  /** Whether the first input has an axis for it; a network without one takes one image. */
  readonly hasAxis: boolean;
}

/**
 * The batch of a network: the first axis of its first input. An input that has fewer axes than what the first convolution reads has no
 * axis for it (an image that the network itself unsqueezes), nor has a vector.
 */
export function batchOf({ graph, shapes, bind }: Structure): Batch {
  const [first] = graph.inputs;
  const declared = first?.shape ?? [];
  const known = shapes.of(first?.name ?? "") ?? [];
  const conv = graph.nodes.find(({ opType, domain }) => opType === "Conv" && domain === "");
  const read = shapes.of(conv?.inputs[0] ?? "");
  const [extent] = declared;
  if (typeof extent !== "number") {
    const isFixed = typeof extent === "string" && bind[extent] !== undefined;
    return { images: known[0] ?? 1, isFixed, hasAxis: declared.length > 0 };
  }
  const isMissing = declared.length === 1 || (read !== null && declared.length < read.length);
  return isMissing
    ? { images: 1, isFixed: true, hasAxis: false }
    : { images: extent, isFixed: true, hasAxis: true };
}
