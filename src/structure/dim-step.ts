import type { Dim } from "./structure.ts";

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
