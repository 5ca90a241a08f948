import { fold } from "./fold.ts";
import type { LinearForm } from "./form.ts";
import { readerOf, treeOf } from "./reader.ts";
import { limitError, type Source } from "./source.ts";

/** What exceeding a soft limit costs: so much of the objective per amount above it. */
export interface Penalty {
  readonly text: string;
  readonly price: number;
  /** Whether the price is a share of what the objective is while nothing is pruned. */
  readonly isShare: boolean;
  /** An amount of what is limited: `0.1M`, `1 ms`, `5%` of its dense value. */
  readonly per: LinearForm;
}

/**
 * `0.5 per ms`, `2% per 0.1M`, `1% per 5%`: the price is of the objective (importance, or what is minimised), per cent of
 * its dense value; the amount is of what is limited.
 * @throws UsageError `formulation/limit-penalty`, and as `parseLimit`
 */
export async function parsePenalty(source: Source): Promise<Penalty> {
  const { text } = source;
  const split = /\sper\s/.exec(text);
  if (split === null) {
    throw limitError(
      source,
      0,
      "penalty",
      "A penalty says how much of the objective an excess costs.",
      'Write it as "2% per 0.1M": two per cent of the dense importance for every 100,000 above the limit.',
    );
  }
  // Blanks keep the other half's places as they are.
  const head = text.slice(0, split.index).padEnd(text.length);
  const tail =
    " ".repeat(split.index + split[0].length) + text.slice(split.index + split[0].length);
  const price = await formOf(source, head);
  const per = await formOf(source, tail);
  const isPrice =
    price.parts.length === 0 && price.share === 0 && price.kind === null && price.constant > 0;
  if (!isPrice || price.constant === Number.POSITIVE_INFINITY) {
    throw limitError(
      source,
      price.at,
      "penalty",
      "A price is a number above zero, or per cent.",
      'Write "0.5 per ms" or "2% per 0.1M".',
    );
  }
  if (per.parts.length > 0 || per.share !== 0 || !(per.constant > 0)) {
    throw limitError(
      source,
      per.at,
      "penalty",
      "The price is per an amount above zero.",
      'Write "0.5 per ms", "2% per 0.1M" or "1% per 5%".',
    );
  }
  return { text, price: price.constant, isShare: price.isPercent, per };
}

async function formOf(source: Source, text: string): Promise<LinearForm> {
  const math = await import("mathjs");
  const reader = { ...readerOf({ ...source, text }, math), source };
  return fold(reader, treeOf({ ...reader, source: { ...source, text } }));
}
