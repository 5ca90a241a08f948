import {
  type Comparison,
  FLIPPED,
  type FormPart,
  type LinearForm,
  QUANTITIES,
  type QuantityKind,
  quantityText,
  type Relation,
} from "./form.ts";
import type { MeasuredSubnet } from "./measure.ts";
import type { Quantity } from "./quantity.ts";
import { limitError, type Source } from "./source.ts";

/** A quantity with what it is while nothing is pruned. */
export interface MeasuredQuantity extends Quantity {
  readonly dense: number;
}

/** A quantity times a number. */
export interface Weighed {
  readonly quantity: MeasuredQuantity;
  readonly part: FormPart;
}

/** A limit with its quantities on the left and a number on the right. */
export interface Row {
  readonly source: Source;
  readonly relation: Relation;
  readonly kind: QuantityKind;
  readonly parts: readonly Weighed[];
  readonly comparison: Comparison;
  readonly limit: number;
  readonly dense: number;
}

/** @throws UsageError `formulation/limit-syntax` where both sides are the same */
export function rowOf(
  source: Source,
  relation: Relation,
  find: (part: FormPart) => MeasuredQuantity,
): Row {
  const { left, right } = relation;
  const denseOf = ({ parts }: LinearForm): number =>
    parts.reduce((sum, part) => sum + part.factor * find(part).dense, 0);
  const parts = merged([...left.parts, ...right.parts.map((part) => scaled(part, -1))]);
  const [first] = parts;
  if (first === undefined) {
    throw limitError(source, relation.at, "syntax", "Both sides are the same.", "Leave it out.");
  }
  const constant =
    right.constant - left.constant + right.share * denseOf(left) - left.share * denseOf(right);
  // One quantity is read as itself; a sum as it was written, from the side that it stands on.
  const divisor = parts.length === 1 ? first.factor : left.parts.length === 0 ? -1 : 1;
  const rows = parts.map((part) => {
    const own = scaled(part, 1 / divisor);
    return { part: own, quantity: find(own) };
  });
  return {
    source,
    relation,
    kind: QUANTITIES[first.ref.name],
    parts: rows,
    comparison: divisor < 0 ? FLIPPED[relation.comparison] : relation.comparison,
    limit: constant / divisor,
    dense: denseOfAll(rows),
  };
}

function merged(parts: readonly FormPart[]): FormPart[] {
  const sums = new Map<string, FormPart>();
  for (const part of parts) {
    const key = quantityText(part.ref);
    const before = sums.get(key);
    sums.set(key, before ? { ...before, factor: before.factor + part.factor } : part);
  }
  return [...sums.values()].filter(({ factor }) => factor !== 0);
}

function scaled(part: FormPart, by: number): FormPart {
  return { ...part, factor: part.factor * by };
}

/** What the sum is while nothing is pruned. */
export function denseOfAll(parts: readonly Weighed[]): number {
  return parts.reduce((sum, { part, quantity }) => sum + part.factor * quantity.dense, 0);
}

/** What the sum is, counted on the subnet itself. */
export function measureAll(parts: readonly Weighed[], subnet: MeasuredSubnet): number {
  return parts.reduce((sum, { part, quantity }) => sum + part.factor * quantity.measure(subnet), 0);
}
