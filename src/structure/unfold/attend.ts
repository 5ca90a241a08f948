import { at } from "../../core/at.ts";
import { tensorOf } from "../../graph/fold/numbers.ts";
import { type Fused, Kept, scalar, stepsOf, typeOf } from "./rule.ts";

/** Queries, keys and values as [batch, heads, tokens, columns], and what else attention knows. */
export interface Operands {
  readonly q: string;
  readonly k: string;
  readonly v: string;
  /** Columns of a head's queries: the product is divided by their root unless `scale` says another factor. */
  readonly columns: number;
  readonly scale: number | null;
  /** What is added to the scores, in turn. */
  readonly biases: readonly string[];
  /** Scores are bounded by c tanh(s / c); 0: not. */
  readonly softcap: number;
  /** What is added to the bounded scores, in turn. */
  readonly masks?: readonly string[];
}

/** softmax(bounded(scale q k^T + biases) + masks) v, as [batch, heads, tokens, columns]. */
export function attend(fused: Fused, operands: Operands): string {
  const { step } = stepsOf(fused);
  const { q, k, v, columns, biases, softcap, masks = [] } = operands;
  const factor = operands.scale ?? 1 / Math.sqrt(columns);
  const product = step("MatMul", [q, step("Transpose", [k], { perm: [0, 1, 3, 2] })]);
  let scores = step("Mul", [product, scalar(fused, "scale", factor)]);
  for (const bias of biases) scores = step("Add", [scores, bias]);
  if (softcap > 0) {
    const bound = scalar(fused, "softcap", softcap);
    scores = step("Mul", [step("Tanh", [step("Div", [scores, bound])]), bound]);
  }
  for (const mask of masks) scores = step("Add", [scores, mask]);
  return step("MatMul", [step("Softmax", [scores], { axis: -1 }), v]);
}

/** Keys or values that several heads of queries share, as [batch, heads, tokens, columns], once per head. */
export function oncePerHead(
  fused: Fused,
  value: string,
  { heads, columns, wanted }: { readonly [of in "heads" | "columns" | "wanted"]: number },
): string {
  if (heads === wanted) return value;
  const { step } = stepsOf(fused);
  const { writer } = fused;
  if (wanted % heads !== 0)
    throw new Kept(`${wanted} heads of queries can't share ${heads} of keys and values evenly`);
  const wide = writer.alongAxes("Unsqueeze", value, [2], { wanted: `${value}_wide` });
  const copies = writer.ints(`${value}_copies`, [1, 1, wanted / heads, 1, 1]);
  const sizes = writer.ints(`${value}_sizes`, [0, wanted, -1, columns]);
  return step("Reshape", [step("Expand", [wide, copies]), sizes]);
}

/** In the place of minus infinity: nothing that is finite is made infinite or NaN by it. */
export function lowOf(fused: Fused): number {
  return typeOf(fused) === "float16" ? -60_000 : -1e30;
}

/** [batch, tokens, heads * columns] as [batch, heads, tokens, columns]. */
export function toHeads(fused: Fused, value: string, heads: number, columns: number): string {
  const { step } = stepsOf(fused);
  const sizes = fused.writer.ints(`${value}_heads`, [0, 0, heads, columns]);
  return step("Transpose", [step("Reshape", [value, sizes])], { perm: [0, 2, 1, 3] });
}

/** [batch, heads, tokens, columns] as [batch, tokens, heads * columns], the op's output. */
export function fromHeads(fused: Fused, value: string, width: number): void {
  const { step, last } = stepsOf(fused);
  const sizes = fused.writer.ints(`${value}_width`, [0, 0, width]);
  last("Reshape", [step("Transpose", [value], { perm: [0, 2, 1, 3] }), sizes]);
}

/** What keeps queries from later keys: a constant of `low` above the diagonal. */
export function causal(
  fused: Fused,
  tokens: { readonly queries: unknown; readonly keys: unknown },
  low: number,
): string {
  const { queries, keys } = tokens;
  if (typeof queries !== "number" || queries !== keys)
    throw new Kept("it is causal, and its lengths are open or differ; give them with --bind");
  const values = Float64Array.from({ length: queries * queries }, (_, index) =>
    index % queries > Math.floor(index / queries) ? low : 0,
  );
  const tensor = tensorOf({ type: typeOf(fused), shape: [queries, queries], values });
  return fused.writer.tensor(`${at(fused.node.outputs, 0)}_causal`, tensor);
}

/** The length of an axis of a value; null where it is open. */
export function extentOf({ shapes }: Fused, name: string, axis: number): number | null {
  const shape = shapes.of(name)?.shape;
  const extent = shape?.at(axis);
  return typeof extent === "number" ? extent : null;
}
