/** What the parsers of the authors' files share: taking values apart, with errors that name the place. */
import { InputError } from "../core/errors.ts";
import { type PickleDict, type PickleValue, pickleText } from "./pickle-values.ts";

/** Says where a file differs from the layout that is expected. */
export type Unexpected = (what: string) => never;

export function unexpectedIn(where: string): Unexpected {
  return (what) => {
    throw new InputError({
      code: "formulation/pickle-layout",
      message: `The pickle was read, but it isn't laid out like the authors' files: ${what}.`,
      where,
      hint: "docs/instances.md describes the solver inputs and the latency dictionaries that are known.",
    });
  };
}

export function itemsIn(
  value: PickleValue | undefined,
  what: string,
  bad: Unexpected,
): readonly PickleValue[] {
  const isSequence =
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    (value.kind === "list" || value.kind === "tuple");
  return isSequence ? value.items : bad(`${what} is ${named(value)} instead of a list`);
}

export function dictIn(value: PickleValue | undefined, what: string, bad: Unexpected): PickleDict {
  const isDict =
    typeof value === "object" && value !== null && "kind" in value && value.kind === "dict";
  return isDict ? value : bad(`${what} is ${named(value)} instead of a dict`);
}

export function textIn(value: PickleValue | undefined, what: string, bad: Unexpected): string {
  return typeof value === "string" ? value : bad(`${what} is ${named(value)} instead of a text`);
}

export function numberIn(value: PickleValue | undefined, what: string, bad: Unexpected): number {
  const isNumber = typeof value === "number" && Number.isFinite(value);
  return isNumber ? value : bad(`${what} is ${named(value)} instead of a number`);
}

/** A list of numbers or an array of one axis. */
export function numbersIn(value: PickleValue | undefined, what: string, bad: Unexpected): number[] {
  if (typeof value === "object" && value !== null && "kind" in value && value.kind === "array") {
    if (value.shape.length !== 1) return bad(`${what} is ${named(value)} instead of a list`);
    return [...value.data].map((item) => numberIn(item, what, bad));
  }
  return itemsIn(value, what, bad).map((item) => numberIn(item, what, bad));
}

function named(value: PickleValue | undefined): string {
  return value === undefined ? "missing" : pickleText(value);
}
