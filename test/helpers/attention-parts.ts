/** What transformers are built of: layers, heads, and attention written out. */
import type { Tensor } from "../../src/graph/graph.ts";
import { floatTensor, intTensor } from "../../src/graph/tensor.ts";
import type { NetworkBuilder } from "./networks.ts";

export const TOKENS = 6;
export const CHANNELS = 5;
export const WIDTH = 24;
export const HEADS = 4;
export const COLUMNS = WIDTH / HEADS;

/** Reads [batch, tokens, width], gives the same. */
export type Part = (b: NetworkBuilder, name: string, input: string) => string;

export function linear(
  b: NetworkBuilder,
  name: string,
  input: string,
  from: number,
  to: number,
): string {
  const product = b.node("MatMul", [input, b.weight(`${name}.weight`, [from, to])]);
  return b.node("Add", [product, b.weight(`${name}.bias`, [to])]);
}

export function scalar(b: NetworkBuilder, name: string, value: number): string {
  return b.tensor(name, floatTensor([], [value]));
}

export function reshape(
  b: NetworkBuilder,
  name: string,
  input: string,
  to: readonly number[],
): string {
  return b.node("Reshape", [input, b.ints(`${name}.shape`, to)]);
}

export function turn(b: NetworkBuilder, input: string, perm: readonly number[]): string {
  return b.node("Transpose", [input], { attributes: { perm } });
}

/** softmax(q k^T / sqrt(columns)) v for [batch, heads, tokens, columns], then back to [batch, tokens, width]. */
export function attend(
  b: NetworkBuilder,
  name: string,
  [q, k, v]: readonly [string, string, string],
  { width = WIDTH, bias = null }: { readonly width?: number; readonly bias?: string | null } = {},
): string {
  const scores = b.node("MatMul", [q, turn(b, k, [0, 1, 3, 2])]);
  const scaled = b.node("Mul", [scores, scalar(b, `${name}.scale`, COLUMNS ** -0.5)]);
  const biased = bias === null ? scaled : b.node("Add", [scaled, bias]);
  const weights = b.node("Softmax", [biased], { attributes: { axis: -1 } });
  const mixed = turn(b, b.node("MatMul", [weights, v]), [0, 2, 1, 3]);
  return reshape(b, `${name}.join`, mixed, [0, 0, width]);
}

/** [batch, tokens, heads * columns] -> [batch, heads, tokens, columns] */
export function heads(b: NetworkBuilder, name: string, input: string, count = HEADS): string {
  return turn(b, reshape(b, name, input, [0, 0, count, COLUMNS]), [0, 2, 1, 3]);
}

/** A whole number without axes. */
export function intScalar(value: number): Tensor {
  return intTensor([], [value]);
}
