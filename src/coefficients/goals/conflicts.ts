import type { Stand } from "./goal.ts";

/**
 * Pairs of requirements that stood against each other: each was met by some subnet, and no subnet met both.
 * @param measured stands of every subnet that was measured, in the order of the metrics
 */
export function conflictsAmong(
  measured: readonly (readonly Stand[])[],
): readonly (readonly [string, string])[] {
  const names = measured[0]?.map(({ name }) => name) ?? [];
  const isMet = (stands: readonly Stand[], index: number): boolean => {
    const margin = stands[index]?.margin ?? null;
    return margin !== null && margin >= 0;
  };
  const isEverMet = names.map((_, index) => measured.some((stands) => isMet(stands, index)));
  return names.flatMap((one, first) =>
    names.slice(first + 1).flatMap((other, offset) => {
      const second = first + 1 + offset;
      if (isEverMet[first] !== true || isEverMet[second] !== true) return [];
      const both = measured.some((stands) => isMet(stands, first) && isMet(stands, second));
      return both ? [] : [[one, other] as const];
    }),
  );
}
