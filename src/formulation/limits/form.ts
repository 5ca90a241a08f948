/** What quantities are counted in; only quantities of one kind can be compared or added. */
export type QuantityKind =
  | "parameters"
  | "MACs"
  | "bytes"
  | "milliseconds"
  | "millijoules"
  | "importance"
  | "damage"
  | "channels"
  | "nonzeros"
  | "blocks"
  | "layers";

/** The quantities that an expression may name, and what they are counted in. */
export const QUANTITIES = {
  params: "parameters",
  nonzeros: "nonzeros",
  macs: "MACs",
  bytes: "bytes",
  memory: "bytes",
  latency: "milliseconds",
  energy: "millijoules",
  device_memory: "bytes",
  importance: "importance",
  damage: "damage",
  count: "channels",
  dropped_blocks: "blocks",
  dropped_layers: "layers",
} as const satisfies Record<string, QuantityKind>;

export type QuantityName = keyof typeof QUANTITIES;

/** A quantity as an expression names it: `latency('jetson-nano')`. */
export interface QuantityRef {
  readonly name: QuantityName;
  /** The device, component or dims in brackets; null without. */
  readonly argument: string | null;
  /** Where it stands in the expression. */
  readonly at: number;
}

/** A quantity times a number. */
export interface FormPart {
  readonly ref: QuantityRef;
  readonly factor: number;
}

/** One side of a limit: quantities times numbers, a constant, and multiples of what the other side is when nothing is pruned. */
export interface LinearForm {
  readonly parts: readonly FormPart[];
  /** In parameters, MACs, bytes, milliseconds, ... as the quantities are. */
  readonly constant: number;
  /** Multiples of `dense`. */
  readonly share: number;
  /** null: a plain number. */
  readonly kind: QuantityKind | null;
  /** A share written as per cent, such as 50%; alone on a side it means 50% * dense. */
  readonly isPercent: boolean;
  /** Where it begins in the expression. */
  readonly at: number;
}

export type Comparison = "<=" | ">=" | "==";

/** The same comparison with its sides exchanged. */
export const FLIPPED = { "<=": ">=", ">=": "<=", "==": "==" } as const satisfies Record<
  Comparison,
  Comparison
>;

/** A limit as it was written, understood. */
export interface Relation {
  readonly text: string;
  readonly left: LinearForm;
  readonly comparison: Comparison;
  readonly right: LinearForm;
  /** Where the sign of comparison stands. */
  readonly at: number;
}

/** `align('jetson-nano', 16)`: widths that a device likes. */
export interface Alignment {
  readonly text: string;
  readonly device: string | null;
  /** Channels; null for the step of the device's own table. */
  readonly multiple: number | null;
  readonly at: number;
}

/** A quantity as people read it: `latency('jetson-nano')`. */
export function quantityText({ name, argument }: Pick<QuantityRef, "name" | "argument">): string {
  return argument === null ? name : `${name}('${argument}')`;
}
