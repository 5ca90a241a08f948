import type { Structure } from "../../structure/structure.ts";
import { type Candidate, widthsAlong } from "./candidates.ts";

/** Widths at which orders are compared, in parts of a dim's units. */
const LEVELS = 4;

/**
 * Per dim, the order whose cuts do least damage in all at three widths; the first one among equals.
 * @param damagesOf measured damages of cuts, in their order
 */
export async function betterOrders(
  structure: Structure,
  orders: readonly (readonly (readonly number[])[])[],
  damagesOf: (cuts: () => readonly Candidate[]) => Promise<readonly number[]>,
): Promise<readonly (readonly number[])[]> {
  const cuts = orders.map((each) => widthsAlong(structure, each, LEVELS));
  const damages = await damagesOf(() => cuts.flat());
  const sums = orders.map(() => new Float64Array(structure.dims.length));
  let at = 0;
  for (const [order, own] of cuts.entries()) {
    for (const cut of own) {
      const dim = cut.kind === "units" ? cut.dim : -1;
      const sum = sums[order];
      if (sum !== undefined) sum[dim] = (sum[dim] ?? 0) + (damages[at] ?? 0);
      at += 1;
    }
  }
  return structure.dims.map((_, dim) => {
    const lost = sums.map((sum) => sum[dim] ?? 0);
    return orders[lost.indexOf(Math.min(...lost))]?.[dim] ?? [];
  });
}
