import type { MathNode } from "mathjs";
import { closest } from "../../core/closest.ts";
import {
  addForms,
  denseForm,
  divideForms,
  isNumber,
  multiplyForms,
  numberForm,
  quantityForm,
  scaleForm,
} from "./arithmetic.ts";
import { type LinearForm, QUANTITIES, type QuantityName } from "./form.ts";
import {
  expect,
  expectSign,
  placeOf,
  type Reader,
  syntaxError,
  withoutBrackets,
} from "./reader.ts";
import { limitError } from "./source.ts";
import { meaningOfUnit, UNIT_NAMES } from "./units.ts";

const COMPARES = /^(?:[<>]=?|[=!]=)$/;

/**
 * The linear form of a part of the tree.
 * @throws UsageError as `parseLimit`
 */
export function fold(reader: Reader, node: MathNode): LinearForm {
  const { math, source } = reader;
  const inner = withoutBrackets(reader, node);
  if (math.isConstantNode(inner)) return constantOf(reader, inner.value);
  if (math.isSymbolNode(inner)) return nameOf(reader);
  if (math.isFunctionNode(inner)) return callOf(reader, inner.args);
  if (math.isOperatorNode(inner)) {
    const { op, args, implicit } = inner;
    const isPercentage = "isPercentage" in inner && inner.isPercentage === true;
    return operationOf(reader, { op, args, implicit, isPercentage });
  }
  throw syntaxError(source, placeOf(reader), "This is not understood");
}

interface Operation {
  readonly op: string;
  readonly args: readonly MathNode[];
  readonly implicit: boolean;
  readonly isPercentage: boolean;
}

function operationOf(reader: Reader, operation: Operation): LinearForm {
  const { op, implicit, isPercentage } = operation;
  const [left, right] = operation.args;
  if (left === undefined) throw syntaxError(reader.source, placeOf(reader), "Something is missing");
  if (right === undefined) {
    if (op !== "-" && op !== "+") throw notAllowed(reader, op);
    const at = expectSign(reader, op);
    return { ...scaleForm(fold(reader, left), op === "-" ? -1 : 1), at };
  }
  const first = fold(reader, left);
  if (isPercentage) return percentOf(reader, first);
  if (op === "%") return shareOfDense(reader, first, right);
  const at = implicit ? placeOf(reader) : expectSign(reader, op);
  switch (op) {
    case "+":
      return addForms(reader.source, first, fold(reader, right), at);
    case "-":
      return addForms(reader.source, first, scaleForm(fold(reader, right), -1), at);
    case "*":
      return multiplyForms(reader.source, first, fold(reader, right), at);
    case "/":
      return divideForms(reader.source, first, fold(reader, right), at);
    default:
      throw notAllowed(reader, op, at);
  }
}

/** mathjs reads `50 % dense` as a remainder; people mean a share, but only where it can be nothing else. */
function shareOfDense(reader: Reader, form: LinearForm, right: MathNode): LinearForm {
  const at = placeOf(reader);
  const share = { ...percentOf(reader, form), isPercent: false };
  const dense = fold(reader, right);
  if (dense.share === 0) {
    throw limitError(
      reader.source,
      at,
      "syntax",
      "Per cent of what?",
      "Write a share as 50% * dense, and nothing else with it.",
    );
  }
  return multiplyForms(reader.source, share, dense, at);
}

function notAllowed(reader: Reader, op: string, at = placeOf(reader)): Error {
  return COMPARES.test(op)
    ? syntaxError(reader.source, at, "A limit compares once, and nothing within brackets")
    : limitError(
        reader.source,
        at,
        "nonlinear",
        `'${op}' can't be used in a limit.`,
        "A limit adds quantities times numbers: + - * / and brackets.",
      );
}

function percentOf(reader: Reader, form: LinearForm): LinearForm {
  const at = expectSign(reader, "%");
  if (!isNumber(form)) {
    throw limitError(
      reader.source,
      at,
      "syntax",
      "Per cent of what?",
      "Write a number before %: 50% * dense.",
    );
  }
  return { ...scaleForm(form, 0.01), isPercent: true };
}

