import { closest } from "../../core/closest.ts";
import type { Dim, Structure } from "../../structure/structure.ts";
import type { QuantityRef } from "./form.ts";
import { limitError, type Source } from "./source.ts";

/**
 * The dims that `count('...')` names: the one of that very name, or all that can be pruned and match it as a regular
 * expression.
 * @throws UsageError `formulation/limit-name`
 */
export function dimsNamed(
  structure: Structure,
  { argument, at }: Pick<QuantityRef, "argument" | "at">,
  source: Source,
): readonly Dim[] {
  const text = argument ?? "";
  const exact = structure.dims.find(({ name }) => name === text);
  if (exact !== undefined) return [exact];
  const pattern = patternOf(text, at, source, "dim");
  const matching = structure.dims.filter(({ name }) => pattern.test(name));
  const open = matching.filter(({ pinned }) => pinned === null);
  if (open.length > 0) return open;
  const [fixed] = matching;
  const names = structure.dims.map(({ name }) => name);
  const meant = closest(text, names);
  throw limitError(
    source,
    at,
    "name",
    fixed === undefined
      ? `No dim is named '${text}', and none matches it.`
      : `'${text}' matches only dims that can't be pruned, such as '${fixed.name}': ${fixed.pinned}.`,
    meant === null ? "mdp inspect lists the dims." : `Did you mean '${meant}'?`,
  );
}

/**
 * A name as a regular expression.
 * @throws UsageError `formulation/limit-name`
 */
export function patternOf(text: string, at: number, source: Source, what: "dim" | "block"): RegExp {
  try {
    return new RegExp(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw limitError(
      source,
      at,
      "name",
      `'${text}' is no ${what}'s name and no regular expression: ${why}.`,
      `mdp inspect lists the ${what}s; layer1 matches every name that contains it.`,
    );
  }
}
