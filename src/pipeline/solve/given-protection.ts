import { UsageError } from "../../core/errors.ts";
import type { Protection } from "../../structure/components/protection.ts";
import { regularExpression } from "../checks.ts";

/**
 * What stays whole: `@policy` for a component, `^encoder` for dims by name, or several of both with `|` between them. Null without.
 * @throws UsageError `cli/regular-expression`, `cli/component`
 */
export function protectionOf(text: string | undefined): Protection | null {
  if (text === undefined) return null;
  const pieces = text.split("|");
  const isComponent = (piece: string): boolean => piece.trim().startsWith("@");
  const components = pieces.filter(isComponent).map((piece) => piece.trim().slice(1));
  const rest = pieces.filter((piece) => !isComponent(piece)).join("|");
  if (components.includes("")) {
    throw new UsageError({
      code: "cli/component",
      message: "'@' names no component.",
      where: `--protect ${text}`,
      hint: "Write a component's name behind it: --protect @head. `mdp inspect --components auto` lists them.",
    });
  }
  const named = rest === "" && components.length > 0 ? undefined : rest;
  return { text, pattern: regularExpression(named, "--protect"), components };
}
