/**
 * Arithmetic of linear forms: what may be added, multiplied and divided so that the result is still numbers times
 * quantities. The operands know where they stand, so that an error can show the place.
 */
import {
  type FormPart,
  type LinearForm,
  QUANTITIES,
  type QuantityKind,
  type QuantityRef,
  quantityText,
} from "./form.ts";
import { limitError, type Source } from "./source.ts";
import { exampleOf } from "./units.ts";

/** A form that is nothing but a number. */
export function numberForm(value: number, at: number): LinearForm {
  return { parts: [], constant: value, share: 0, kind: null, isPercent: false, at };
}

/** One of a quantity. */
export function quantityForm(ref: QuantityRef): LinearForm {
  const { at } = ref;
  const parts = [{ ref, factor: 1 }];
  return { parts, constant: 0, share: 0, kind: QUANTITIES[ref.name], isPercent: false, at };
}

/** What the other side is when nothing is pruned. */
export function denseForm(at: number): LinearForm {
  return { parts: [], constant: 0, share: 1, kind: null, isPercent: false, at };
}

export function scaleForm(form: LinearForm, factor: number): LinearForm {
  return {
    ...form,
    parts: form.parts.map((part) => ({ ...part, factor: part.factor * factor })),
    constant: form.constant * factor,
    share: form.share * factor,
  };
}

/** @throws UsageError `formulation/limit-unit` where the two are counted in different things */
export function addForms(
  source: Source,
  left: LinearForm,
  right: LinearForm,
  at: number,
): LinearForm {
  if (left.isPercent !== right.isPercent) {
    throw limitError(
      source,
      at,
      "unit",
      "A percentage is a share of something; it can't be added to an amount.",
      "Write 50% * dense, or the amount itself.",
    );
  }
  return {
    parts: mergedParts([...left.parts, ...right.parts]),
    constant: left.constant + right.constant,
    share: left.share + right.share,
    kind: commonKind(source, left, right, at),
    isPercent: left.isPercent,
    at: left.at,
  };
}

/** @throws UsageError `formulation/limit-nonlinear` */
export function multiplyForms(
  source: Source,
  left: LinearForm,
  right: LinearForm,
  at: number,
): LinearForm {
  if (isNumber(left)) return { ...scaleForm(right, left.constant), isPercent: false, at: left.at };
  if (isNumber(right)) return { ...scaleForm(left, right.constant), isPercent: false };
  throw limitError(
    source,
    at,
    "nonlinear",
    `${named(left)} times ${named(right)}: one of the two must be a plain number.`,
    "A limit adds quantities times numbers, such as params + 2 * macs; products of quantities can't be limited.",
  );
}

/** @throws UsageError `formulation/limit-nonlinear`, `formulation/limit-number` */
export function divideForms(
  source: Source,
  left: LinearForm,
  right: LinearForm,
  at: number,
): LinearForm {
  if (!isNumber(right)) {
    const by = named(right);
    throw limitError(
      source,
      at,
      "nonlinear",
      `${named(left)} divided by ${by}: only a plain number can divide.`,
      `Bring ${by} to the other side as a factor: latency <= 0.5 * dense.`,
    );
  }
  if (right.constant === 0) {
    throw limitError(source, at, "number", "Division by zero.", "Divide by another number.");
  }
  return { ...scaleForm(left, 1 / right.constant), isPercent: false };
}

/** A plain number, per cent included. */
export function isNumber(form: LinearForm): boolean {
  return form.parts.length === 0 && form.share === 0 && form.kind === null;
}

/**
 * What both are counted in, null where neither says. Plain numbers go with whatever has no unit of its own.
 * @throws UsageError `formulation/limit-unit`
 */
export function commonKind(
  source: Source,
  left: LinearForm,
  right: LinearForm,
  at: number,
): QuantityKind | null {
  if (left.kind !== null && right.kind !== null && left.kind !== right.kind) {
    throw limitError(
      source,
      at,
      "unit",
      `${named(left)} is in ${left.kind} and ${named(right)} in ${right.kind}.`,
      "Compare and add only what is counted in the same unit; write one limit for each.",
    );
  }
  const kind = left.kind ?? right.kind;
  if (kind !== "bytes" && kind !== "milliseconds" && kind !== "millijoules") return kind;
  for (const form of [left, right]) {
    const isBare = form.kind === null && form.constant !== 0 && !form.isPercent;
    if (isBare) {
      throw limitError(
        source,
        form.at,
        "unit",
        `${form.constant} has no unit; ${kind} are asked for.`,
        `Write it with one, such as ${exampleOf(kind)}, or as a share, such as 0.5 * dense.`,
      );
    }
  }
  return kind;
}

function mergedParts(parts: readonly FormPart[]): FormPart[] {
  const merged = new Map<string, FormPart>();
  for (const part of parts) {
    const key = quantityText(part.ref);
    const before = merged.get(key);
    merged.set(key, before ? { ...before, factor: before.factor + part.factor } : part);
  }
  return [...merged.values()].filter(({ factor }) => factor !== 0);
}

function named({ parts, share, constant, kind }: LinearForm): string {
  const [first] = parts;
  if (first !== undefined) return quantityText(first.ref);
  if (share !== 0) return "dense";
  return kind === null ? String(constant) : "the amount";
}
