import { existsSync, readFileSync, truncateSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { InputError } from "../../core/errors.ts";
import { appendLine, checkWritable, makeFolder, whileWriting } from "../../core/files.ts";
import type { Evaluation } from "./evaluation.ts";

const HEADER = z.object({ schema: z.literal("mdp-evaluations/1"), search: z.string() });

const NUMBER = z.number().nullable();
const LINE = z.object({
  from: z.string(),
  coefficients: z.array(z.number()).nullable(),
  subnet: z.string(),
  score: NUMBER,
  lower: NUMBER,
  stands: z.array(
    z.object({ name: z.string(), value: NUMBER, dense: NUMBER, limit: NUMBER, margin: NUMBER }),
  ),
  isDropped: z.boolean(),
  seconds: z.number(),
});

/** An evaluation with where its subnet came from. */
export interface LoggedEvaluation extends Evaluation {
  readonly from: string;
  /** Null of a subnet that no coefficients were chosen for. */
  readonly coefficients: readonly number[] | null;
}

/** Evaluations as they are made, so that a search which was stopped goes on where it was. */
export interface EvaluationLog {
  /** What was evaluated before, by subnet. */
  readonly known: ReadonlyMap<string, LoggedEvaluation>;
  readonly add: (evaluation: LoggedEvaluation) => void;
}

/** Keeps evaluations in memory alone. */
export function memoryLog(): EvaluationLog {
  const known = new Map<string, LoggedEvaluation>();
  return { known, add: (evaluation) => known.set(evaluation.subnet, evaluation) };
}

/**
 * A log in a file, one line per evaluation. A last line that was cut off by a crash is taken away.
 * @param search what the search is about: network, metrics, items, limits, groups, seed; another one's log is refused
 * @throws InputError `coefficients/other-search`, `coefficients/bad-log`, `core/write-failed`
 */
export function fileLog(path: string, search: string): EvaluationLog {
  checkWritable(path);
  makeFolder(dirname(path));
  const known = new Map<string, LoggedEvaluation>();
  const append = (value: unknown): void => appendLine(path, JSON.stringify(value));
  const add = (evaluation: LoggedEvaluation): void => {
    append(evaluation);
    known.set(evaluation.subnet, evaluation);
  };
  if (!existsSync(path) || readFileSync(path).byteLength === 0) {
    append({ schema: "mdp-evaluations/1", search });
    return { known, add };
  }
  const text = readFileSync(path, "utf8");
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (whole.length < text.length) {
    whileWriting(path, () => truncateSync(path, Buffer.byteLength(whole)));
  }
  const lines = whole.split("\n").filter((line) => line !== "");
  const header = HEADER.safeParse(parsedLine(lines[0] ?? "", path, 1));
  if (!header.success) throw badLog(path, 1, "it does not begin as one");
  if (header.data.search !== search) {
    throw new InputError({
      code: "coefficients/other-search",
      message: `The file holds ${lines.length - 1} evaluations of another search: another network, metrics, items, limits, groups or seed.`,
      where: path,
      hint: "Name another run folder (--out), or remove the file if its evaluations aren't needed.",
    });
  }
  for (const [index, line] of lines.slice(1).entries()) {
    const parsed = LINE.safeParse(parsedLine(line, path, index + 2));
    if (!parsed.success) throw badLog(path, index + 2, parsed.error.issues[0]?.message ?? "");
    const { score, lower, stands, ...rest } = parsed.data;
    known.set(rest.subnet, {
      ...rest,
      // JSON has no infinities: what is null was beyond all numbers.
      score: score ?? Number.NEGATIVE_INFINITY,
      lower: lower ?? Number.NEGATIVE_INFINITY,
      stands: stands.map((stand) => ({
        ...stand,
        value: stand.value ?? Number.NaN,
        dense: stand.dense ?? Number.NaN,
        margin: stand.limit === null ? null : (stand.margin ?? Number.NEGATIVE_INFINITY),
      })),
    });
  }
  return { known, add };
}

function parsedLine(line: string, path: string, at: number): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    throw badLog(path, at, "it is no JSON");
  }
}

function badLog(path: string, line: number, why: string): InputError {
  return new InputError({
    code: "coefficients/bad-log",
    message: `Line ${line} is no evaluation: ${why}.`,
    where: path,
    hint: "Remove the file and search again, or restore it.",
  });
}
