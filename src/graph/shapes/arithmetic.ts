/** Arithmetic of the ops that networks compute sizes with. Symbols stand for whole numbers from 1 on. */
import type { Extent } from "../graph.ts";
import { exactQuotient, plus, times } from "./extents.ts";

/** One element of an elementwise op from one element of each input. `whole`: the type is an integer type. */
type Compute = (operands: readonly Extent[], whole: boolean) => Extent;

function onNumbers(compute: (left: number, right: number, whole: boolean) => number): Compute {
  return ([left, right], whole) =>
    typeof left === "number" && typeof right === "number" ? compute(left, right, whole) : null;
}

function folded(compute: (left: Extent, right: Extent) => Extent): Compute {
  return (operands) => operands.slice(1).reduce<Extent>(compute, operands[0] ?? null);
}

function divided([left = null, right = null]: readonly Extent[], whole: boolean): Extent {
  if (typeof left !== "number" || typeof right !== "number") return exactQuotient(left, right);
  if (right === 0) return null;
  return whole ? Math.trunc(left / right) : left / right;
}

function equal([left = null, right = null]: readonly Extent[]): Extent {
  if (left === null || right === null) return null;
  if (left === right) return 1;
  if (typeof left === "number" && typeof right === "number") return 0;
  const number = typeof left === "number" ? left : right;
  return typeof number === "number" && number < 1 ? 0 : null;
}

function chosen([condition = null, left = null, right = null]: readonly Extent[]): Extent {
  if (typeof condition === "number") return condition === 0 ? right : left;
  return left === right ? left : null;
}

const truth = (value: boolean): number => (value ? 1 : 0);

// The sign follows the divisor, as in Python; fmod = 1 asks for C's rule, which only floats use.
const modulo = (left: number, right: number): number => left - right * Math.floor(left / right);

export const ARITHMETIC: ReadonlyMap<string, Compute> = new Map<string, Compute>([
  ["Add", folded(plus)],
  ["Sum", folded(plus)],
  ["Sub", ([left = null, right = null]) => subtracted(left, right)],
  ["Mul", folded(times)],
  ["Div", divided],
  ["Mod", onNumbers((left, right) => (right === 0 ? Number.NaN : modulo(left, right)))],
  ["Pow", onNumbers((left, right) => left ** right)],
  ["Max", folded((left, right) => larger(left, right))],
  ["Min", onNumbers((left, right) => Math.min(left, right))],
  ["Equal", equal],
  ["Less", onNumbers((left, right) => truth(left < right))],
  ["LessOrEqual", onNumbers((left, right) => truth(left <= right))],
  ["Greater", onNumbers((left, right) => truth(left > right))],
  ["GreaterOrEqual", onNumbers((left, right) => truth(left >= right))],
  ["And", onNumbers((left, right) => truth(left !== 0 && right !== 0))],
  ["Or", onNumbers((left, right) => truth(left !== 0 || right !== 0))],
  ["Where", chosen],
]);

function subtracted(left: Extent, right: Extent): Extent {
  if (typeof left === "string" && left === right) return 0;
  return typeof right === "number" ? plus(left, -right) : null;
}

function larger(left: Extent, right: Extent): Extent {
  if (typeof left === "number" && typeof right === "number") return Math.max(left, right);
  return left === 1 ? right : right === 1 ? left : null;
}

export const UNARY_FUNCTIONS: ReadonlyMap<string, (value: number) => number> = new Map([
  ["Abs", Math.abs],
  ["Ceil", Math.ceil],
  ["Floor", Math.floor],
  ["Neg", (value: number): number => -value],
  ["Not", (value: number): number => truth(value === 0)],
  ["Sqrt", Math.sqrt],
]);
