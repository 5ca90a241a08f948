import type { Node } from "../graph.ts";
import type { Op } from "../op.ts";
import type { Numbers } from "./numbers.ts";

/** What a rule reads. */
export interface Job {
  readonly node: Node;
  readonly op: Op;
  /** One per input; null where it is omitted. */
  readonly inputs: readonly (Numbers | null)[];
  /** Shape and type of the result, as shape inference found them. */
  readonly shape: readonly number[];
  readonly type: Numbers["type"];
}

/** The elements of the first output before they are rounded to its type; null where the rule can't say. */
export type FoldRule = (job: Job) => Float64Array | null;

/** What the rule's op reads first; null where it is omitted. */
export function first({ inputs }: Job): Numbers | null {
  return inputs[0] ?? null;
}
