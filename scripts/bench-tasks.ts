/**
 * Cuts the embedded networks of five tasks to shares of their measured latency by three methods, and judges them by their own metrics.
 *
 * npm run bench -- tasks --out FOLDER [--only segmenter,agent] [--shares 70,50] [--methods mdp,mdp-repaired,uniform,global-threshold] [--train 2000] [--test 400]
 * Start with a new folder outside of the repository; the same command again goes on where it stopped. All methods get the same scores, latency table,
 * repair and fine-tuning (by the original network's outputs, without targets), but mdp-repaired has scores of cuts that were repaired before they were measured; the test samples choose nothing. Prints the table of docs/results/tasks.md from
 * all that is there (--print alone: nothing is made).
 */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { InfeasibleError, LimitError } from "../src/core/errors.ts";
import { readJson, writeJson } from "../src/core/files.ts";
import { SILENT } from "../src/core/progress.ts";
import { drawSet } from "../src/pipeline/data/draw-set.ts";
import {
  correct,
  evaluate,
  exportSubnet,
  finetune,
  profile,
  score,
  solve,
} from "../src/pipeline/library.ts";
import { pendulumRollouts } from "../src/pipeline/rollout/pendulum.ts";
import { studentMean } from "../src/tasks/statistics/intervals.ts";
import {
  type Judged,
  type Measured,
  type Row,
  SUBJECTS,
  type Subject,
  tableNotes,
  tableOf,
} from "./task-rows.ts";

const { values } = parseArgs({
  options: {
    out: { type: "string", default: "runs/tasks" },
    only: { type: "string", default: "" },
    shares: { type: "string", default: "70,50" },
    methods: { type: "string", default: "mdp,mdp-repaired,uniform,global-threshold" },
    train: { type: "string", default: "2000" },
    test: { type: "string", default: "400" },
    runs: { type: "string", default: "40" },
    epochs: { type: "string", default: "1" },
    print: { type: "boolean", default: false },
  },
});

/** The program on scores of repaired cuts. */
const REPAIRED = "mdp-repaired";

const at = (...path: readonly string[]): string => join(values.out, ...path);
const listed = (text: string): readonly string[] => text.split(",").filter(Boolean);
const lines = <Line>(file: string): readonly Line[] =>
  existsSync(at(file))
    ? readFileSync(at(file), "utf8")
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Line)
    : [];

function keep(file: string, line: Row | Measured): void {
  const text = JSON.stringify(line);
  appendFileSync(at(file), `${text}\n`);
  process.stdout.write(`${text}\n`);
}

/** A set is drawn once; its folder is named when it is whole. */
async function drawn({ set, config }: Subject): Promise<string> {
  const out = at("data", set);
  if (!existsSync(join(out, "done"))) {
    const counts = { train: Number(values.train), test: Number(values.test) };
    await drawSet({ set, out, seed: 1, ...counts }, SILENT);
    appendFileSync(join(out, "done"), "");
  }
  return join(out, config);
}

async function latencyTable({ name, batch, step }: Subject): Promise<string> {
  const folder = at("tables", name);
  const made = (): string | undefined =>
    existsSync(folder)
      ? readdirSync(folder, { recursive: true, encoding: "utf8" }).find((path) =>
          /-b\d+\.json(\.gz)?$/.test(path),
        )
      : undefined;
  const known = lines<Measured>("tables.jsonl").some(({ network }) => network === name);
  const path = made();
  if (known && path !== undefined) return join(folder, path);
  const { table, tablePath } = await profile({
    ...{ model: `:${name}`, batch, step, runs: Number(values.runs), validate: 6 },
    ...{ repeats: 10, maxMinutes: 3, name: "local", out: folder },
  });
  keep("tables.jsonl", {
    ...{ network: name, denseMs: table.denseMs, fixed: table.fixedMs / table.denseMs },
    ...{ spread: table.spread, runs: table.runs },
    error:
      table.expectedError === null
        ? null
        : { mean: table.expectedError.mean, worst: table.expectedError.worst },
  });
  return tablePath;
}

/** @param repaired whether cuts are measured after their repair: half of the samples repair then */
async function scoresOf({ name }: Subject, data: string, repaired: boolean): Promise<string> {
  const path = at(`${name}-${repaired ? "repaired-" : ""}scores.json`);
  if (existsSync(path)) return path;
  const importance = await score({
    ...{ model: `:${name}`, method: "sensitivity", data, split: "train", seed: 1 },
    ...{ images: repaired ? 192 : 64, repaired },
  });
  writeJson(path, importance);
  return path;
}

/** The metric of the dense network and of others on the test samples. */
async function judge(
  { name, metric }: Subject,
  data: string,
  others: readonly string[],
): Promise<readonly Judged[]> {
  const models = [`:${name}`, ...others];
  if (name === "agent") return judgeAgents(models);
  const { results } = await evaluate({
    models,
    testData: data,
    split: "test",
    latency: false,
    resamples: 200,
  });
  return results.map(({ metrics, differences }) => {
    const value = metrics?.find((each) => each.name === metric)?.value;
    if (value === undefined) throw new RangeError(`${name} has no ${metric}`);
    const change = differences?.find((each) => each.name === metric);
    const difference =
      change === undefined ? null : ([change.value, change.low, change.high] as const);
    return { value, difference };
  });
}

