/**
 * Limits as people write them. mathjs reads the expression into a tree; only the kinds of nodes below are let through,
 * and nothing of it is ever evaluated or compiled: what comes out are linear forms of known quantities.
 *
 *     params <= 0.5 * dense        latency('jetson-nano') <= 12 ms      8 MiB >= memory + bytes
 *     importance >= 95%            16 <= count('layer1.*') <= 48        align('jetson-nano', 16)
 *
 * `<` is read as `<=` and `>` as `>=`: with real numbers the difference is nothing that can be measured.
 */
import type { MathNode } from "mathjs";
import { commonKind, isNumber } from "./arithmetic.ts";
import { argumentError, fold, names } from "./fold.ts";
import type { Alignment, Comparison, LinearForm, Relation } from "./form.ts";
import {
  expect,
  expectSign,
  type Reader,
  readerOf,
  syntaxError,
  treeOf,
  withoutBrackets,
} from "./reader.ts";
import { limitError, type Source } from "./source.ts";

/** What one expression says: one comparison, two for `16 <= count('a') <= 48`, or widths. */
export interface ParsedLimit {
  readonly source: Source;
  readonly relations: readonly Relation[];
  readonly alignment: Alignment | null;
}

const COMPARISONS: ReadonlyMap<string, Comparison> = new Map([
  ["<=", "<="],
  ["<", "<="],
  [">=", ">="],
  [">", ">="],
  ["==", "=="],
]);

const CHAINED: ReadonlyMap<string, string> = new Map([
  ["smaller", "<"],
  ["smallerEq", "<="],
  ["larger", ">"],
  ["largerEq", ">="],
  ["equal", "=="],
]);

/**
 * Understands an expression.
 * @throws UsageError `formulation/limit-syntax`, `limit-name`, `limit-argument`, `limit-unit`, `limit-nonlinear`,
 * `limit-number`, `limit-dense`; each shows the place
 */
export async function parseLimit(source: Source): Promise<ParsedLimit> {
  // Loading all of mathjs takes longer than most commands: only where there is something to read.
  const math = await import("mathjs");
  const reader = readerOf(source, math);
  const root = withoutBrackets(reader, treeOf(reader));
  if (math.isFunctionNode(root) && root.fn.name === "align") {
    return { source, relations: [], alignment: alignmentOf(reader, root.args.length) };
  }
  if (math.isRelationalNode(root)) {
    const relations = chainOf(reader, root.params, root.conditionals);
    return { source, relations, alignment: null };
  }
  const [left, right] = math.isOperatorNode(root) ? root.args : [];
  const comparison = math.isOperatorNode(root) ? COMPARISONS.get(root.op) : undefined;
  if (!math.isOperatorNode(root) || comparison === undefined || !left || !right) {
    throw notALimit(reader, root);
  }
  const first = fold(reader, left);
  const at = expectSign(reader, root.op);
  const relation = relationOf(reader, first, comparison, fold(reader, right), at);
  return { source, relations: [relation], alignment: null };
}

/**
 * An expression that compares nothing: what is to be minimised.
 * @throws UsageError as `parseLimit`
 */
export async function parseForm(source: Source): Promise<LinearForm> {
  const reader = readerOf(source, await import("mathjs"));
  return fold(reader, treeOf(reader));
}

function notALimit({ source, math, tokens }: Reader, root: MathNode): Error {
  if (math.isAssignmentNode(root)) {
    const at = tokens.find(({ text }) => text === "=")?.at ?? 0;
    return syntaxError(source, at, "A limit compares with ==, <= or >=, not with =");
  }
  return syntaxError(source, tokens[0]?.at ?? 0, "This compares nothing");
}

function chainOf(
  reader: Reader,
  params: readonly MathNode[],
  conditionals: readonly string[],
): Relation[] {
  const relations: Relation[] = [];
  let before: { form: LinearForm; comparison: Comparison; at: number } | null = null;
  for (const [index, node] of params.entries()) {
    const form = fold(reader, node);
    if (before !== null) {
      relations.push(relationOf(reader, before.form, before.comparison, form, before.at));
    }
    const conditional = conditionals[index];
    if (conditional === undefined) break;
    const sign = CHAINED.get(conditional) ?? conditional;
    const at = expectSign(reader, sign);
    const comparison = COMPARISONS.get(sign);
    if (comparison === undefined) throw syntaxError(reader.source, at, `'${sign}' is no limit`);
    before = { form, comparison, at };
  }
  return relations;
}

/** Both sides checked against each other; a percentage alone becomes a share of the dense network. */
function relationOf(
  { source }: Reader,
  left: LinearForm,
  comparison: Comparison,
  right: LinearForm,
  at: number,
): Relation {
  const refuse = (what: string, message: string, hint: string, place = at): never => {
    throw limitError(source, place, what, message, hint);
  };
  // Damage is a share already: of the variance of what it is done to.
  const isShare = [left, right].some(({ kind }) => kind === "damage");
  const sides = [left, right].map((form): LinearForm => {
    if (!form.isPercent || !isNumber(form)) return form;
    return isShare
      ? { ...form, isPercent: false }
      : { ...form, constant: 0, share: form.constant, isPercent: false };
  });
  const [first = left, second = right] = sides;
  commonKind(source, first, second, at);
  if (first.parts.length + second.parts.length === 0) {
    refuse("syntax", "Neither side names a quantity.", `Quantities are ${names()}.`);
  }
  for (const [form, other] of [
    [first, second],
    [second, first],
  ] as const) {
    if (form.share === 0) continue;
    if (isShare) {
      refuse(
        "dense",
        "The dense network has no damage to take a share of.",
        "Damage is a share of the answer's variance: damage('answer') <= 5%.",
        form.at,
      );
    }
    if (other.share !== 0 || other.parts.length === 0 || form.parts.length > 0) {
      refuse(
        "dense",
        "'dense' is what the other side is while nothing is pruned, so that the quantities must all stand there.",
        "Write quantities on one side and dense on the other: params + bytes <= 0.5 * dense.",
        form.at,
      );
    }
  }
  return { text: source.text, left: first, comparison, right: second, at };
}

/** `align(16)`, `align('jetson-nano')`, `align('jetson-nano', 16)`. */
function alignmentOf(reader: Reader, length: number): Alignment {
  const { source, tokens } = reader;
  const { at } = expect(reader, "name");
  const words = tokens.filter(({ kind }) => kind === "string" || kind === "number");
  const device = words.find(({ kind }) => kind === "string");
  const multiple = words.find(({ kind }) => kind === "number");
  const value = multiple === undefined ? null : Number(multiple.text);
  const isWell =
    words.length === length &&
    length > 0 &&
    words.filter(({ kind }) => kind === "number").length <= 1 &&
    words.filter(({ kind }) => kind === "string").length <= 1 &&
    tokens.filter(({ kind, text }) => kind === "sign" && !/[(),]/.test(text)).length === 0 &&
    (value === null || (Number.isInteger(value) && value >= 1));
  if (!isWell) {
    const place = multiple?.at ?? at;
    throw argumentError(reader, place, "align", "align('jetson-nano', 16) or align(8)");
  }
  const name = device === undefined ? null : device.text.slice(1, -1);
  return { text: source.text, device: name, multiple: value, at: device?.at ?? at };
}
