/** What a pickle may hold here: the values that the authors of MDP and HALP write, and nothing that acts. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleSequence
  | PickleDict
  | PickleArray;

export interface PickleSequence {
  readonly kind: "list" | "tuple";
  readonly items: readonly PickleValue[];
}

/** Pairs in the order of the file. A key that comes twice counts the last time, as in Python. */
export interface PickleDict {
  readonly kind: "dict";
  readonly entries: readonly (readonly [PickleValue, PickleValue])[];
}

/** A numpy array, row-major; a scalar has no shape and comes as a plain number. */
export interface PickleArray {
  readonly kind: "array";
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** A value in a few words, for messages: `tuple of 3`, `array 4x5`, `text 'conv1'`. */
export function pickleText(value: PickleValue): string {
  if (value === null) return "None";
  if (typeof value === "string") return `text '${value.slice(0, 40)}'`;
  if (typeof value !== "object") return `${typeof value} ${value}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  switch (value.kind) {
    case "dict":
      return `dict of ${value.entries.length}`;
    case "array":
      return `array ${value.shape.join("x")}`;
    default:
      return `${value.kind} of ${value.items.length}`;
  }
}
