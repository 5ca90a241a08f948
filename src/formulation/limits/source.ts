import { UsageError } from "../../core/errors.ts";

/** An expression as it was written, for errors that show the place. */
export interface Source {
  /** The option it came from: `--limit`, `--soft`, `--penalty`. */
  readonly option: string;
  readonly text: string;
}

/** A word of an expression. */
export interface Token {
  readonly kind: "number" | "name" | "string" | "sign";
  readonly text: string;
  /** Offset of its first character. */
  readonly at: number;
}

const WORD =
  /(?<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<name>[\p{L}_][\p{L}\d_]*)|(?<string>"[^"]*"|'[^']*')|(?<sign><=|>=|==|!=|\S)/gu;

/** The words of an expression in their order; anything that is none of the others is a sign. */
export function tokensOf(text: string): readonly Token[] {
  return [...text.matchAll(WORD)].map((match): Token => {
    const { number, name, string } = match.groups ?? {};
    const kind = number ? "number" : name ? "name" : string ? "string" : "sign";
    return { kind, text: match[0], at: match.index };
  });
}

/** What the error says, the expression, and a caret under the place. */
export function limitError(
  source: Source,
  at: number,
  what: string,
  message: string,
  hint: string,
): UsageError {
  return new UsageError({
    code: `formulation/limit-${what}`,
    message: `${message}\n\n    ${oneLine(source.text)}\n    ${" ".repeat(columnOf(source.text, at))}^`,
    where: source.option,
    hint,
  });
}

function oneLine(text: string): string {
  return text.replaceAll(/\s/g, " ");
}

/** Characters before the place; what needs two code units is one character. */
function columnOf(text: string, at: number): number {
  return [...text.slice(0, Math.min(at, text.length))].length;
}
