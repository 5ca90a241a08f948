/**
 * Arithmetic on extents that may be symbols. A symbolic extent is a product: a whole factor and symbols, written
 * "2*batch*height". Symbols stand for whole numbers from 1 on. What can't be said that way is null, unknown.
 */
import type { Extent } from "../graph.ts";

interface Product {
  readonly factor: number;
  readonly symbols: readonly string[];
}

const PRODUCT = /^(\d+\*)?[A-Za-z_][\w.]*(\*[A-Za-z_][\w.]*)*$/;

// Exporters write whole formulas as names ("floor(height/2 - 1) + 1"): such a name is one symbol, never a factor.
function productOf(extent: number | string): Product {
  if (typeof extent === "number") return { factor: extent, symbols: [] };
  if (!PRODUCT.test(extent)) return { factor: 1, symbols: [extent] };
  const parts = extent.split("*");
  const factor = Number(parts[0]);
  return Number.isInteger(factor)
    ? { factor, symbols: parts.slice(1) }
    : { factor: 1, symbols: parts };
}

function extentOf({ factor, symbols }: Product): Extent {
  if (symbols.length === 0 || factor === 0) return factor;
  if (factor < 0 || !Number.isInteger(factor)) return null;
  const sorted = [...symbols].sort();
  if ((factor !== 1 || sorted.length > 1) && sorted.some((symbol) => !PRODUCT.test(symbol))) {
    return null;
  }
  return (factor === 1 ? sorted : [String(factor), ...sorted]).join("*");
}

/** The product of two extents. */
export function times(left: Extent, right: Extent): Extent {
  if (left === 0 || right === 0) return 0;
  if (left === null || right === null) return null;
  const a = productOf(left);
  const b = productOf(right);
  return extentOf({ factor: a.factor * b.factor, symbols: [...a.symbols, ...b.symbols] });
}

/** The product of all extents; 1 for none. */
export function productOfAll(extents: readonly Extent[]): Extent {
  return extents.reduce<Extent>(times, 1);
}

/** The quotient where the division leaves no rest, null otherwise. */
export function exactQuotient(left: Extent, right: Extent): Extent {
  if (left === null || right === null || right === 0) return null;
  const a = productOf(left);
  const b = productOf(right);
  const rest = [...a.symbols];
  for (const symbol of b.symbols) {
    const at = rest.indexOf(symbol);
    if (at < 0) return null;
    rest.splice(at, 1);
  }
  const factor = a.factor / b.factor;
  return Number.isInteger(factor) ? extentOf({ factor, symbols: rest }) : null;
}

/** The sum of two extents; with a symbol only where both are multiples of the same one, or one is 0. */
export function plus(left: Extent, right: Extent): Extent {
  if (left === 0) return right;
  if (right === 0) return left;
  if (left === null || right === null) return null;
  const a = productOf(left);
  const b = productOf(right);
  const same = [...a.symbols].sort().join("*") === [...b.symbols].sort().join("*");
  return same ? extentOf({ factor: a.factor + b.factor, symbols: a.symbols }) : null;
}

/**
 * The extent that two axes broadcast to; `undefined` where they can't (different numbers, neither of them 1).
 * An unknown extent beside a number above 1 must be that number or 1.
 */
function broadcastExtent(left: Extent, right: Extent): Extent | undefined {
  if (left === right) return left;
  if (left === 1) return right;
  if (right === 1) return left;
  if (typeof left === "number") return typeof right === "number" ? undefined : left;
  return typeof right === "number" ? right : null;
}

/** The shape that several broadcast to, aligned at their last axes; `undefined` where they can't. */
export function broadcastShapes(
  shapes: readonly (readonly Extent[])[],
): readonly Extent[] | undefined {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result: Extent[] = [];
  for (let axis = 0; axis < rank; axis += 1) {
    let extent: Extent | undefined = 1;
    for (const shape of shapes) {
      const at = shape.length - rank + axis;
      if (at < 0) continue;
      extent = broadcastExtent(extent, shape[at] ?? null);
      if (extent === undefined) return undefined;
    }
    result.push(extent);
  }
  return result;
}

/** Whether every extent is a number. */
export function isResolved(shape: readonly Extent[]): shape is readonly number[] {
  return shape.every((extent) => typeof extent === "number");
}
