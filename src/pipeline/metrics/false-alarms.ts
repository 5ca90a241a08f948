import { UsageError } from "../../core/errors.ts";

/** `false-alarms('ok') <= 2%`: at most so many of the samples of a class are taken for another. */
export interface FalseAlarms {
  /** Names of harmless classes; all but the class that is looked for where left out. */
  readonly classes: readonly string[];
  readonly rate: number;
}

/** @throws UsageError `metrics/bad-metric` */
export function parseFalseAlarms(text: string, where: string): FalseAlarms {
  const match = /^\s*false[-_ ]?alarms\s*(?:\(\s*(.*?)\s*\))?\s*<=\s*(\d*\.?\d+)\s*(%?)\s*$/.exec(
    text,
  );
  const rate = Number(match?.[2]) / (match?.[3] === "%" ? 100 : 1);
  if (match === null || !(rate > 0 && rate < 1)) {
    throw new UsageError({
      code: "metrics/bad-metric",
      message: `'${text}' says no rate of false alarms.`,
      where,
      hint: 'Write "at": "false-alarms(\'ok\') <= 2%".',
    });
  }
  const classes = (match[1] ?? "")
    .split(",")
    .map((name) => name.trim().replace(/^(['"])(.*)\1$/, "$2"))
    .filter((name) => name !== "");
  return { classes, rate };
}
