/** A number as a document holds it: null where it is infinite or none. */
export function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
