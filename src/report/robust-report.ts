import type { RobustReport } from "../documents/solve.ts";
import { milliseconds, percent } from "./amounts.ts";

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
