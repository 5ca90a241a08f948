import { dirname, resolve } from "node:path";
import { checkDirection, type Goal } from "../../coefficients/goals/goal.ts";
import { parseRequirement } from "../../coefficients/goals/requirement.ts";
import type { AnswerMetric } from "../../coefficients/masked-runs.ts";
import { closest } from "../../core/closest.ts";
import { InputError, UsageError } from "../../core/errors.ts";
import { readFileBytes, readJson, sha256 } from "../../core/files.ts";
import { type Dataset, openDataset } from "../../data/dataset.ts";
import { parseDocument } from "../../documents/document.ts";
import { METRICS, type MetricSpec, type MetricsFile } from "../../documents/metrics.ts";
import { shareOf } from "../checks.ts";
import { preparationOf } from "../open/images.ts";
import type { OpenNetwork } from "../open/network.ts";
import { checkApart, contentHashes, type Dealt, dealItems } from "./deal-items.ts";
import { commandMetric, metricOf } from "./metric-of.ts";

/** A metric with how its evidence is had. */
export type Gauge =
  | ({ readonly kind: "answers"; readonly goal: Goal } & Omit<AnswerMetric, "metric">)
  | {
      readonly kind: "command";
      readonly goal: Goal;
      readonly command: readonly string[];
      /** Which of the command's metrics. */
      readonly of: string;
      readonly timeoutSeconds: number | undefined;
    };

/** A metrics file, read, with its items dealt. */
export interface OpenMetrics {
  readonly path: string;
  /** Folder that commands run in and paths are relative to. */
  readonly folder: string;
  readonly file: MetricsFile;
  /** SHA-256 of the file. */
  readonly hash: string;
  readonly gauges: readonly Gauge[];
  /** Items to search on; null where commands alone judge. */
  readonly searchSet: Dataset | null;
  readonly confirmSet: Dataset | null;
  readonly dealt: Dealt;
  /** Share of the errors that the gate may make. */
  readonly rate: number;
}

/** People write this file, so that what is wrong in it has another remedy than in a file that a command wrote. */
function readMetrics(path: string): MetricsFile {
  const json = readJson(path);
  try {
    return parseDocument(METRICS, json, path);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError({
      ...{ code: error.code, message: error.message, where: path },
      hint: "docs/coefficients.md lists the fields; mdp metrics init writes a file to begin with.",
    });
  }
}

/** What is required of metrics instead of what the file says, by metric. */
export type Requirements = ReadonlyMap<string, string>;

/** What is asked for instead of what the file says. */
export interface MetricsAsked {
  readonly requirements?: Requirements | undefined;
  /** Path of items; they are dealt to search and confirm. */
  readonly items?: string | undefined;
}

function withItems(file: MetricsFile, items: string | undefined): MetricsFile {
  if (items === undefined) return file;
  const { confirmPath: _, ...data } = file.data;
  return { ...file, data: { ...data, path: resolve(items) } };
}

/**
 * Reads a metrics file, opens its data and deals its items.
 * @throws InputError `documents/malformed`, `metrics/too-few-items`, `metrics/overlap`, and as `openDataset`
 * @throws UsageError `metrics/bad-metric`, `metrics/no-data`, `metrics/same-name`, `coefficients/requirement`, `cli/share`
 */
export async function openMetrics(
  path: string,
  open: OpenNetwork,
  { requirements = new Map(), items }: MetricsAsked = {},
): Promise<OpenMetrics> {
  const file = withItems(required(readMetrics(path), requirements), items);
  const bytes = sha256(readFileBytes(path));
  const isAsRead = requirements.size === 0 && items === undefined;
  const hash = isAsRead ? bytes : sha256(JSON.stringify([bytes, ...requirements, items ?? null]));
  const folder = dirname(resolve(path));
  const rate = 1 - shareOf(file.confidence, "confidence", "95%");
  checkNames(file);
  const needsData = file.metrics.some(({ command }) => command === undefined);
  if (needsData && file.data.path === undefined) throw noData(path, file);
  const searchSet = await datasetOf(file, folder, open, file.data.path);
  const confirmSet =
    file.data.confirmPath === undefined
      ? searchSet
      : await datasetOf(file, folder, open, file.data.confirmPath);
  const outputs = open.structure.graph.outputs.map(({ name }) => name);
  const gauges = file.metrics.map((spec) => gaugeOf(spec, searchSet?.classes ?? null, outputs));
  const dealt = await dealtItems(file, path, searchSet, confirmSet);
  return { path, folder, file, hash, gauges, searchSet, confirmSet, dealt, rate };
}

