import { UsageError } from "../../core/errors.ts";

/** What a metric is asked for: `>= 97%`, `>= dense - 1%`, `<= 1.2 * dense`. */
export interface Requirement {
  readonly text: string;
  readonly comparison: ">=" | "<=";
  readonly constant: number;
  /** Per cent that stand alone: points of a share, and parts of the dense network's amount for anything else. */
  readonly percent: number;
  /** Multiples of what the dense network reaches. */
  readonly dense: number;
}

const TERM =
  /^\s*([+-])?\s*(?:(\d*\.?\d+(?:e[+-]?\d+)?)\s*(%)?\s*(?:\*?\s*(dense)\b)?|(dense)\b)\s*(?:dB\b)?/i;

/**
 * Reads a requirement.
 * @param where what names the metric, for errors
 * @throws UsageError `coefficients/requirement`
 */
export function parseRequirement(text: string, where: string): Requirement {
  const [, comparison, body = ""] = /^\s*(>=|<=)(.*)$/s.exec(text) ?? [];
  if (comparison !== ">=" && comparison !== "<=") throw unreadable(text, where);
  let [constant, percent, dense] = [0, 0, 0];
  let rest = body;
  for (let isFirst = true; isFirst || rest.trim() !== ""; isFirst = false) {
    const match = TERM.exec(rest);
    const [whole = "", sign, digits, perCent, ofDense, alone] = match ?? [];
    if (whole.trim() === "" || (!isFirst && sign === undefined)) throw unreadable(text, where);
    const factor = sign === "-" ? -1 : 1;
    const amount = factor * (digits === undefined ? 1 : Number(digits));
    if (alone !== undefined) dense += factor;
    else if (ofDense !== undefined) dense += perCent === undefined ? amount : amount / 100;
    else if (perCent !== undefined) percent += amount / 100;
    else constant += amount;
    rest = rest.slice(whole.length);
  }
  return { text: text.trim(), comparison, constant, percent, dense };
}

/** Whether it is measured against the dense network, not against a fixed number. */
export function isRelative({ dense }: Requirement): boolean {
  return dense !== 0;
}

/**
 * The value that is asked for.
 * @param dense what the dense network reaches on the same items
 */
export function limitOf(
  { constant, percent, dense: share }: Requirement,
  dense: number,
  unit: "share" | "dB" | "number",
): number {
  const points = unit === "share" || share === 0 ? percent : percent * Math.abs(dense);
  return constant + share * dense + points;
}

function unreadable(text: string, where: string): UsageError {
  return new UsageError({
    code: "coefficients/requirement",
    message: `'${text}' is no requirement.`,
    where,
    hint: 'Write a comparison with a number or with the dense network: ">= 97%", ">= dense - 1%", "<= 1.2 * dense", ">= dense - 0.5 dB".',
  });
}
