import { InputError } from "../core/errors.ts";
import { fromHalf } from "../graph/half.ts";
import type { Feed, Feeds } from "./session.ts";

/** How far two sets of outputs are apart. */
export interface Difference {
  /** Largest |a - b|. */
  readonly maxAbsolute: number;
  /** Largest over the outputs of max |a - b| / max |a|, `a` being the reference. Infinity where only `a` is all zero. */
  readonly maxRelative: number;
  /** The output with the largest relative difference. */
  readonly output: string | null;
  /** Same bits everywhere. */
  readonly identical: boolean;
}

/**
 * Compares outputs by name; the first set is the reference. A NaN on one side only counts as an infinite difference.
 * @throws InputError `runtime/outputs-differ` where names or shapes differ
 */
export function compareOutputs(reference: Feeds, other: Feeds): Difference {
  const names = Object.keys(reference);
  if (names.length !== Object.keys(other).length) throw unlike(names.join(", "), other);
  let maxAbsolute = 0;
  let maxRelative = 0;
  let worst: string | null = null;
  let identical = true;
  for (const name of names) {
    const [a, b] = [reference[name], other[name]];
    if (a === undefined || b === undefined || String(a.shape) !== String(b.shape)) {
      throw unlike(name, other);
    }
    const difference = compareTensors(a, b);
    identical &&= difference.identical;
    maxAbsolute = Math.max(maxAbsolute, difference.absolute);
    if (worst === null || difference.relative > maxRelative) {
      maxRelative = difference.relative;
      worst = name;
    }
  }
  return { maxAbsolute, maxRelative, output: worst, identical };
}

function compareTensors(
  a: Feed,
  b: Feed,
): { readonly absolute: number; readonly relative: number; readonly identical: boolean } {
  let absolute = 0;
  let largest = 0;
  let identical = a.type === b.type;
  for (let index = 0; index < a.data.length; index += 1) {
    const [left, right] = [a.data[index], b.data[index]];
    if (Object.is(left, right)) {
      largest = Math.max(
        largest,
        Math.abs(a.type === "float16" ? halfOf(left) : Number(left)) || 0,
      );
      continue;
    }
    identical = false;
    const [x, y] =
      a.type === "float16" ? [halfOf(left), halfOf(right)] : [Number(left), Number(right)];
    const apart = x === y ? 0 : Math.abs(x - y);
    absolute = Math.max(absolute, Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart);
    largest = Math.max(largest, Math.abs(x) || 0);
  }
  return { absolute, relative: absolute === 0 ? 0 : absolute / largest, identical };
}

function halfOf(bits: Feed["data"][number] | undefined): number {
  return fromHalf(Number(bits));
}

function unlike(name: string, other: Feeds): InputError {
  const found = Object.entries(other).map(([key, feed]) => `${key} [${feed.shape.join(", ")}]`);
  return new InputError({
    code: "runtime/outputs-differ",
    message: `The outputs can't be compared: '${name}' has another shape or is missing; found ${found.join(", ")}.`,
    where: name,
    hint: "Compare networks with the same outputs, fed with the same inputs.",
  });
}
