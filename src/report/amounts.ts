/** How amounts look in reports and pages. */

/** Milliseconds with four significant digits. */
export function milliseconds(value: number): string {
  return `${value >= 1000 ? value.toFixed(0) : value.toPrecision(4)} ms`;
}

/** A share as per cent with one decimal. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/**
 * How far a table is from measured networks: as they were measured first, since that is what a user will meet.
 *
 * @example
 * tableErrorText({ mean: 0.027, worst: 0.05, networks: 20, withDrift: { mean: 0.14, worst: 0.2 } })
 * // "mean error 14.0 %, worst 20.0 % on 20 networks; 2.7 % and 5.0 % without the machine's drift"
 */
export function tableErrorText({ mean, worst, networks, withDrift }: TableError): string {
  const pair = withDrift ?? { mean, worst };
  const drift =
    withDrift === undefined
      ? ""
      : `; ${percent(mean)}${worst === null ? "" : ` and ${percent(worst)}`} without the machine's drift`;
  const atWorst = pair.worst === null ? "" : `, worst ${percent(pair.worst)}`;
  const on = networks === undefined ? "" : ` on ${networks} networks`;
  return `mean error ${percent(pair.mean)}${atWorst}${on}${drift}`;
}

interface TableError {
  readonly mean: number;
  readonly worst: number | null;
  readonly networks?: number | undefined;
  readonly withDrift?: { readonly mean: number; readonly worst: number } | undefined;
}

/** A large count with its unit: 1.23 M. */
export function count(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} G`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (value >= 1e3) return `${(value / 1e3).toFixed(1)} k`;
  return String(value);
}

/** Four digits; a dash for what is not known. */
export function figure(value: number | null): string {
  return value === null || !Number.isFinite(value) ? "-" : Number(value.toPrecision(4)).toString();
}
