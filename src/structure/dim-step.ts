import type { Dim, DimRole } from "./structure.ts";

/**
 * The numbers of units that a dim may keep at a step, increasing, less than all of them: those whose channels are multiples of the
 * step of the dim, or the full width less such a multiple. Where none is, and a unit is a group of channels that stay together, any
 * number of groups.
 * @param least units
 */
export function narrowerCounts(
  dim: Dim,
  step: number,
  countFrom: "zero" | "full" = "zero",
  least = 1,
): readonly number[] {
  // What nothing reads may go altogether.
  const from = dim.isUnread ? 0 : least;
  const all = Array.from({ length: Math.max(0, dim.size - from) }, (_, index) => from + index);
  return missesStep(dim, step, countFrom) ? all : all.filter(gridOf(dim, step, countFrom));
}

/** Whether no number of its groups fits the step, so that any number of them may stay. */
export function missesStep(dim: Dim, step: number, countFrom: "zero" | "full" = "zero"): boolean {
  return dim.unitChannels > 1 && !anyUnit(dim, gridOf(dim, step, countFrom));
}

function gridOf(dim: Dim, step: number, countFrom: "zero" | "full"): (units: number) => boolean {
  const own = stepOfDim(dim, step);
  const anchor = countFrom === "zero" ? 0 : (dim.size * dim.unitChannels) % own;
  return (units) => (units * dim.unitChannels) % own === anchor;
}

function anyUnit({ size }: Dim, accepts: (units: number) => boolean): boolean {
  for (let units = 1; units < size; units += 1) if (accepts(units)) return true;
  return false;
}

/** Whether dims of this role are multiplied with each other inside attention. */
export function inAttention(role: DimRole | null): boolean {
  return role !== null && role !== "embedding" && role !== "mlp";
}

/**
 * The grid of kept channels of a dim at a step: the step itself, but for what a transformer has its own grain for.
 *
 * | role | step |
 * | --- | --- |
 * | heads, groups | 1 |
 * | qk, v, width | the step, at most a quarter of the columns, as a power of two: 4 of 16, 8 of 32 |
 * | embedding, mlp | 16 channels up to a width of 512, 32 above, or the next multiple of the step; a step below 8 as it is |
 */
export function stepOfDim({ role, size }: Dim, step: number): number {
  switch (role) {
    case "heads":
    case "groups":
      return 1;
    case "qk":
    case "v":
    case "width":
      return Math.min(step, 2 ** Math.max(0, Math.floor(Math.log2(size / 4))));
    case "embedding":
    case "mlp": {
      const grain = size <= 512 ? 16 : 32;
      return step < 8 ? step : step * Math.ceil(grain / step);
    }
    case null:
      return step;
    default:
      return role satisfies never;
  }
}
