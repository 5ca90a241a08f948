import { evaluate } from "../problem/evaluate.ts";
import type { Problem, Selection } from "../problem/problem.ts";
import { type AloneChange, type AloneChanges, aloneChanges } from "./alone.ts";
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
  const { usage } = evaluate(problem, selection);
  const step = (dim: number, option: number): StepReason | null => {
    const count = problem.dims[dim]?.counts[option];
    const loss = lossOf({ kind: "option", dim, option });
    if (count === undefined || loss === null) return null;
    const change = alone(dim, option);
    return { count, loss: boundedBy(problem, usage, loss, change), alone: change };
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

/** What is not known exactly is at most what the step loses with everything else as it is, where that keeps the limits. */
function boundedBy(
  { resources }: Problem,
  usage: readonly number[],
  loss: Loss,
  change: AloneChange | null,
): Loss {
  if (loss.kind !== "between" || change === null) return loss;
  const isWithin = resources.every(
    ({ limit, penalty = null }, r) =>
      penalty !== null || (usage[r] ?? 0) + (change.usage[r] ?? 0) <= limit,
  );
  if (!isWithin) return loss;
  return { ...loss, most: Math.min(loss.most ?? Number.POSITIVE_INFINITY, 0 - change.gain) };
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
