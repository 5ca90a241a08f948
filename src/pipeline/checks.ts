import { UsageError } from "../core/errors.ts";

/**
 * Refuses an option that is no whole number from `least` up; one that was left out is fine.
 * @throws UsageError `cli/not-a-count`
 */
export function checkWhole(value: number | undefined, option: string, least: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= least)) return;
  throw new UsageError({
    code: "cli/not-a-count",
    message: `${option} is ${value}; it must be a whole number, at least ${least}.`,
    where: option,
    hint: `Give a whole number, such as ${option} ${Math.max(least, 8)}.`,
  });
}

/**
 * Refuses an option that is not above zero; one that was left out is fine.
 * @throws UsageError `cli/not-positive`
 */
export function checkPositive(value: number | undefined, option: string): void {
  if (value === undefined || value > 0) return;
  throw new UsageError({
    code: "cli/not-positive",
    message: `${option} is ${value}; it must be above zero.`,
    where: option,
    hint: `Leave ${option} out for its default.`,
  });
}

/**
 * A share as people write it: `2%`, or `0.02`.
 * @throws UsageError `cli/share`
 */
export function shareOf(text: string, option: string, example = "2%"): number {
  const [, digits = "", sign] = /^\s*([0-9]*\.?[0-9]+)\s*(%?)\s*$/.exec(text) ?? [];
  const share = digits === "" ? Number.NaN : Number(digits) / (sign === "%" ? 100 : 1);
  if (share > 0 && share < 1) return share;
  throw new UsageError({
    code: "cli/share",
    message: `${option} is '${text}'; it must be a share between 0 and 1, such as ${example} or ${Number.parseFloat(example) / 100}.`,
    where: option,
    hint: `Write ${option} ${example}.`,
  });
}

/**
 * A regular expression from the command line.
 * @throws UsageError `cli/regular-expression`
 */
export function regularExpression(text: string | undefined, option: string): RegExp | null {
  if (text === undefined) return null;
  try {
    return new RegExp(text);
  } catch (cause) {
    throw new UsageError({
      code: "cli/regular-expression",
      message: `'${text}' is not a regular expression: ${cause instanceof Error ? cause.message : cause}.`,
      where: option,
      hint: "Names of dims are shown by mdp inspect; layer1 matches every name that contains it.",
      cause,
    });
  }
}

/**
 * A share of zeros as people write it: `80%`, `80 %` or `0.8`.
 * @throws UsageError `sparsify/sparsity`
 */
export function sparsityOf(text: string): number {
  const [, digits, sign] = /^\s*(-?\d*\.?\d+)\s*(%?)\s*$/.exec(text) ?? [];
  const share = digits === undefined ? Number.NaN : Number(digits) / (sign === "%" ? 100 : 1);
  if (share >= 0 && share < 1) return share;
  const why = Number.isNaN(share)
    ? "that is no share"
    : share === 1
      ? "without any weight there is no network"
      : "it must lie from 0 % to below 100 %";
  throw new UsageError({
    code: "sparsify/sparsity",
    message: `--sparsity is '${text}': ${why}.`,
    where: "--sparsity",
    hint: "Write --sparsity 80% or --sparsity 0.8.",
  });
}
