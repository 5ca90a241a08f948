import { readFileSync } from "node:fs";
import { UsageError } from "../../core/errors.ts";
import { parseJson } from "../../core/files.ts";
import type { Dataset } from "../../data/dataset.ts";
import type { EvalMetric, EvalTask } from "../../documents/evaluation.ts";
import { targetOf } from "../../runtime/batches.ts";
import type { OutputShape } from "../../tasks/detection/guess-head.ts";
import { HEAD } from "../../tasks/detection/head-config.ts";
import type { HeadSpec } from "../../tasks/detection/heads.ts";
import { answersOf, type Evidence, type Judged, judge } from "../../tasks/judge.ts";
import { type MeasureOptions, measure, measureDifference } from "../../tasks/measure.ts";
import type { Answer, Metric } from "../../tasks/metric.ts";
import { planTask, type TaskPlan } from "../../tasks/plan.ts";
import type { RunContext } from "../run-context.ts";

/** What decides how networks are judged. */
export interface TaskOptions {
  readonly task?: string | undefined;
  /** Outputs, between commas. */
  readonly outputs?: string | undefined;
  /** Form of a detector's outputs: JSON, or a file of it. */
  readonly head?: string | undefined;
  /** Difference between the largest and the smallest value of a picture, for PSNR and SSIM. */
  readonly range?: number | undefined;
  /** Of the bootstrap. */
  readonly seed?: number | undefined;
  /** Of the bootstrap; 2000 where left out. */
  readonly resamples?: number | undefined;
}

/** One network's metrics. */
export interface JudgedModel {
  readonly metrics: readonly EvalMetric[];
  readonly perClass: readonly EvalMetric[];
  /** To the first network's answers; null for the first. */
  readonly agreement: readonly EvalMetric[] | null;
  /** The metrics minus the first network's, on the same samples; null for the first. */
  readonly differences: readonly EvalMetric[] | null;
}

/** What a judgement says: the task, the samples, and every network. */
export interface Judgement {
  readonly task: EvalTask;
  readonly samples: number;
  readonly models: readonly JudgedModel[];
}

/**
 * Judges networks by the metrics of their task, with 95 % intervals, and by how near they are to the first one.
 * @throws InputError, UsageError as `planTask` and `judge`; UsageError `cli/bad-head`
 */
export async function judgeModels(
  networks: readonly Judged[],
  dataset: Dataset,
  options: TaskOptions & { readonly limit?: number | undefined },
  context: RunContext,
): Promise<Judgement> {
  const plan = await plannedTask(networks, dataset, options);
  const all = [...plan.metrics, ...plan.perClass];
  const found = await judge(networks, dataset, {
    ...{ metrics: all, agreement: networks.length > 1 ? plan.agreement : [] },
    ...{ limit: options.limit, progress: context.progress, signal: context.signal },
  });
  const bootstrap = { seed: options.seed ?? 0, resamples: options.resamples };
  const count = plan.metrics.length;
  return {
    task: { name: plan.task, notes: [...plan.notes] },
    samples:
      found[0]?.metrics[0]?.length ?? Math.min(dataset.count, options.limit ?? dataset.count),
    models: found.map((evidence, index) => {
      const metrics = measured(all, evidence.metrics, bootstrap);
      return {
        metrics: metrics.slice(0, count),
        perClass: metrics.slice(count),
        agreement: index === 0 ? null : measured(plan.agreement, evidence.agreement, bootstrap),
        differences: index === 0 ? null : differences(plan.metrics, found[0], evidence, bootstrap),
      };
    }),
  };
}

async function plannedTask(
  networks: readonly Judged[],
  dataset: Dataset,
  options: TaskOptions,
): Promise<TaskPlan> {
  const [first] = networks;
  if (first === undefined) throw new RangeError("no network");
  const batch = await dataset.samples([0]);
  const [answer = {}] = await answersOf(first, batch, dataset.path);
  const pictures = dataset.pictures === null ? undefined : batch.feeds[dataset.pictures];
  const [height, width] =
    (dataset.config.layout === "nhwc" ? pictures?.shape.slice(1) : pictures?.shape.slice(2)) ?? [];
  const chosen = options.outputs?.split(",").map((name) => name.trim());
  return planTask({
    task: options.task ?? dataset.task ?? undefined,
    outputs: outputShapes(answer, first),
    changed: await changedOutputs(networks, batch, dataset.path),
    chosen,
    target: targetOf(batch, 0),
    classes: dataset.classes,
    heads: dataset.heads,
    input: height === undefined || width === undefined ? null : { height, width },
    head: options.head === undefined ? undefined : headOf(options.head),
    range: options.range,
  });
}

/** Outputs whose form differs between the first network and another. */
async function changedOutputs(
  networks: readonly Judged[],
  batch: Parameters<typeof answersOf>[1],
  data: string,
): Promise<ReadonlySet<string>> {
  const shapes = await Promise.all(
    networks.map(async (network) => (await answersOf(network, batch, data))[0] ?? {}),
  );
  const [first = {}, ...others] = shapes;
  return new Set(
    Object.entries(first).flatMap(([name, { shape }]) =>
      others.some((other) => other[name]?.shape.join() !== shape.join()) ? [name] : [],
    ),
  );
}

/** The outputs in the network's own order, with the shapes that they have. */
function outputShapes(answer: Answer, { session }: Judged): readonly OutputShape[] {
  return session.outputs.flatMap(({ name }) => {
    const feed = answer[name];
    return feed === undefined ? [] : [{ name, shape: feed.shape }];
  });
}

function headOf(given: string): HeadSpec {
  const text = given.trim().startsWith("{") ? given : readFileSync(given, "utf8");
  const parsed = HEAD.safeParse(parseJson(text, "--head"));
  if (parsed.success) return parsed.data;
  throw new UsageError({
    code: "cli/bad-head",
    message: `The head is not valid: ${parsed.error.issues.map(({ path, message }) => `'${path.join(".")}': ${message}`).join("; ")}.`,
    where: "--head",
    hint: "docs/tasks.md lists the forms of heads and their fields.",
  });
}

function measured(
  metrics: readonly Metric[],
  evidence: readonly (readonly unknown[])[],
  bootstrap: Pick<MeasureOptions, "seed" | "resamples">,
): EvalMetric[] {
  return metrics.map((metric, at) => ({
    ...about(metric),
    ...measure(metric, evidence[at] ?? [], bootstrap),
  }));
}

function differences(
  metrics: readonly Metric[],
  first: Evidence | undefined,
  { metrics: own }: Evidence,
  bootstrap: Pick<MeasureOptions, "seed" | "resamples">,
): EvalMetric[] {
  return metrics.map((metric, at) => ({
    ...about(metric),
    ...measureDifference(metric, first?.metrics[at] ?? [], own[at] ?? [], bootstrap),
  }));
}

function about({ name, better, unit }: Metric): Pick<EvalMetric, "name" | "better" | "unit"> {
  return { name, better, unit };
}