async function dealtItems(
  { data }: MetricsFile,
  path: string,
  searchSet: Dataset | null,
  confirmSet: Dataset | null,
): Promise<Dealt> {
  const { search, confirm } = data;
  const numbers = (count: number, from: number): readonly number[] =>
    Array.from({ length: count }, (_, index) => from + index);
  if (searchSet === null || confirmSet === null) {
    const list = numbers(confirm, search);
    return {
      search: numbers(search, 0),
      confirm: list,
      spare: [],
      confirmed: new Set(),
      confirmHash: sha256(`numbers ${search} ${confirm}`),
    };
  }
  const hashes = await contentHashes(searchSet);
  if (confirmSet === searchSet) return dealItems(hashes, { search, confirm }, path);
  const others = await contentHashes(confirmSet);
  const searched = numbers(Math.min(search, searchSet.count), 0);
  const confirmed = numbers(Math.min(confirm, confirmSet.count), 0);
  const of = (list: readonly string[], indices: readonly number[]): readonly string[] =>
    indices.flatMap((index) => list[index] ?? []);
  checkApart(of(hashes, searched), of(others, confirmed), path);
  const confirmHash = sha256([...of(others, confirmed)].sort().join("\n"));
  const taken = new Set([...of(hashes, searched), ...of(others, confirmed)]);
  const spare = hashes.flatMap((hash, index) => (taken.has(hash) ? [] : [index]));
  return {
    search: searched,
    confirm: confirmed,
    spare,
    confirmed: new Set(of(others, confirmed)),
    confirmHash,
  };
}

async function datasetOf(
  file: MetricsFile,
  folder: string,
  open: OpenNetwork,
  named: string | undefined,
): Promise<Dataset | null> {
  if (named === undefined) return null;
  const { config } = file.data;
  const place = resolve(folder, named);
  const dataConfig = config === undefined ? undefined : resolve(folder, config);
  const resolved = preparationOf(open, { data: place, dataConfig });
  const { split } = file.data;
  return openDataset(place, { config: resolved.config, split, unlabelled: true });
}

function gaugeOf(
  spec: MetricSpec,
  classes: readonly string[] | null,
  outputs: readonly string[],
): Gauge {
  const where = `metric '${spec.name}'`;
  const require = spec.require === undefined ? null : parseRequirement(spec.require, where);
  const maximize = spec.maximize ?? null;
  if (spec.command === undefined) {
    checkOutput(spec, outputs);
    const { metric, target } = metricOf(spec, classes, outputs[0] ?? "");
    const goal = { metric, require, maximize };
    checkDirection(goal);
    return { kind: "answers", goal, target };
  }
  const { command, of = "", timeoutSeconds } = spec;
  const goal = { metric: commandMetric(spec), require, maximize };
  checkDirection(goal);
  return { kind: "command", goal, command, of, timeoutSeconds };
}

function checkOutput({ name, output }: MetricSpec, outputs: readonly string[]): void {
  if (output === undefined || outputs.includes(output)) return;
  const meant = closest(output, outputs);
  throw new UsageError({
    code: "metrics/bad-metric",
    message: `Metric '${name}' is of the output '${output}'; the network's outputs are ${outputs.map((each) => `'${each}'`).join(", ")}.`,
    where: `metric '${name}'`,
    hint: meant === null ? "Name one of them." : `Did you mean '${meant}'?`,
  });
}

/** The file with other requirements. @throws UsageError `metrics/no-such-metric` */
function required(file: MetricsFile, requirements: Requirements): MetricsFile {
  for (const name of requirements.keys()) {
    if (file.metrics.some((metric) => metric.name === name)) continue;
    const names = file.metrics.map((metric) => metric.name);
    const meant = closest(name, names);
    throw new UsageError({
      code: "metrics/no-such-metric",
      message: `No metric is called '${name}'; there are ${names.map((each) => `'${each}'`).join(", ")}.`,
      where: `--limit metric('${name}')`,
      hint: meant === null ? "Name one of them." : `Did you mean '${meant}'?`,
    });
  }
  const metrics = file.metrics.map((metric) => {
    const require = requirements.get(metric.name);
    return require === undefined ? metric : { ...metric, require };
  });
  return { ...file, metrics };
}

function checkNames({ metrics }: MetricsFile): void {
  const seen = new Set<string>();
  for (const { name, is, command } of metrics) {
    if (seen.has(name)) {
      throw new UsageError({
        code: "metrics/same-name",
        message: `Two metrics are called '${name}'.`,
        where: `metric '${name}'`,
        hint: "Give each a name of its own.",
      });
    }
    seen.add(name);
    if (is !== undefined && command !== undefined) {
      throw new UsageError({
        code: "metrics/bad-metric",
        message: `Metric '${name}' has both 'is' and 'command'.`,
        where: `metric '${name}'`,
        hint: "Keep the one that is meant.",
      });
    }
  }
}

function noData(path: string, { metrics }: MetricsFile): UsageError {
  const needs = metrics.filter(({ command }) => command === undefined).map(({ name }) => name);
  return new UsageError({
    code: "metrics/no-data",
    message: `${needs.join(", ")} need items, and 'data' names no path.`,
    where: path,
    hint: 'Write "data": { "path": "images/", "search": 300, "confirm": 2000 }.',
  });
}
