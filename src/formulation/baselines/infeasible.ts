import { InfeasibleError } from "../../core/errors.ts";
import { isWithinLimit } from "../problem/evaluate.ts";
import type { Problem } from "../problem/problem.ts";

/** A method finds nothing within the limits; `least`: what its narrowest selection uses, by the true tables. */
export function methodInfeasible(
  problem: Problem,
  method: string,
  least: readonly number[],
): InfeasibleError {
  const over = problem.resources.flatMap(({ name, unit, limit, penalty }, resource) => {
    const used = least[resource] ?? Number.NaN;
    if ((penalty ?? null) !== null || isWithinLimit(used, limit)) return [];
    return [
      `${name} still takes ${Number(used.toPrecision(5))} ${unit} of ${Number(limit.toPrecision(5))} ${unit}`,
    ];
  });
  const why = over.length === 0 ? "" : `: at its narrowest ${over.join(", ")}`;
  return new InfeasibleError({
    code: "formulation/method-infeasible",
    message: `Method ${method} finds no subnet within the limits${why}.`,
    where: problem.name,
    hint: "It drops no blocks and no layers; --method mdp may. Otherwise raise the budget or allow more pruning.",
  });
}
