import { closest } from "../../core/closest.ts";
import type { Structure } from "../../structure/structure.ts";
import { patternOf } from "./dims-named.ts";
import type { QuantityRef } from "./form.ts";
import { limitError, type Source } from "./source.ts";

/**
 * The blocks that `dropped_blocks('...')` names, by index: the one of that very name, or all that match it as a regular
 * expression. Every block, without a name.
 * @throws UsageError `formulation/limit-name`
 */
export function blocksNamed(
  { blocks }: Structure,
  { argument, at }: Pick<QuantityRef, "argument" | "at">,
  source: Source,
): readonly number[] {
  if (argument === null) return blocks.map(({ index }) => index);
  const exact = blocks.find(({ name }) => name === argument);
  if (exact !== undefined) return [exact.index];
  const pattern = patternOf(argument, at, source, "block");
  const matching = blocks.filter(({ name }) => pattern.test(name));
  if (matching.length > 0) return matching.map(({ index }) => index);
  const names = blocks.map(({ name }) => name);
  const meant = closest(argument, names);
  throw limitError(
    source,
    at,
    "name",
    names.length === 0
      ? "The network has no blocks that could be dropped."
      : `No block is named '${argument}', and none matches it.`,
    meant === null ? "mdp inspect lists the blocks." : `Did you mean '${meant}'?`,
  );
}