/** Agents are judged by what they do: the sum of rewards of 40 episodes of ten seconds. */
async function judgeAgents(models: readonly string[]): Promise<readonly Judged[]> {
  const items = Array.from({ length: 40 }, (_, item) => item);
  const returns: (readonly number[])[] = [];
  for (const model of models) {
    returns.push((await pendulumRollouts({ model, items, seed: 1 })).metrics.return);
  }
  const [dense = []] = returns;
  return returns.map((own, index) => {
    const changes = own.map((value, item) => value - (dense[item] ?? 0));
    const { value, low, high } = studentMean(changes, 0.95);
    const mean = own.reduce((sum, each) => sum + each, 0) / own.length;
    return { value: mean, difference: index === 0 ? null : [value, low, high] };
  });
}

interface Cut {
  readonly subnet: string;
  readonly path: string;
  readonly predicted: number;
  readonly measured: readonly [share: number, spread: number];
  readonly parameters: number;
}

/** The method's subnet within its share of the latency by the table, and what it takes beside the dense network. */
async function cutTo(
  subject: Subject,
  share: string,
  method: string,
  given: { readonly importance: string; readonly table: string },
): Promise<Cut> {
  const model = `:${subject.name}`;
  const stem = at(`${subject.name}-${share}-${method}`);
  const [subnet, path] = [`${stem}.json`, `${stem}.onnx`];
  const known = `${stem}-cut.json`;
  if (existsSync(known)) return readJson(known) as Cut;
  const by = method === REPAIRED ? "mdp" : method;
  const { report } = await solve({ model, ...given, method: by, out: subnet, budget: `${share}%` });
  const { sizes } = await exportSubnet({ model, subnet, out: path });
  const { chosen, dense } = report.latencyMs;
  const cut: Cut = {
    ...{ subnet, path, predicted: chosen / dense },
    measured: await measuredShare(subject, path),
    parameters: sizes.after.parameters / sizes.before.parameters,
  };
  writeJson(known, cut);
  return cut;
}

/** The fifth of the runs that are fastest, of dense and cut network in turns, three times: the middle share, and half of the range. */
async function measuredShare(
  { name, batch }: Subject,
  path: string,
): Promise<readonly [share: number, spread: number]> {
  const shares: number[] = [];
  for (let look = 0; look < 3; look += 1) {
    const { results } = await evaluate({ models: [`:${name}`, path], batch, repeats: 40 });
    const [dense = Number.NaN, cut = Number.NaN] = results.map(
      ({ latency }) => latency?.lowMs ?? Number.NaN,
    );
    shares.push(cut / dense);
  }
  const [low = 0, middle = 0, high = 0] = shares.toSorted((a, b) => a - b);
  return [middle, (high - low) / 2];
}

async function work(subject: Subject, share: string, method: string): Promise<void> {
  const about = { network: subject.name, share, method };
  const isDone = lines<Row>("results.jsonl").some(
    (row) => row.network === about.network && row.share === share && row.method === method,
  );
  if (isDone) return;
  const began = performance.now();
  const model = `:${subject.name}`;
  const data = await drawn(subject);
  const table = await latencyTable(subject);
  const importance = await scoresOf(subject, data, method === REPAIRED);
  const stem = `${subject.name}-${share}-${method}`;
  const cut = await cutTo(subject, share, method, { importance, table }).catch((error: unknown) => {
    if (error instanceof InfeasibleError || error instanceof LimitError) return error;
    throw error;
  });
  if (cut instanceof Error) {
    keep("results.jsonl", { ...about, judged: null, message: cut.message });
    return;
  }
  const repaired = at(`${stem}-repaired.onnx`);
  if (!existsSync(repaired)) {
    await correct({
      ...{ model, subnet: cut.subnet, data, split: "train", images: 500, testImages: 0 },
      ...{ out: repaired, threads: 1 },
    });
  }
  const folder = at(`${stem}-tuned`);
  await finetune({
    ...{ model: repaired, teacher: model, data, split: "train", out: folder, validate: false },
    ...{ loss: "outputs", optimizer: "adamw", lr: 0.001, batch: "32", flip: "none", crop: 0 },
    ...{ epochs: Number(values.epochs), threads: 1, seed: 1 },
  });
  const [dense, ...rest] = await judge(subject, data, [
    cut.path,
    repaired,
    join(folder, "last.onnx"),
  ]);
  const [a, b, c] = rest;
  if (!(dense && a && b && c)) throw new RangeError("a figure is missing");
  const { predicted, measured, parameters } = cut;
  keep("results.jsonl", {
    ...{ ...about, judged: { dense, cut: a, repaired: b, tuned: c } },
    ...{ predicted, measured, parameters, seconds: (performance.now() - began) / 1000 },
  });
}

mkdirSync(values.out, { recursive: true });
if (!values.print) {
  const wanted = listed(values.only);
  for (const subject of SUBJECTS) {
    if (wanted.length > 0 && !wanted.includes(subject.name)) continue;
    for (const share of listed(values.shares)) {
      for (const method of listed(values.methods)) await work(subject, share, method);
    }
  }
}
const rows = lines<Row>("results.jsonl");
const table = tableOf(rows, listed(values.shares), listed(values.methods));
const notes = tableNotes(lines<Measured>("tables.jsonl"));
process.stdout.write(`\n${[...table, "", ...notes].join("\n")}\n`);
