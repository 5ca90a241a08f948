/**
 * Ways to choose a subnet side by side, with the same scores, the same repair and the same fine-tuning: accuracy straight after the
 * export, after repair and after training, and the latency as measured. A killed run goes on: every step leaves a file in the
 * work folder. With `--latency` (on a quiet machine) the latencies are measured at the end, all networks in turns.
 *
 *   tsx scripts/bench-methods.ts MODEL --train DATA --test DATA --table T.json --work FOLDER
 *     [--data-config C.json] [--importance I.json] [--methods a,b] [--budgets 70%,50%,30%] [--repair N] [--images N] [--epochs N]
 *     [--batch N, of the table] [--threads N] [--latency]
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readJson } from "../src/core/files.ts";
import { accuracy, made, report, StepError } from "./mdp-steps.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    train: { type: "string" },
    test: { type: "string" },
    table: { type: "string" },
    work: { type: "string" },
    importance: { type: "string" },
    "data-config": { type: "string" },
    methods: { type: "string", default: "mdp,channels-only,linear-latency,uniform" },
    budgets: { type: "string", default: "70%,50%,30%" },
    repair: { type: "string", default: "2000" },
    images: { type: "string", default: "5000" },
    epochs: { type: "string", default: "3" },
    batch: { type: "string", default: "8" },
    threads: { type: "string", default: "2" },
    latency: { type: "boolean", default: false },
  },
});
const [model] = positionals;
const { train, test, table, work, threads, repair, images, epochs } = values;
if (!model || !train || !test || !table || !work) {
  throw new Error("Name MODEL, --train, --test, --table and --work.");
}
mkdirSync(work, { recursive: true });
const at = (name: string): string => join(work, name);
const config = values["data-config"] === undefined ? [] : ["--data-config", values["data-config"]];
const trainData = ["--data", train, ...config];
const testData = ["--data", test, ...config];
const importance = values.importance ?? at("importance.json");

interface Row {
  readonly method: string;
  readonly budget: string;
  /** Written by the last step; null: the method has no answer at this budget. */
  readonly network: string | null;
  readonly promised: number;
  readonly droppedBlocks: number;
  readonly exported: number;
  readonly repaired: number;
  readonly tuned: number;
  readonly tuningSeconds: number;
}

interface SolvedSubnet {
  readonly droppedBlocks: readonly string[];
  readonly solve: { readonly latencyMs: { readonly chosen: number; readonly dense: number } };
}

/** The subnet that a method chooses; null where it finds none within the budget (exit codes 4 and 5). */
function solved(method: string, budget: string, file: string): SolvedSubnet | null {
  const none = `${file}.none`;
  if (existsSync(none)) return null;
  const limits = ["--importance", importance, "--table", table ?? "", "--budget", budget];
  try {
    made(file, ["solve", model ?? "", ...limits, "--method", method, "--out", file]);
    return readJson(file) as SolvedSubnet;
  } catch (error) {
    if (!(error instanceof StepError) || ![4, 5].includes(error.exitCode)) throw error;
    writeFileSync(none, `exit code ${error.exitCode}\n`);
    return null;
  }
}

/** Fine-tunes; the file of its seconds tells that it ended, since a killed run has networks in its folder as well. */
function tuned(name: string, start: string): { readonly last: string; readonly seconds: number } {
  const folder = at(`${name}.tuned`);
  const marker = at(`${name}.tuned.seconds`);
  if (!existsSync(marker)) {
    // Without validation the last epoch counts: choosing the best one would look at the test images.
    const seconds = made(marker, [
      ...["finetune", start, ...trainData, "--limit", images, "--teacher", model ?? ""],
      ...["--epochs", epochs, "--no-validate", "--threads", threads, "--out", folder],
    ]);
    writeFileSync(marker, String(seconds));
  }
  return { last: join(folder, "last.onnx"), seconds: Number(readFileSync(marker, "utf8")) };
}

