/**
 * Does the way of scoring matter? Each method scores one network, the program picks the subnet of every budget, and the accuracy
 * is taken straight after the export, after repair and after a short fine-tuning. A killed run goes on: every step
 * leaves a file in the work folder, and what is there is not made again.
 *
 *   tsx scripts/bench-scores.ts MODEL --train DATA --test DATA --table T.json --work FOLDER
 *     [--data-config C.json] [--methods a,b] [--budgets 50%,30%] [--correct] [--finetune EPOCHS] [--solve "--no-layers"] [--samples N] [--images N, to repair on]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readJson, writeJson } from "../src/core/files.ts";
import { IMPORTANCE_METHODS, needsData } from "../src/importance/importance.ts";
import { accuracy, made } from "./mdp-steps.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    train: { type: "string" },
    test: { type: "string" },
    table: { type: "string" },
    work: { type: "string" },
    "data-config": { type: "string" },
    methods: { type: "string", default: IMPORTANCE_METHODS.join(",") },
    budgets: { type: "string", default: "50%,30%" },
    correct: { type: "boolean", default: false },
    finetune: { type: "string", default: "0" },
    solve: { type: "string", default: "" },
    samples: { type: "string" },
    images: { type: "string", default: "2000" },
    threads: { type: "string", default: "2" },
  },
});
const [model] = positionals;
const { train, test, table, work, threads } = values;
if (!model || !train || !test || !table || !work) {
  throw new Error("Name MODEL, --train, --test, --table and --work.");
}
const config = values["data-config"] === undefined ? [] : ["--data-config", values["data-config"]];
const solveOptions = values.solve.split(" ").filter((option) => option !== "");

interface Row {
  readonly method: string;
  readonly budget: string;
  readonly scoreSeconds: number;
  readonly droppedBlocks: number;
  readonly droppedLayers: number;
  readonly predictedMs: number;
  /** Top-1, 0 to 1; null: not measured. */
  readonly exported: number | null;
  readonly repaired: number | null;
  readonly finetuned: number | null;
}

function accuracyOf(network: string, name: string): number {
  return accuracy(network, join(work ?? "", `${name}.eval.json`), [
    "--data",
    test ?? "",
    ...config,
  ]);
}

interface SolvedSubnet {
  readonly droppedBlocks: readonly string[];
  readonly droppedLayers: readonly string[];
  readonly solve: { readonly latencyMs: { readonly chosen: number } };
}

const images = ["--data", train, ...config];

function scored(method: string): { readonly path: string; readonly seconds: number } {
  const path = join(work ?? "", `${method}.importance.json`);
  const samples = values.samples === undefined ? [] : ["--samples", values.samples];
  const onImages = needsData(method as (typeof IMPORTANCE_METHODS)[number]);
  const seconds = made(path, [
    ...["score", model ?? "", "--method", method, "--out", path, "--threads", threads],
    ...(onImages ? [...images, ...samples] : []),
  ]);
  return { path, seconds };
}

function repairedAccuracy(name: string, subnet: string): number | null {
  if (!values.correct) return null;
  const path = join(work ?? "", `${name}.repaired.onnx`);
  const repair = ["correct", model ?? "", "--subnet", subnet, "--limit", "0", ...images];
  made(path, [...repair, "--images", values.images, "--threads", threads, "--out", path]);
  return accuracyOf(path, `${name}.repaired`);
}

function tunedAccuracy(name: string, start: string): number | null {
  if (Number(values.finetune) === 0) return null;
  const folder = join(work ?? "", `${name}.tuned`);
  const recipe = ["--teacher", model ?? "", "--epochs", values.finetune, "--val-data", test ?? ""];
  const run = ["finetune", start, ...images, ...recipe, "--threads", threads, "--out", folder];
  made(join(folder, "best.onnx"), run);
  return accuracyOf(join(folder, "best.onnx"), `${name}.tuned`);
}

function rowOf(method: string, budget: string): Row {
  const name = `${method}-${budget.replace("%", "")}`;
  const importance = scored(method);
  const subnet = join(work ?? "", `${name}.subnet.json`);
  const limits = ["--importance", importance.path, "--table", table ?? "", "--budget", budget];
  made(subnet, ["solve", model ?? "", ...limits, ...solveOptions, "--out", subnet]);
  const small = join(work ?? "", `${name}.onnx`);
  made(small, ["export", model ?? "", "--subnet", subnet, "--out", small]);
  const found = readJson(subnet) as SolvedSubnet;
  const repaired = repairedAccuracy(name, subnet);
  const start = repaired === null ? small : join(work ?? "", `${name}.repaired.onnx`);
  return {
    ...{ method, budget, scoreSeconds: importance.seconds },
    droppedBlocks: found.droppedBlocks.length,
    droppedLayers: found.droppedLayers.length,
    predictedMs: found.solve.latencyMs.chosen,
    exported: accuracyOf(small, name),
    repaired,
    finetuned: tunedAccuracy(name, start),
  };
}

function markdown(dense: number, rows: readonly Row[]): string {
  const percent = (share: number | null): string =>
    share === null ? "not measured" : (100 * share).toFixed(1);
  const lines = rows.map((row) =>
    [
      ...[row.method, row.budget, `${row.droppedBlocks} / ${row.droppedLayers}`],
      ...[percent(row.exported), percent(row.repaired), percent(row.finetuned)],
    ].join(" | "),
  );
  return [
    `Dense: ${percent(dense)}`,
    "",
    "| method | latency | blocks / layers dropped | exported | repaired | fine-tuned |",
    "| --- | --- | --- | --- | --- | --- |",
    ...lines.map((line) => `| ${line} |`),
    "",
  ].join("\n");
}

mkdirSync(work, { recursive: true });
const dense = accuracyOf(model, "dense");
const rows: Row[] = [];
for (const method of values.methods.split(",")) {
  for (const budget of values.budgets.split(",")) {
    rows.push(rowOf(method, budget));
    writeJson(join(work, "scores.json"), { schema: "mdp-bench-scores/1", dense, rows });
    writeFileSync(join(work, "scores.md"), markdown(dense, rows));
  }
}
console.log(markdown(dense, rows));
