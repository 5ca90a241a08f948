/** Powers of ten that doubles hold exactly. */
const POWERS: readonly number[] = Array.from({ length: 23 }, (_, digits) => 10 ** digits);

/**
 * The number with that many significant decimal digits (1 to 15): `Number(value.toPrecision(digits))`, several times as fast
 * for positive numbers of everyday size.
 */
export function significant(value: number, digits: number): number {
  const least = POWERS[digits - 1] ?? Number.NaN;
  const most = 10 * least - 1;
  for (const power of POWERS) {
    const scaled = value * power;
    if (scaled < least) continue;
    const isTie = Math.abs(scaled - Math.floor(scaled) - 0.5) < 1e-6;
    if (!(scaled < most) || isTie || digits > 9) break;
    // An integer over an exact power of ten is rounded once: to the double that the decimal's text stands for.
    return Math.round(scaled) / power;
  }
  return Number(value.toPrecision(digits));
}
