import type { ExplainReport } from "../../documents/explain.ts";

type Loss = ExplainReport["explanation"]["blocks"][number]["loss"];

/** What a choice costs, as the end of a sentence that begins with the choice; null where nothing is known of it. */
export function lossText(loss: Loss, about: Pick<ExplainReport, "goal" | "dense">): string | null {
  switch (loss.kind) {
    case "exact":
      return exactText(loss.loss, about);
    case "between":
      return betweenText(loss, about);
    case "impossible":
      return "is not possible within the limits";
    default:
      return loss satisfies never;
  }
}

function exactText(loss: number, about: Pick<ExplainReport, "goal" | "dense">): string {
  if (loss === 0) return "costs nothing: another choice is as good";
  return loss > 0 ? `costs ${ofDense(loss, about)}` : `earns ${ofDense(-loss, about)}`;
}

/** What was known when the time was over. */
function betweenText(
  { least, most }: Extract<Loss, { kind: "between" }>,
  about: Pick<ExplainReport, "goal" | "dense">,
): string | null {
  const text = (amount: number): string => ofDense(amount, about);
  if (least !== null && most !== null) {
    return least <= 0
      ? `costs at most ${text(Math.max(0, most))}`
      : `costs from ${text(least)} to ${text(most)}`;
  }
  if (least !== null && least > 0) return `costs at least ${text(least)}`;
  if (most !== null) return `costs at most ${text(Math.max(0, most))}`;
  return null;
}

/** An amount of the objective, and its share of the whole network's. */
export function ofDense(
  amount: number,
  { goal, dense }: Pick<ExplainReport, "goal" | "dense">,
): string {
  const share = (100 * amount) / Math.max(Math.abs(dense.objective), 1e-300);
  const percent =
    share > 0 && share < 0.001 ? "less than 0.001 %" : `${Number(share.toPrecision(3))} %`;
  return `${amount.toPrecision(4)} of ${goal} (${percent} of the dense network's)`;
}
