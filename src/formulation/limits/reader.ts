import type { MathNode } from "mathjs";
import { UsageError } from "../../core/errors.ts";
import { limitError, type Source, type Token, tokensOf } from "./source.ts";

type MathModule = typeof import("mathjs");

/** A tree that is walked in the order of its words, so that each node is known to stand at the next of them. */
export interface Reader {
  readonly source: Source;
  readonly math: MathModule;
  readonly tokens: readonly Token[];
  next: number;
}

/** @throws UsageError `formulation/limit-syntax`, `formulation/limit-too-long` */
export function treeOf({ source, math, tokens }: Reader): MathNode {
  refuseTooLong(source, tokens);
  const stray = tokens.find(({ kind, text }) => kind === "sign" && /[#;[\]{}\\]/.test(text));
  if (stray !== undefined) throw syntaxError(source, stray.at, `'${stray.text}' is not understood`);
  // What is in quotes is ours to read: mathjs would take a backslash in it for an escape.
  const plain = source.text.replaceAll(/"[^"]*"|'[^']*'/g, (quoted) =>
    quoted.replaceAll(/[^"']/g, "x"),
  );
  if (plain.trim() === "") throw syntaxError(source, 0, "There is nothing to read");
  try {
    return math.parse(plain);
  } catch (cause) {
    const char = cause instanceof Error && "char" in cause ? Number(cause.char) : 1;
    const message = cause instanceof Error ? cause.message : "It can't be read";
    throw syntaxError(source, char - 1, message.replace(/ \(char \d+\)$/, ""));
  }
}

/** Longer ones are written by programs that went wrong, and reading them would need more stack than there is. */
const MOST_WORDS = 1000;
const MOST_BRACKETS = 50;

function refuseTooLong({ option }: Source, tokens: readonly Token[]): void {
  let [depth, deepest] = [0, 0];
  for (const { text } of tokens) {
    if (text === "(") depth += 1;
    if (text === ")") depth -= 1;
    deepest = Math.max(deepest, depth);
  }
  if (tokens.length <= MOST_WORDS && deepest <= MOST_BRACKETS) return;
  throw new UsageError({
    code: "formulation/limit-too-long",
    message: `The expression has ${tokens.length} words and brackets ${deepest} deep; at most ${MOST_WORDS} and ${MOST_BRACKETS} are read.`,
    where: option,
    hint: "Write sums as products (3 * params), leave out brackets that change nothing, and split it into several limits.",
  });
}

export function syntaxError(source: Source, at: number, what: string): Error {
  return limitError(
    source,
    at,
    "syntax",
    `${what}:`,
    'A limit compares quantities with amounts, such as "params <= 2M" or "latency(\'jetson-nano\') <= 12 ms".',
  );
}

/** An expression that mathjs has not read yet. */
export function readerOf(source: Source, math: MathModule): Reader {
  return { source, math, tokens: tokensOf(source.text), next: 0 };
}

/** The node in brackets; the brackets themselves are no words that anything is expected at. */
export function withoutBrackets({ math }: Reader, node: MathNode): MathNode {
  let inner = node;
  while (math.isParenthesisNode(inner)) inner = inner.content;
  return inner;
}

/** The next word of that kind. The tree has its words in the order of the text, so that it is this node's own. */
export function expect(reader: Reader, kind: Token["kind"]): Token {
  const at = reader.tokens.findIndex((token, index) => index >= reader.next && token.kind === kind);
  const token = reader.tokens[at];
  if (token === undefined) {
    throw syntaxError(reader.source, placeOf(reader), "This is not understood");
  }
  reader.next = at + 1;
  return token;
}

/** Where the next such sign stands. */
export function expectSign(reader: Reader, sign: string): number {
  const at = reader.tokens.findIndex((token, index) => index >= reader.next && token.text === sign);
  const token = reader.tokens[at];
  if (token === undefined) {
    throw syntaxError(reader.source, placeOf(reader), "This is not understood");
  }
  reader.next = at + 1;
  return token.at;
}

/** Where the next word that isn't read yet stands, brackets left out. */
export function placeOf({ tokens, next, source }: Reader, offset = 0): number {
  const rest = tokens.slice(Math.max(0, next + offset));
  return rest.find(({ text }) => !/^[()]$/.test(text))?.at ?? source.text.length;
}