function constantOf(reader: Reader, value: unknown): LinearForm {
  if (typeof value !== "number") {
    const at = expect(reader, "string").at;
    throw syntaxError(reader.source, at, "A text can only name a device, a component or dims");
  }
  const { at } = expect(reader, "number");
  if (!Number.isFinite(value)) {
    throw limitError(
      reader.source,
      at,
      "number",
      "This number is too large.",
      "Use a smaller one.",
    );
  }
  return numberForm(value, at);
}

function nameOf(reader: Reader): LinearForm {
  const { text, at } = expect(reader, "name");
  if (text === "dense") return denseForm(at);
  if (isQuantity(text)) {
    if (text === "count") throw argumentError(reader, at, "count", "count('layer1.*') >= 16");
    return quantityForm({ name: text, argument: null, at });
  }
  const unit = meaningOfUnit(text, (value, name) => reader.math.unit(value, name));
  if (unit === null) throw unknownName(reader, text, at);
  return { ...numberForm(unit.amount, at), kind: unit.kind };
}

const WITH_ARGUMENT: ReadonlyMap<QuantityName, string> = new Map([
  ["params", "params('encoder') <= 40%"],
  ["macs", "macs('encoder') <= 40%"],
  ["bytes", "bytes('encoder') <= 40%"],
  ["latency", "latency('jetson-nano') <= 12 ms"],
  ["energy", "energy('my-board') <= 20 mJ"],
  ["device_memory", "device_memory('my-board') <= 100 MB"],
  ["importance", "importance('head') >= 90%"],
  ["damage", "damage('answer') <= 5%"],
  ["nonzeros", "nonzeros('layer1') >= 30%"],
  ["count", "count('layer1.*') >= 16"],
  ["dropped_blocks", "dropped_blocks('layer1.*') >= 1"],
]);

function callOf(reader: Reader, args: readonly MathNode[]): LinearForm {
  const { text, at } = expect(reader, "name");
  if (text === "align") {
    throw syntaxError(reader.source, at, "align(...) stands alone and is compared with nothing");
  }
  if (!isQuantity(text)) throw unknownName(reader, text, at);
  const example = WITH_ARGUMENT.get(text);
  if (example === undefined) {
    throw limitError(
      reader.source,
      at,
      "argument",
      `${text} takes nothing in brackets.`,
      `Write ${text} alone.`,
    );
  }
  const [only] = args;
  if (args.length !== 1 || only === undefined) throw argumentError(reader, at, text, example);
  return quantityForm({ name: text, argument: textOf(reader, only, text, example), at });
}

function textOf(reader: Reader, node: MathNode, name: string, example: string): string {
  const inner = withoutBrackets(reader, node);
  const isText = reader.math.isConstantNode(inner) && typeof inner.value === "string";
  if (!isText) throw argumentError(reader, placeOf(reader), name, example);
  const text = expect(reader, "string").text.slice(1, -1);
  if (text === "") throw argumentError(reader, placeOf(reader, -1), name, example);
  return text;
}

export function argumentError(reader: Reader, at: number, name: string, example: string): Error {
  return limitError(
    reader.source,
    at,
    "argument",
    `${name} needs other things in its brackets.`,
    `Write it like this: ${example}.`,
  );
}

function unknownName(reader: Reader, name: string, at: number): Error {
  const meant = closest(name, [...Object.keys(QUANTITIES), ...UNIT_NAMES, "dense", "align"]);
  return limitError(
    reader.source,
    at,
    "name",
    `There is no quantity or unit '${name}'.`,
    `${meant === null ? "" : `Did you mean '${meant}'? `}Quantities are ${names()}; units are ${UNIT_NAMES.join(", ")} and %.`,
  );
}

/** The quantities, for errors. */
export function names(): string {
  return Object.keys(QUANTITIES).join(", ");
}

function isQuantity(name: string): name is QuantityName {
  return Object.hasOwn(QUANTITIES, name);
}
