import type { EvalReport } from "../../documents/evaluation.ts";
import { wilson } from "../../tasks/statistics/intervals.ts";
import { percent } from "../amounts.ts";
import type { StagesChart } from "../figures/stages-chart.ts";
import { metricDifference, metricParts } from "../metric-text.ts";
import { figureMarkup, html, type Markup, name, table, withInterval } from "./markup.ts";
import type { Subject } from "./subject.ts";

type Result = EvalReport["results"][number];
type Metric = NonNullable<Result["metrics"]>[number];

/** A map, since a file may be called `constructor`. */
const STAGES: ReadonlyMap<string, string> = new Map([
  ["pruned.onnx", "pruned"],
  ["corrected.onnx", "repaired"],
  ["sparse.onnx", "sparse, repaired"],
  ["finetuned.onnx", "fine-tuned"],
  ["rebased.onnx", "rebased"],
]);

/** What a reader calls the network of a stage: the first one is the original. */
export function stageName(model: string, at: number): string {
  const file = model.split("/").at(-1) ?? model;
  return at === 0 ? "original" : (STAGES.get(file) ?? file);
}

/** Accuracy or the task's metrics with their intervals, and measured times, per stage; null without an evaluation. */
export function stagesSection(subject: Subject, figure: Markup | null): Markup | null {
  const { evaluation } = subject;
  if (evaluation === null || evaluation.results.length === 0) return null;
  const { data, images, runtime, batch, threads, task, load } = evaluation;
  const hasMetrics = metricsOf(evaluation.results[0]).length > 0;
  return html`<section class="stages"><h2>Measured, stage by stage</h2>
${
  hasMetrics
    ? html`<p>${task?.name ?? "classification"} on ${images} images${data === null ? null : html` of ${name(data.split("/").at(-1) ?? data)}`}, with 95 % intervals. The chosen network is the last stage.</p>`
    : html`<p>Only latency was measured: no labelled data was named (<code>--test-data</code>).</p>`
}
${hasMetrics ? metricTable(evaluation) : null}
${figureMarkup(figure)}
${timeTable(evaluation)}
<p class="notes">Times: ${runtime}, batch ${batch}, ${threads} thread${threads === 1 ? "" : "s"}, measured by mdp eval on the machine that it ran on${otherDevice(subject)}.${
    load?.isLoaded === true
      ? ` That machine was busy with other work: times are longer than on an idle machine; ratios are more reliable.`
      : ""
  }</p>
${perClass(evaluation)}</section>`;
}

/** Times of this machine say nothing of a device whose table is predicted. */
function otherDevice({ solve }: Subject): string {
  return solve?.table.origin === "predicted" ? `, not on ${solve.device.title}` : "";
}

/** The metrics of a stage; evaluations of former versions have the share of right answers alone. */
function metricsOf(result: Result | undefined): readonly Metric[] {
  if (result === undefined) return [];
  const { metrics, accuracy } = result;
  if (metrics !== undefined && metrics.length > 0) return metrics;
  if (accuracy === null) return [];
  const { top1, count } = accuracy;
  const { low, high } = wilson(top1 * count, count, 0.95);
  return [
    {
      name: "top-1",
      better: "higher",
      unit: "share",
      value: top1,
      low,
      high,
      items: count,
      by: "wilson",
      confidence: 0.95,
    },
  ];
}

/** The first metric of every stage. */
export function headlines({ evaluation }: Subject): readonly { stage: string; metric: Metric }[] {
  return (evaluation?.results ?? []).flatMap((result, at) => {
    const [metric] = metricsOf(result);
    return metric === undefined ? [] : [{ stage: stageName(result.model, at), metric }];
  });
}

