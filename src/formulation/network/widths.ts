import { InfeasibleError, UsageError } from "../../core/errors.ts";
import type { Dim, Structure } from "../../structure/structure.ts";
import type { DimChoices } from "./choices.ts";

/** What limits say of the widths of single dims; `limits/width-rules.ts` makes it. */
export interface WidthRules {
  readonly rules: readonly WidthRule[];
  /** Pairs of dims that keep the same number of channels while both stay, with what asked for it. */
  readonly equal: readonly { readonly dims: readonly [number, number]; readonly text: string }[];
}

export interface WidthRule {
  /** The limit as it was written. */
  readonly text: string;
  /** Whether a dim may keep so many channels. */
  readonly allows: (dim: Dim, channels: number) => boolean;
}

export const NO_RULES: WidthRules = { rules: [], equal: [] };

/** The widths that are left by the rules. */
export interface Widths {
  readonly choices: readonly DimChoices[];
  /** Per dim, the dim whose option decides it: itself, or the first of those that are equal. */
  readonly variables: readonly number[];
  /**
   * Per dim, options that stay in its list and may not be taken: the two dims on the sides of a droppable layer need the
   * same list, or the layer could not be dropped.
   */
  readonly forbidden: ReadonlyMap<number, ReadonlySet<number>>;
}

/**
 * Leaves out the widths that the rules don't allow.
 * @param choices what each dim may keep without rules
 * @param ties the pairs of dims on the sides of droppable layers
 * @throws InfeasibleError `formulation/no-width` where a dim has none left
 */
export function widthsOf(
  structure: Structure,
  choices: readonly DimChoices[],
  { rules, equal }: WidthRules,
  ties: readonly (readonly [number, number])[],
): Widths {
  const variables = variablesOf(choices.length, equal);
  const groupOf = (dim: number): number[] =>
    variables.flatMap((variable, other) => (variable === variables[dim] ? [other] : []));
  const isAllowed = (dim: number, units: number): boolean =>
    groupOf(dim).every((member) => {
      const other = structure.dims[member];
      return (
        other !== undefined &&
        (choices[member]?.counts.includes(units) ?? false) &&
        (other.pinned !== null ||
          rules.every((rule) => rule.allows(other, units * other.unitChannels)))
      );
    });
  const allowed = choices.map(({ counts }, dim) => counts.filter((units) => isAllowed(dim, units)));
  allowed.forEach((counts, dim) => {
    const found = structure.dims[dim];
    if (counts.length > 0 || found === undefined) return;
    throw noWidth(
      found,
      choices[dim]?.counts ?? [],
      [...rules, ...equal].map(({ text }) => text),
    );
  });
  const pairs = equal.map(({ dims: pair }) => pair);
  const sameOnOffer = pairs.filter(([a, b]) => listText(choices, a) === listText(choices, b));
  const lists = alignTies(choices, allowed, [...ties, ...sameOnOffer]);
  const torn = equal.find(({ dims: [a, b] }) => lists[a]?.join() !== lists[b]?.join());
  if (torn !== undefined) throw tornPair(structure, torn);
  const forbidden = new Map<number, ReadonlySet<number>>();
  lists.forEach((list, dim) => {
    const out = list.flatMap((units, k) => (allowed[dim]?.includes(units) ? [] : [k]));
    if (out.length > 0) forbidden.set(dim, new Set(out));
  });
  return {
    choices: choices.map((choice, dim) =>
      restricted(
        choice,
        lists[dim] ?? [],
        [...rules, ...equal].map(({ text }) => text),
      ),
    ),
    variables,
    forbidden,
  };
}

function listText(choices: readonly DimChoices[], dim: number): string {
  return choices[dim]?.counts.join() ?? "";
}

function restricted(choice: DimChoices, counts: readonly number[], texts: string[]): DimChoices {
  if (counts.length === choice.counts.length) return choice;
  return { counts, whole: counts.length > 1 ? null : `the only width with ${texts.join(", ")}` };
}

/** The first dim of each set of equal ones. */
function variablesOf(dims: number, equal: WidthRules["equal"]): number[] {
  const variables = Array.from({ length: dims }, (_, dim) => dim);
  for (const { dims: pair } of equal) {
    const [left, right] = [variables[pair[0]], variables[pair[1]]];
    if (left === undefined || right === undefined) continue;
    const first = Math.min(left, right);
    variables.forEach((variable, dim) => {
      if (variable === left || variable === right) variables[dim] = first;
    });
  }
  return variables;
}

/** Where rules make the lists of a tie's two dims differ, both keep the list that they had, until no tie differs. */
function alignTies(
  choices: readonly DimChoices[],
  allowed: readonly (readonly number[])[],
  ties: readonly (readonly [number, number])[],
): (readonly number[])[] {
  const lists = [...allowed];
  let changed = true;
  while (changed) {
    changed = false;
    for (const pair of ties) {
      const [left, right] = pair.map((dim) => lists[dim]?.join());
      if (left === right) continue;
      for (const dim of pair) lists[dim] = choices[dim]?.counts ?? [];
      changed = true;
    }
  }
  return lists;
}

/** Dims with other widths on offer, one of them at a layer that could be dropped. */
function tornPair(structure: Structure, { dims, text }: WidthRules["equal"][number]): UsageError {
  const named = dims.map((dim) => `'${structure.dims[dim]?.name}'`);
  return new UsageError({
    code: "formulation/limit-equal",
    message: `Dims ${named.join(" and ")} have other widths on offer, and a layer beside them could be dropped: both can't be decided at once.`,
    where: text,
    hint: "Keep single layers with --no-layers, or choose a --step that gives both dims the same widths.",
  });
}

function noWidth(dim: Dim, counts: readonly number[], texts: readonly string[]): InfeasibleError {
  const channels = counts.map((units) => units * dim.unitChannels);
  const shown =
    channels.length > 6
      ? [...channels.slice(0, 4), "...", ...channels.slice(-1)].join(", ")
      : channels.join(", ");
  return new InfeasibleError({
    code: "formulation/no-width",
    message: `Dim '${dim.name}' may keep ${shown} channels, and none of these widths meets ${texts.join(" and ")}.`,
    where: `dim '${dim.name}'`,
    hint: "Move the limit, offer more widths (--step, --max-prune), or name the dims more narrowly (mdp inspect --dims lists them).",
  });
}
