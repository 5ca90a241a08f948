import type { LimitReason, Loss } from "../formulation/explain/explanation.ts";

/** A difference of the objective as a share of the whole network's. */
export type Share = (value: number) => string;

export function sharesOf(dense: number): Share {
  return (value) => {
    const share = (100 * Math.abs(value)) / Math.abs(dense);
    if (share === 0) return "0 %";
    return `${share >= 1 ? share.toFixed(2) : Number(share.toPrecision(2))} %`;
  };
}

/** What each limit is worth: a line of facts, and what the margin, more of it and less of it would do. */
export function limitsText(limits: readonly LimitReason[], show: Share): string {
  return limits.map((limit) => limitText(limit, show)).join("\n");
}

function limitText(reason: LimitReason, show: Share): string {
  const { resource, unit, limit, used, reading, soft, worthAll, multiplier, step } = reason;
  const { scale, offset, text } = reading ?? { scale: 1, offset: 0, text: resource };
  const read = (value: number): string => amount(offset + scale * value);
  const spaced = unit === "" ? "" : ` ${unit}`;
  const slack = limit - used;
  const room =
    slack >= 0 ? `${amount(slack)}${spaced} unused` : `${amount(-slack)}${spaced} beyond it`;
  const within = scale < 0 ? ", at least" : " of";
  const lines = [
    `${reading === null ? `Limit       ${resource}` : `Limit       ${text}`}${soft ? " (soft)" : ""}: ${read(used)}${within} ${read(limit)}${spaced} (${room})`,
  ];
  if (worthAll !== null) {
    lines.push(
      worthAll > 0
        ? `It binds: without it the answer would be better by ${show(worthAll)}.`
        : "It doesn't bind: without it the answer would be no better.",
    );
  }
  if (multiplier !== null && multiplier > 0) {
    lines.push(
      `At the margin ${amount(step)}${spaced} is worth ${show(multiplier * step)} (multiplier of the bound: ${show(multiplier)} per ${unit === "" ? "unit" : unit.replace(/s$/, (end) => (unit.length > 2 ? "" : end))}).`,
    );
  }
  lines.push(
    `Solved again: ${amount(step)}${spaced} more ${gainText(reason.more, show)}, ${amount(step)}${spaced} less ${lossText(reason.less, show)}.`,
  );
  return lines.join(`\n${" ".repeat(12)}`);
}

function gainText(loss: Loss, show: Share): string {
  if (loss.kind === "exact") return loss.loss < 0 ? `wins ${show(loss.loss)}` : "wins nothing";
  return loss.kind === "impossible" ? "is impossible" : "could not be solved in time";
}

function lossText(loss: Loss, show: Share): string {
  if (loss.kind === "exact") return loss.loss > 0 ? `loses ${show(loss.loss)}` : "loses nothing";
  return loss.kind === "impossible" ? "is impossible" : "could not be solved in time";
}

/** Whole numbers as they are, large ones without decimals, others with four significant digits. */
export function amount(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(4)));
}
