import { type Bound, type Hunt, limitedResources } from "../hunt.ts";
import type { Plan } from "../sweeps/plan.ts";
import { type SearchOptions, searchMultiplier } from "./search-one.ts";
import { searchTogether } from "./search-together.ts";

/** The multipliers with the least bound, or nearly so. */
export async function searchMultipliers(
  plan: Plan,
  hunt: Hunt,
  options: SearchOptions,
): Promise<Bound> {
  const limited = limitedResources(hunt);
  const [only] = limited;
  return limited.length === 1 && only !== undefined
    ? searchMultiplier(plan, hunt, only, options)
    : searchTogether(plan, hunt, limited, options);
}
