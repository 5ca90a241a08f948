/**
 * Damage of one of the compared answers: the sum of what the cuts alone did to it where they were measured, as a share of its
 * variance. With P its part of the scores and I_P the importance that P says is kept,
 *
 *     damage = I_P(dense) - I_P(subnet)
 */
import { closest } from "../../core/closest.ts";
import { type Importance, type PartImportance, unitOrder } from "../../importance/importance.ts";
import type { NetworkProblem } from "../network/network-problem.ts";
import { rankingOf } from "../network/ranking.ts";
import type { QuantityRef } from "./form.ts";
import { limitError, type Source } from "./source.ts";

/** Methods whose scores are damages, in the variance of the answers. */
const MEASURED: ReadonlySet<string> = new Set(["sensitivity", "cross-modal"]);

/**
 * The scores of the answer that is named, or of all in the mean, in the orders of the whole.
 * @throws UsageError `formulation/limit-name` where the scores don't tell
 */
export function damagedPart(importance: Importance, ref: QuantityRef, source: Source): Importance {
  if (!MEASURED.has(importance.method)) {
    throw limitError(
      source,
      ref.at,
      "name",
      `The scores are of method '${importance.method}', which measures no damage.`,
      "Score with mdp score --method sensitivity or cross-modal, and name the file with --importance.",
    );
  }
  const { argument } = ref;
  if (argument === null) return importance;
  const { parts = [] } = importance;
  const part = parts.find(({ name }) => name === argument);
  if (part !== undefined) return { ...importance, ...inOrderOf(part, importance) };
  const known = parts.map(({ name }) => name);
  const meant = closest(argument, known);
  throw limitError(
    source,
    ref.at,
    "name",
    known.length === 0
      ? "The scores are of one answer, or were made before answers were kept apart."
      : `The scores say nothing of '${argument}'. They tell of ${known.join(", ")}.`,
    known.length === 0
      ? "Write damage alone, or score again with mdp score."
      : meant === null
        ? `Write damage('${known[0]}').`
        : `Did you mean '${meant}'?`,
  );
}

/** The program with these scores in place of its own. */
export function scoredBy(network: NetworkProblem, importance: Importance): NetworkProblem {
  const rankings = network.structure.dims.map((dim) => rankingOf(importance, dim));
  return { ...network, rankings, joint: importance.joint ?? [] };
}

function inOrderOf(part: PartImportance, { dims }: Importance): Pick<Importance, "dims" | "joint"> {
  const orders = new Map(dims.map((dim) => [dim.dim, unitOrder(dim)]));
  return {
    dims: part.dims.map((dim) => ({ ...dim, order: orders.get(dim.dim) })),
    joint: part.joint,
  };
}
