import type { Loss } from "../../formulation/explain/explanation.ts";
import { percent } from "../../report/amounts.ts";
import type { StepLosses } from "../session.ts";

/** What one step less and one more would cost, in a sentence each. */
export function lossesText({ narrower, wider }: StepLosses, dense: number): string {
  const side = (what: string, step: StepLosses["narrower"]): string =>
    step === null
      ? `It can't be ${what}.`
      : `One step ${what} (${step.channels} channels) ${lossText(step.loss, dense)}.`;
  return `${side("narrower", narrower)} ${side("wider", wider)}`;
}

function lossText(loss: Loss, dense: number): string {
  const share = (amount: number): string => percent(amount / Math.max(Math.abs(dense), 1e-300));
  switch (loss.kind) {
    case "exact":
      return `costs ${share(loss.loss)} of the dense objective, with everything else chosen again`;
    case "between":
      return loss.least === null
        ? "has an unknown cost: the time was over"
        : `costs at least ${share(loss.least)} of the dense objective`;
    case "impossible":
      return "is not possible within the limits";
    default:
      return loss satisfies never;
  }
}
