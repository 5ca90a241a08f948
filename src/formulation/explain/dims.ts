import type { Problem, Selection } from "../problem/problem.ts";
import { type AloneChanges, aloneChanges } from "./alone.ts";
import type { DimReason, DimWhy, Loss, StepReason } from "./explanation.ts";
import type { Choice } from "./forced.ts";

/** Savings below this share of what is used are rounding errors. */
const NO_SAVING = 1e-9;

/** Per dim why it keeps what it keeps, and what a step to each side would cost. */
export function dimReasons(
  problem: Problem,
  selection: Selection,
  lossOf: (choice: Choice) => Loss | null,
): DimReason[] {
  const alone = aloneChanges(problem, selection);
  const step = (dim: number, option: number): StepReason | null => {
    const count = problem.dims[dim]?.counts[option];
    const loss = lossOf({ kind: "option", dim, option });
    return count === undefined || loss === null ? null : { count, loss, alone: alone(dim, option) };
  };
  return problem.dims.map(({ name, counts }, dim): DimReason => {
    const option = selection.options[dim] ?? -1;
    return {
      name,
      why: whyOf(problem, dim, option, alone),
      kept: counts[option] ?? 0,
      units: counts.at(-1) ?? 0,
      narrower: option < 0 ? null : step(dim, option - 1),
      wider: option < 0 ? null : step(dim, option + 1),
    };
  });
}

function whyOf(problem: Problem, dim: number, option: number, alone: AloneChanges): DimWhy {
  const options = problem.dims[dim]?.counts.length ?? 0;
  if (option < 0) return "gone";
  if (options === 1) return "only-choice";
  if (option === 0) return "floor";
  if (option < options - 1) return "narrowed";
  const saves = Array.from({ length: option }, (_, narrower) => alone(dim, narrower)).some(
    (change) =>
      change === null ||
      change.usage.some((more, r) => {
        const { limit = 0 } = problem.resources[r] ?? {};
        return Number.isFinite(limit) && more < -NO_SAVING * Math.abs(limit);
      }),
  );
  return saves ? "worth-more" : "no-saving";
}
