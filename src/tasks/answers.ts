import { InputError } from "../core/errors.ts";
import type { Target } from "../runtime/batches.ts";
import type { Answer } from "./metric.ts";

/** The numbers of one output for one sample. */
export interface Numbers {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/**
 * The numbers of an output of an answer.
 * @param output its name; the first one where left out
 * @throws InputError `tasks/bad-answer` where there is none, or it holds no numbers
 */
export function numbersOf(answer: Answer, output?: string | undefined): Numbers {
  const name = output === undefined || output === "" ? Object.keys(answer)[0] : output;
  const feed = answer[name ?? ""];
  if (feed !== undefined && feed.type !== "string" && feed.type !== "float16") {
    const { shape, data } = feed;
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
      return { shape, data: Float64Array.from(data, Number) };
    }
    return { shape, data };
  }
  throw new InputError({
    code: "tasks/bad-answer",
    message: `The network gives no numbers as '${name ?? "?"}'; its outputs are ${Object.keys(answer).join(", ")}.`,
    where: "outputs",
    hint: "Name an output with --outputs.",
  });
}

/**
 * The target, unless it is of another kind.
 * @throws InputError `tasks/bad-target`
 */
export function targetAs<Kind extends Target["kind"]>(
  target: Target,
  kind: Kind,
): Extract<Target, { readonly kind: Kind }> {
  if (target.kind === kind) return target as Extract<Target, { readonly kind: Kind }>;
  throw new InputError({
    code: "tasks/bad-target",
    message: `A sample's target is ${KINDS[target.kind]}; ${KINDS[kind]} is needed.`,
    where: "data",
    hint: "Name another task with --task, or give such targets by 'target' in the data set's config.",
  });
}

const KINDS = {
  none: "missing",
  class: "a class",
  classes: "a list of classes",
  mask: "a mask",
  boxes: "a list of boxes",
  values: "a tensor of numbers",
  heads: "a target per output",
} as const satisfies Record<Target["kind"], string>;

/** Index of the largest number; the lower one of equals; -1 where one is NaN. */
export function bestOf(values: ArrayLike<number>): number {
  let best = 0;
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] ?? Number.NaN;
    if (Number.isNaN(value)) return -1;
    if (value > (values[best] ?? Number.NEGATIVE_INFINITY)) best = at;
  }
  return best;
}

/** Probabilities of classes: as they are where they are some already, else their softmax. */
export function probabilitiesOf(scores: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(scores);
  const sum = values.reduce((total, value) => total + value, 0);
  if (values.every((value) => value >= 0) && Math.abs(sum - 1) < 1e-3) return values;
  let most = Number.NEGATIVE_INFINITY;
  for (const value of values) most = Math.max(most, value);
  const powers = values.map((value) => Math.exp(value - most));
  const total = powers.reduce((all, value) => all + value, 0);
  return powers.map((value) => value / total);
}

/** The sigmoid, unless all numbers are probabilities already. */
export function sigmoids(values: ArrayLike<number>): Float64Array {
  const numbers = Float64Array.from(values);
  if (numbers.every((value) => value >= 0 && value <= 1)) return numbers;
  return numbers.map((value) => 1 / (1 + Math.exp(-value)));
}