function metricTable({ results }: EvalReport): Markup {
  const metrics = metricsOf(results[0]);
  const [first] = metrics;
  const hasDifference = results.some(({ differences }) => (differences?.length ?? 0) > 0);
  return table(
    "Metrics with 95 % intervals",
    [
      { title: "stage", isNumber: false },
      ...metrics.map((metric) => ({
        title: `${metric.name}${metric.better === "lower" ? " (lower is better)" : ""}`,
        isNumber: true,
      })),
      ...(hasDifference
        ? [{ title: `${first?.name ?? ""}, against the original`, isNumber: true }]
        : []),
    ],
    results.map((result, at) => {
      const [difference] = result.differences ?? [];
      return [
        { content: stageName(result.model, at) },
        ...metrics.map(({ name: wanted }) => {
          const metric = metricsOf(result).find((each) => each.name === wanted);
          return metric === undefined
            ? { content: "–" }
            : { content: intervalMarkup(metric), sort: metric.value };
        }),
        ...(hasDifference
          ? [
              difference === undefined
                ? { content: "–" }
                : { content: metricDifference(difference), sort: difference.value },
            ]
          : []),
      ];
    }),
  );
}

function timeTable({ results }: EvalReport): Markup {
  const isTimed = results.some(({ latency }) => latency !== null);
  return table(
    isTimed ? "Size and measured time" : "Size",
    [
      { title: "stage", isNumber: false },
      { title: "file", isNumber: false },
      { title: "MB", isNumber: true },
      ...(isTimed
        ? [
            { title: "median ms", isNumber: true },
            { title: "p90 ms", isNumber: true },
            { title: "of the original, ± standard error", isNumber: true },
          ]
        : []),
    ],
    results.map(({ model, bytes, latency }, at) => [
      { content: stageName(model, at) },
      { content: name(model.split("/").at(-1) ?? model) },
      { content: (bytes / 1e6).toFixed(2), sort: bytes },
      ...(!isTimed
        ? []
        : latency === null
          ? [{ content: "–" }, { content: "–" }, { content: "–" }]
          : [
              { content: latency.medianMs.toPrecision(4), sort: latency.medianMs },
              { content: latency.p90Ms.toPrecision(4), sort: latency.p90Ms },
              {
                content:
                  at === 0
                    ? "100 %"
                    : `${percent(latency.ofFirst)} ± ${(100 * latency.ofFirst * latency.ofFirstError).toFixed(1)}`,
                sort: latency.ofFirst,
              },
            ]),
    ]),
  );
}

function perClass({ results }: EvalReport): Markup | null {
  const classes = results[0]?.perClass ?? [];
  if (classes.length === 0) return null;
  return html`<details><summary>${classes.length} classes, one by one</summary>${table(
    "Per class, with 95 % intervals",
    [
      { title: "metric", isNumber: false },
      ...results.map(({ model }, at) => ({ title: stageName(model, at), isNumber: true })),
    ],
    classes.map(({ name: wanted }) => [
      { content: name(wanted) },
      ...results.map((result) => {
        const metric = result.perClass?.find((each) => each.name === wanted);
        return metric === undefined
          ? { content: "–" }
          : { content: intervalMarkup(metric), sort: metric.value };
      }),
    ]),
  )}</details>`;
}

function intervalMarkup(metric: Metric): Markup {
  const { value, low, high } = metricParts(metric);
  return withInterval(value, low, high);
}

/** The headline metric over the stages, for a figure; null where there are fewer than two. */
export function stagesChart(subject: Subject): StagesChart | null {
  const points = headlines(subject);
  const [first] = points;
  if (first === undefined || points.length < 2) return null;
  const { unit, name: metric, items, confidence } = first.metric;
  const scale = unit === "share" ? 100 : 1;
  return {
    metric: unit === "share" ? `${metric} (%)` : unit === "dB" ? `${metric} (dB)` : metric,
    subtitle: `dot: measured on ${items} items; line: its ${Math.round(100 * confidence)} % interval`,
    limit: null,
    points: points.map(({ stage, metric: { value, low, high } }) => ({
      ...{ stage, value: scale * value, low: scale * low, high: scale * high },
    })),
  };
}
