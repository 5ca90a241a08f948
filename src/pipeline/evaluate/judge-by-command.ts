import { UsageError } from "../../core/errors.ts";
import type { EvalMetric } from "../../documents/evaluation.ts";
import { type CommandValues, ONLY_METRIC, runCommandMetric } from "../../tasks/command-metric.ts";
import { type Measured, measure, measureDifference } from "../../tasks/measure.ts";
import { type Metric, meanMetric } from "../../tasks/metric.ts";
import type { RunContext } from "../run-context.ts";

/** A program that judges networks, as `mdp eval` names it. */
export interface CommandOptions {
  /** Program and arguments: words between blanks, or a JSON list of them. */
  readonly command?: string | undefined;
  /** Items that it judges on; 1 unless given. */
  readonly items?: number | undefined;
  /** Whether more is better. */
  readonly better?: "higher" | "lower" | undefined;
  readonly seed?: number | undefined;
}

/** What the program says of one network. */
export interface CommandJudged {
  readonly metrics: readonly EvalMetric[];
  /** Minus the first network's, on the same items; null for the first. */
  readonly differences: readonly EvalMetric[] | null;
}

/**
 * Runs a program on every network in turn, with the same items and random seed.
 * @throws UsageError `cli/bad-command`; InputError as `runCommandMetric`, and `tasks/command-failed` where it names other metrics for one network than for another
 */
export async function judgeByCommand(
  models: readonly string[],
  options: CommandOptions,
  context: RunContext,
): Promise<readonly CommandJudged[] | null> {
  if (options.command === undefined) return null;
  const { seed = 0, better = "higher" } = options;
  const command = wordsOf(options.command);
  const items = Array.from({ length: options.items ?? 1 }, (_, item) => item);
  const found: ReadonlyMap<string, CommandValues>[] = [];
  for (const [index, model] of models.entries()) {
    context.progress.step("running the command", index, models.length);
    found.push(await runCommandMetric({ command, model, items, seed, signal: context.signal }));
  }
  context.progress.step("running the command", models.length, models.length);
  const [first] = found;
  const names = [...(first?.keys() ?? [])];
  return found.map((own, index) => {
    const each = names.map((name) => {
      const [before, values] = [first?.get(name), own.get(name)];
      if (before === undefined || values === undefined || before.kind !== values.kind) {
        throw otherMetrics(name, models[index] ?? "", command);
      }
      const metric = metricOf(name === ONLY_METRIC ? "command" : name, better, [before, values]);
      const about = { name: metric.name, better, unit: metric.unit };
      return {
        value: { ...about, ...measured(metric, values, seed) },
        difference: { ...about, ...apart(metric, before, values, seed) },
      };
    });
    return {
      metrics: each.map(({ value }) => value),
      differences: index === 0 ? null : each.map(({ difference }) => difference),
    };
  });
}

/** Zeros and ones are a rate, other numbers have a mean. */
function metricOf(
  name: string,
  better: "higher" | "lower",
  given: readonly CommandValues[],
): Metric<number> {
  const values = given.flatMap((each) => (each.kind === "items" ? each.values : [Number.NaN]));
  const pooling = values.every((value) => value === 0 || value === 1) ? "rate" : "mean";
  const unit = pooling === "rate" ? "share" : "number";
  return meanMetric({ name, better, unit, pooling }, () => Number.NaN);
}

function measured(metric: Metric<number>, given: CommandValues, seed: number): Measured {
  return given.kind === "items" && given.values.length > 1
    ? measure(metric, given.values, { seed })
    : alone(single(given));
}

function apart(
  metric: Metric<number>,
  first: CommandValues,
  second: CommandValues,
  seed: number,
): Measured {
  return first.kind === "items" && second.kind === "items" && first.values.length > 1
    ? measureDifference(metric, first.values, second.values, { seed })
    : alone(single(second) - single(first));
}

function single(given: CommandValues): number {
  return given.kind === "whole" ? given.value : (given.values[0] ?? Number.NaN);
}

/** One number says nothing of how far it might be off. */
function alone(value: number): Measured {
  return { value, low: value, high: value, items: 1, by: "none", confidence: 0.95 };
}

function wordsOf(text: string): readonly string[] {
  if (!text.trimStart().startsWith("[")) return text.trim().split(/\s+/);
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.length > 0 && list.every((word) => typeof word === "string")) {
      return list;
    }
  } catch {
    // Said below, as any other text that is no list of words.
  }
  throw new UsageError({
    code: "cli/bad-command",
    message: `--command is '${text}', which is no JSON list of words.`,
    where: "--command",
    hint: `Write --command "python judge.py", or --command '["python", "my judge.py"]'.`,
  });
}

function otherMetrics(name: string, model: string, command: readonly string[]): UsageError {
  return new UsageError({
    code: "cli/other-metrics",
    message: `The command gives '${name}' for one network and not, or in another form, for '${model}'.`,
    where: command.join(" "),
    hint: "It must print the same metrics for every network.",
  });
}
