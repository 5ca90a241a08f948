/**
 * What each of many choices would cost, everything else decided again: with V the optimum and V(q) the optimum among the
 * selections that make choice q,
 *
 *     loss(q) = V - V(q)
 *
 * The bound tells which choices a selection that earns at least V - reach may have. A choice that is not among them loses more
 * than `reach`. For the others, the forced problem is solved with what is left of the choices; what it finds is the forced
 * optimum where it loses at most `reach`. `reach` grows fourfold until every choice has its loss.
 */

import { VerificationError } from "../../core/errors.ts";
import type { Remains } from "../presolve/shrinking/remains.ts";
import type { Problem, Selection } from "../problem/problem.ts";
import { type BestOptions, isOver } from "../solve/best-of.ts";
import type { Loss } from "./explanation.ts";
import { type Choice, everythingOf, makesChoice } from "./forced.ts";
import type { Neighbourhood } from "./near.ts";
import { solveForced } from "./solve-forced.ts";

/** What the search for losses needs. */
export interface LossQuestion extends BestOptions {
  readonly problem: Problem;
  /** The optimum; the best that is known where it isn't proven. */
  readonly best: {
    readonly selection: Selection;
    readonly objective: number;
    readonly proven: boolean;
  };
  /** Null where the presolve can't handle the problem: then each choice is a program of its own. */
  readonly near: Neighbourhood | null;
  /** How many of the choices have their loss. */
  readonly onStep?: ((done: number, total: number) => void) | undefined;
}

/** First reach, as a share of the optimum. */
const FIRST_REACH = 1e-3;
/** What a selection on the edge of a limit may earn more, relative to the optimum: one proof may accept it and another not. */
const ROUNDING = 1e-6;

/** A choice whose loss is not known yet: it loses at least `least`, and some selection that makes it loses `most`. */
interface Pending {
  readonly choice: Choice;
  readonly at: number;
  least: number;
  most: number;
}

/**
 * The loss of each choice against the optimum; `between` where the time was over first.
 * @throws VerificationError `formulation/proofs-disagree`: a choice earns more than the proven optimum
 */
export async function lossesOf(
  question: LossQuestion,
  choices: readonly Choice[],
): Promise<Loss[]> {
  const { problem, best, near, onStep } = question;
  const losses = choices.map((choice): Loss | null =>
    makesChoice(best.selection, choice) ? { kind: "exact", loss: 0 } : null,
  );
  let pending = choices.flatMap((choice, at): Pending[] =>
    losses[at] === null ? [{ choice, at, least: 0, most: Number.POSITIVE_INFINITY }] : [],
  );
  const all = everythingOf(problem);
  const gap = near === null ? 0 : Math.max(0, near.bound - best.objective);
  let reach = Math.max(2 * gap, FIRST_REACH * Math.abs(best.objective), Number.MIN_VALUE);
  while (pending.length > 0 && !isOver(question)) {
    const remains = near === null ? all : near.earning(best.objective - reach);
    if (isAll(remains, all)) reach = Number.POSITIVE_INFINITY;
    for (const each of pending) {
      losses[each.at] = await lossWithin(question, each, remains, reach);
      onStep?.(losses.filter((loss) => loss !== null).length, choices.length);
    }
    pending = pending.filter(({ at }) => losses[at] === null);
    if (reach === Number.POSITIVE_INFINITY) break;
    reach *= 4;
  }
  for (const { at, least, most } of pending) {
    losses[at] = { kind: "between", least, most: most === Number.POSITIVE_INFINITY ? null : most };
  }
  return losses.filter((loss) => loss !== null);
}

/** The loss where it is at most `reach`; else null, and what is known of it by now is noted. */
async function lossWithin(
  question: LossQuestion,
  pending: Pending,
  remains: Remains,
  reach: number,
): Promise<Loss | null> {
  const { problem, best } = question;
  // What is known to lose much more is looked for once it is within reach.
  if (pending.most !== Number.POSITIVE_INFINITY && pending.most > reach) return null;
  const answer = await solveForced(problem, pending.choice, question, remains);
  if (answer.kind === "open") return null;
  if (answer.kind === "impossible") {
    pending.least = reach;
    return reach === Number.POSITIVE_INFINITY ? { kind: "impossible" } : null;
  }
  const loss = lossOf(question, answer.objective);
  pending.most = Math.min(pending.most, loss);
  if (answer.kind === "found") {
    const least = Math.min(reach, best.objective - answer.bound);
    pending.least = Math.max(pending.least, least);
    return null;
  }
  if (loss <= reach) return { kind: "exact", loss };
  pending.least = reach;
  return null;
}

/** Against a proven optimum never below 0. */
function lossOf({ best, problem }: LossQuestion, forced: number): number {
  const loss = best.objective - forced;
  if (loss >= 0 || !best.proven) return loss;
  if (loss > -ROUNDING * Math.abs(best.objective)) return 0;
  throw new VerificationError({
    code: "formulation/proofs-disagree",
    message: `${best.objective} is proven the optimum, but a selection that earns ${forced} is known.`,
    where: problem.name,
    hint: "This is a fault of the program, not of your input: please report it with the files that led here.",
  });
}

function isAll(remains: Remains, all: Remains): boolean {
  return (
    remains.options.every((options, dim) => options.length === all.options[dim]?.length) &&
    remains.blocks.every((fate) => fate === "free") &&
    remains.layers.every((fate) => fate === "free")
  );
}
