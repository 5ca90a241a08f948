import { milliseconds, percent } from "./format.ts";

/** How a subnet keeps its budget with a probability. */
export interface RobustReport {
  readonly probability: number;
  /** What the subnet takes at most, with that probability. */
  readonly quantileMs: number;
  readonly interval: { readonly level: number; readonly lowMs: number; readonly highMs: number };
  /** Relative standard deviations: what all times of the table share, and what is left of each operation's own in the sum. */
  readonly common: number;
  readonly own: number;
  /** What the errors rest on. */
  readonly how: string;
  /** Programs that were solved for it. */
  readonly programs: number;
}

/** Lines under the budget. */
export function robustLines(
  { probability, quantileMs, interval, common, own, how, programs }: RobustReport,
  meanMs: number,
  budget: string,
): string[] {
  const { level, lowMs, highMs } = interval;
  const many = programs === 1 ? "one program" : `${programs} programs`;
  return [
    `Robust      kept with ${percent(probability)}: predicted ${milliseconds(meanMs)}, its ${percent(probability)} quantile ${milliseconds(quantileMs)}; ${percent(level)} lie between ${milliseconds(lowMs)} and ${milliseconds(highMs)}`,
    `            standard deviation ${percent(common)} common to the table, ${percent(own)} of the operations' own; ${many}`,
    `            ${how}`,
    ...(budget.includes("%")
      ? [
          "            A share is taken of the dense latency as predicted; what is common to the table would cancel in it.",
        ]
      : []),
  ];
}
