/**
 * Accuracy at a measured latency: a network straight after the cut, repaired and tuned, at several budgets and with several random
 * seeds.
 *
 *     npm run bench -- accuracy --out FOLDER
 *
 * Each row is a run of `mdp prune --finetune` with the same scores and the same table, judged on images that choose nothing: the
 * seed draws the images of the repair, and their order and variation in training. Without further options it is ResNet-56 on
 * CIFAR-10. Everything stays in the folder, finished rows in rows.jsonl, and the same command goes on behind them.
 * docs/results/accuracy.md holds what it printed.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeFileAtomic } from "../src/core/files.ts";
import { SILENT } from "../src/core/progress.ts";
import { importanceText } from "../src/importance/importance.ts";
import { profile, prune, score } from "../src/pipeline/library.ts";
import { type RunContext, runContext } from "../src/pipeline/run-context.ts";
import { CIFAR, measuredShare, rowFile, spreadText, topByFile } from "./accuracy-rows.ts";

const { values } = parseArgs({
  options: {
    out: { type: "string" },
    model: { type: "string", default: CIFAR.resnet56 },
    train: { type: "string", default: CIFAR.train },
    test: { type: "string", default: CIFAR.test },
    "data-config": { type: "string", default: CIFAR.config },
    /** A table that is there, in place of one that is measured here. */
    table: { type: "string" },
    minutes: { type: "string", default: "4" },
    /** Scores that are there. */
    importance: { type: "string" },
    budgets: { type: "string", default: "91%,72%,60%,50%,35%" },
    seeds: { type: "string", default: "1,2,3" },
  },
});
const { model, train, test } = values;
if (values.out === undefined) throw new Error("--out FOLDER: where what was made is kept");
const { out } = values as typeof values & { readonly out: string };
mkdirSync(out, { recursive: true });
const data = { data: train, dataConfig: values["data-config"] } as const;
const threads = availableParallelism();
const run: RunContext = {
  ...runContext({ commandLine: "npm run bench -- accuracy" }),
  progress: { ...SILENT, note: (text) => console.error(text) },
};

async function scores(): Promise<string> {
  const path = values.importance ?? join(out, "importance.json");
  if (!existsSync(path)) {
    const found = await score({ model, method: "sensitivity", ...data, seed: 1, threads }, run);
    writeFileAtomic(path, importanceText(found));
  }
  return path;
}

async function table(): Promise<string> {
  if (values.table !== undefined) return values.table;
  const known = join(out, "table.txt");
  if (!existsSync(known)) {
    const maxMinutes = Number(values.minutes);
    const wanted = { model, out, maxMinutes, batch: 8, step: 4, seed: 1 };
    writeFileAtomic(known, (await profile(wanted, run)).tablePath);
  }
  return readFileSync(known, "utf8");
}

interface Row {
  readonly budget: string;
  readonly seed: number;
  /** Shares of the dense network's latency, by the table and in turns. */
  readonly predicted: number;
  readonly measured: number | null;
  /** Top-1 in per cent. */
  readonly dense: number;
  readonly straight: number;
  readonly repaired: number;
  readonly tuned: number;
  readonly droppedBlocks: number;
  readonly seconds: number;
}

async function rowOf(budget: string, seed: number): Promise<Row> {
  const started = performance.now();
  const folder = join(out, `${Number.parseFloat(budget)}-${seed}`);
  const { solve, eval: report } = await prune(
    {
      ...{ model, importance: await scores(), table: await table(), budget, out: folder, seed },
      ...{ ...data, testData: test, rebase: false, finetune: true, threads },
    },
    run,
  );
  const top = topByFile(report);
  const at = (file: string): number => top.get(file) ?? Number.NaN;
  return {
    ...{ budget, seed },
    predicted: solve.latencyMs.chosen / solve.latencyMs.dense,
    measured: measuredShare(report) ?? null,
    dense: [...top.values()][0] ?? Number.NaN,
    ...{ straight: at("pruned.onnx"), repaired: at("corrected.onnx"), tuned: at("finetuned.onnx") },
    droppedBlocks: solve.droppedBlocks.length,
    seconds: (performance.now() - started) / 1000,
  };
}

/** A line per budget: the cut itself does not depend on the seed. */
function lineOf(budget: string, rows: readonly Row[]): string {
  const own = rows.filter((row) => row.budget === budget);
  const [first] = own;
  if (first === undefined) return `| ${budget} | not run | | | | | | |`;
  const cells = [
    ...[budget, first.predicted.toFixed(3)],
    spreadText(
      own.flatMap(({ measured }) => measured ?? []),
      3,
    ),
    ...[first.straight.toFixed(1), spreadText(own.map(({ repaired }) => repaired))],
    ...[spreadText(own.map(({ tuned }) => tuned)), first.droppedBlocks, own.length],
  ];
  return `| ${cells.join(" | ")} |`;
}

const file = rowFile<Row>(join(out, "rows.jsonl"));
const budgets = values.budgets.split(",");
// All budgets with the first seed come first, so that a run that is stopped says something of each.
for (const seed of values.seeds.split(",").map(Number)) {
  for (const budget of budgets) {
    if (file.rows().some((row) => row.budget === budget && row.seed === seed)) continue;
    const row = await rowOf(budget, seed);
    file.add(row);
    console.error(JSON.stringify(row));
  }
}
const rows = file.rows();
console.log(`Dense: ${rows[0]?.dense.toFixed(1)} %.\n`);
console.log(
  "| budget | by the table | in turns | straight | repaired | tuned | blocks dropped | random seeds |",
);
console.log("| --- | --: | --: | --: | --: | --: | --: | --: |");
for (const budget of budgets) console.log(lineOf(budget, rows));
