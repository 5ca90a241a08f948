import { InputError } from "../core/errors.ts";
import { differencesOf } from "./differences.ts";
import type { Feeds } from "./session.ts";

/** How far two sets of outputs are apart. */
export interface Difference {
  /** Largest |a - b|. */
  readonly maxAbsolute: number;
  /** Largest over the outputs of max |a - b| / max |a|, `a` being the reference. Infinity where only `a` is all zero, or where one side only is finite. */
  readonly maxRelative: number;
  /** The output with the largest relative difference. */
  readonly output: string | null;
  /** Same bits everywhere. */
  readonly identical: boolean;
  /** Elements of the reference that are NaN or infinite: agreement there says nothing. */
  readonly notFinite: number;
}

/**
 * Compares outputs by name; the first set is the reference. What is not finite on one side only is infinitely far; where both
 * sides have the same NaN or infinity there is no difference, and `notFinite` counts it.
 * @throws InputError `runtime/outputs-differ` where names or shapes differ
 */
export function compareOutputs(reference: Feeds, other: Feeds): Difference {
  const names = Object.keys(reference);
  if (names.length !== Object.keys(other).length) throw unlike(names.join(", "), other);
  let maxAbsolute = 0;
  let maxRelative = 0;
  let worst: string | null = null;
  let identical = true;
  let notFinite = 0;
  for (const name of names) {
    const [a, b] = [reference[name], other[name]];
    if (a === undefined || b === undefined || String(a.shape) !== String(b.shape)) {
      throw unlike(name, other);
    }
    const difference = differencesOf(a, b);
    const [absolute, largest] = [difference.apart[0] ?? 0, difference.largest[0] ?? 0];
    const relative = absolute === 0 ? 0 : absolute / largest;
    identical &&= difference.identical;
    notFinite += difference.notFinite;
    maxAbsolute = Math.max(maxAbsolute, absolute);
    if (worst === null || relative > maxRelative) {
      maxRelative = relative;
      worst = name;
    }
  }
  return { maxAbsolute, maxRelative, output: worst, identical, notFinite };
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
