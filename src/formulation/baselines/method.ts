import { UsageError } from "../../core/errors.ts";
import type { Selection } from "../problem/problem.ts";
import type { Answer } from "../solve/answer.ts";

/** The ways to choose a subnet: the program itself, and what people compare it with. */
export const METHOD_NAMES = [
  "mdp",
  "channels-only",
  "linear-latency",
  "uniform",
  "global-threshold",
] as const;

export type MethodName = (typeof METHOD_NAMES)[number];

export interface Method {
  readonly name: MethodName;
  /** Rounds of `linear-latency`, after each of which the tables are read again; 1 for every other method. */
  readonly steps: number;
}

/** What a method did, measured by the true tables. */
export interface MethodRun {
  readonly selection: Selection;
  readonly objective: number;
  /** One number per resource, by the problem's own tables. */
  readonly usage: readonly number[];
  /** The same by the method's own model. */
  readonly ownUsage: readonly number[];
}

/** What a method believed whose model of latency isn't the problem's. */
export interface OwnModel {
  /** One number per resource for the answer's selection, by the method's own model. */
  readonly usage: readonly number[];
  /** The limits that it was given so that the true usage comes out within the problem's. */
  readonly limits: readonly number[];
  /** The run with the problem's limits as its own, whatever it truly uses; null where its model finds nothing within them. */
  readonly asPublished: MethodRun | null;
}

/** A method's answer: a selection within the problem's limits by the true tables, whatever the method believed. */
export interface MethodAnswer {
  readonly method: Method;
  readonly answer: Answer;
  /** null for methods that read the true tables. */
  readonly own: OwnModel | null;
}

const MOST_STEPS = 100;

/**
 * `uniform`, `linear-latency`, or `linear-latency:30` for 30 steps.
 * @throws UsageError `formulation/method`
 */
export function parseMethod(text: string, option = "--method"): Method {
  const [given = "", stepsText] = text.trim().split(":", 2);
  const name = METHOD_NAMES.find((known) => known === given);
  if (name === undefined) {
    throw unknownMethod(
      `'${text}' is no method that is known here.`,
      `Choose from ${METHOD_NAMES.join(", ")}.`,
      option,
    );
  }
  if (stepsText === undefined) return { name, steps: 1 };
  const steps = Number(stepsText);
  if (name !== "linear-latency" || !/^\d+$/.test(stepsText) || steps < 1 || steps > MOST_STEPS) {
    throw unknownMethod(
      `'${text}': only linear-latency goes in steps, from 1 to ${MOST_STEPS} of them.`,
      "Write linear-latency:30, say.",
      option,
    );
  }
  return { name, steps };
}

/** As `parseMethod` reads it. */
export function methodText({ name, steps }: Method): string {
  return steps === 1 ? name : `${name}:${steps}`;
}

function unknownMethod(message: string, hint: string, where: string): UsageError {
  return new UsageError({ code: "formulation/method", message, where, hint });
}
