import { constantOf } from "../../graph/constants.ts";
import { floatAttribute, type Graph } from "../../graph/graph.ts";
import { elementCount, floatsOf } from "../../graph/tensor.ts";
import { onlyReader } from "./aim.ts";

/** Bounds of what goes on of a value: below `low` and above `high` it says nothing more. */
export interface Clamp {
  readonly low: number;
  readonly high: number;
}

/** The Relu or Clip that alone reads a value; null where something else reads it, or the bounds are not known. */
export function clampBehind(graph: Graph, name: string): Clamp | null {
  const reader = onlyReader(graph, name);
  if (reader === null || reader.domain !== "" || reader.inputs[0] !== name) return null;
  if (reader.opType === "Relu") return { low: 0, high: Number.POSITIVE_INFINITY };
  if (reader.opType !== "Clip") return null;
  // Before opset 11 the bounds are attributes.
  const bound = (role: "min" | "max", input: number, open: number): number | null => {
    const given = reader.inputs[input] ?? "";
    if (given === "") return floatAttribute(reader, role, open);
    const tensor = constantOf(graph, given);
    const isNumber = tensor?.type === "float32" && elementCount(tensor.shape) === 1;
    return isNumber ? (floatsOf(tensor)[0] ?? null) : null;
  };
  const low = bound("min", 1, Number.NEGATIVE_INFINITY);
  const high = bound("max", 2, Number.POSITIVE_INFINITY);
  return low === null || high === null || !(low < high) ? null : { low, high };
}

/**
 * How far a value has to move so that its clamped form comes to that of the goal: the whole way where the goal is inside the bounds;
 * elsewhere to the bound, and no way where it is beyond it already. The squared way is a bound of the squared distance of the clamped
 * values after any move, and tight for no move where the value is inside.
 */
export function wayThrough({ low, high }: Clamp, value: number, goal: number): number {
  if (goal <= low) return Math.min(low - value, 0);
  if (goal >= high) return Math.max(high - value, 0);
  return goal - value;
}
