import { constantOf } from "./constants.ts";
import type { Extent, Graph, Tensor } from "./graph.ts";
import { elementCount, floatsOf, integersOf } from "./tensor.ts";

/** Values of a small constant tensor by name, row-major; null where it is not constant, too large or not a number. */
export type KnownValues = (name: string) => readonly Extent[] | null;

/** Tensors that hold sizes, axes or scales are shorter than this; larger ones are weights. */
export const SMALL_TENSOR = 4096;

/** The numbers of a small tensor, row-major; null where it is too large or its type is not a plain number. */
export function smallValues(tensor: Tensor): readonly number[] | null {
  if (elementCount(tensor.shape) > SMALL_TENSOR) return null;
  switch (tensor.type) {
    case "float32":
    case "float64":
      return Array.from(floatsOf(tensor));
    case "int64":
    case "int32":
    case "bool":
    case "uint8":
      return integersOf(tensor);
    default:
      return null;
  }
}

/** Values of the graph's own constants: initializers and Constant nodes. */
export function knownConstants(graph: Graph): KnownValues {
  return (name) => {
    const tensor = name === "" ? null : constantOf(graph, name);
    return tensor === null ? null : smallValues(tensor);
  };
}
