import type { Tensor } from "../../graph/graph.ts";
import { floatsOf } from "../../graph/tensor.ts";

/** The elements of a tensor of floats as float32, row-major; null where its elements are no floats. Halves are widened exactly. */
export function widened(tensor: Tensor): Float32Array | null {
  return tensor.type.startsWith("float") || tensor.type === "bfloat16" ? floatsOf(tensor) : null;
}
