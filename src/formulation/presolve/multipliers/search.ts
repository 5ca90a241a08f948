import { type Bound, limitedResources, type SearchState } from "../search-state.ts";
import type { Plan } from "../sweeps/plan.ts";
import { type SearchOptions, searchMultiplier } from "./search-one.ts";
import { searchTogether } from "./search-together.ts";

/** The multipliers with the least bound, or nearly so. */
export async function searchMultipliers(
  plan: Plan,
  search: SearchState,
  options: SearchOptions,
): Promise<Bound> {
  const limited = limitedResources(search);
  const [only] = limited;
  return limited.length === 1 && only !== undefined
    ? searchMultiplier(plan, search, only, options)
    : searchTogether(plan, search, limited, options);
}