function rowOf(method: string, budget: string): Row {
  const name = `${method.replace(":", "-")}-${Number.parseFloat(budget)}`;
  const subnetFile = at(`${name}.subnet.json`);
  const subnet = solved(method, budget, subnetFile);
  const none = { promised: Number.NaN, droppedBlocks: 0, exported: Number.NaN };
  if (subnet === null) {
    return {
      ...{ method, budget, network: null, ...none },
      ...{ repaired: Number.NaN, tuned: Number.NaN, tuningSeconds: Number.NaN },
    };
  }
  const small = at(`${name}.onnx`);
  const repaired = at(`${name}.repaired.onnx`);
  const subnetOption = ["--subnet", subnetFile];
  made(small, ["export", model ?? "", ...subnetOption, "--out", small]);
  made(repaired, [
    ...["correct", model ?? "", ...subnetOption, ...trainData, "--images", repair],
    ...["--limit", "0", "--threads", threads, "--out", repaired],
  ]);
  const { last, seconds: tuningSeconds } = tuned(name, repaired);
  const { chosen, dense } = subnet.solve.latencyMs;
  return {
    ...{ method, budget, network: last, promised: chosen / dense },
    droppedBlocks: subnet.droppedBlocks.length,
    exported: accuracy(small, at(`${name}.exported.json`), testData),
    repaired: accuracy(repaired, at(`${name}.repaired.json`), testData),
    tuned: accuracy(last, at(`${name}.tuned.json`), testData),
    tuningSeconds,
  };
}

interface Timed {
  readonly model: string;
  readonly latency: { readonly medianMs: number };
}

/** Median milliseconds per network, measured in turns. */
function latencies(networks: readonly string[]): ReadonlyMap<string, number> {
  const args = ["eval", ...networks, "--batch", values.batch, "--threads", "1"];
  const { results } = report<{ results: Timed[] }>(at("latency.json"), args);
  return new Map(results.map((result) => [result.model, result.latency.medianMs]));
}

const decimals = (value: number, digits: number): string =>
  Number.isNaN(value) ? "-" : value.toFixed(digits);
const percent = (share: number): string => decimals(100 * share, 1);

function markdown(dense: number, rows: readonly Row[], times: ReadonlyMap<string, number>): string {
  const whole = times.get(model ?? "") ?? Number.NaN;
  const lines = rows.map((row) => {
    if (row.network === null) return `| ${row.budget} | ${row.method} | no answer | | | | | | |`;
    const ms = times.get(row.network) ?? Number.NaN;
    return `| ${[
      ...[row.budget, row.method, percent(row.promised), percent(ms / whole), decimals(ms, 2)],
      ...[percent(row.exported), percent(row.repaired), percent(row.tuned)],
      ...[row.droppedBlocks, decimals(row.tuningSeconds, 0)],
    ].join(" | ")} |`;
  });
  return [
    `Dense: ${percent(dense)} %, ${decimals(whole, 2)} ms at batch ${values.batch}. Trained ${epochs} epochs on ${images} images.`,
    "",
    "| budget | method | promised, % | measured, % of dense | ms | exported | repaired | trained | blocks dropped | training, s |",
    "| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: |",
    ...lines,
    "",
  ].join("\n");
}

if (values.importance === undefined) {
  const score = ["score", model, "--method", "sensitivity", ...trainData];
  made(importance, [...score, "--threads", threads, "--out", importance]);
}
const dense = accuracy(model, at("dense.json"), testData);
const rows: Row[] = [];
for (const budget of values.budgets.split(",")) {
  for (const method of values.methods.split(",")) {
    rows.push(rowOf(method, budget));
    writeFileSync(at("methods.md"), markdown(dense, rows, new Map()));
  }
}
const networks = rows.flatMap(({ network }) => (network === null ? [] : [network]));
if (values.latency) rmSync(at("latency.json"), { force: true });
const times = values.latency ? latencies([model, ...networks]) : new Map<string, number>();
const text = markdown(dense, rows, times);
writeFileSync(at("methods.md"), text);
console.log(text);
