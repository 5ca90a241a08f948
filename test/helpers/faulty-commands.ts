import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { InputError } from "../../src/core/errors.ts";
import { forgetTidied } from "../../src/core/temporary.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { parseModel } from "../../src/onnx/read.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { type FaultKind, withFault } from "./file-faults.ts";
import { NETWORKS } from "./networks.ts";
import { type RunHere, runHere } from "./run-here.ts";

/** Commands that write, by what to call them; {} is the folder they work in. The first word is the command's. */
export const WRITING: Readonly<Record<string, string>> = {
  inspect: "inspect {}/net.onnx --out {}/out/structure.json",
  figure: "inspect {}/net.onnx --graph {}/out/graph.svg",
  score: "score {}/net.onnx --method random --out {}/out/importance.json",
  predict: "predict {}/net.onnx --device jetson --out {}/out/table.json",
  solve:
    "solve {}/net.onnx --device jetson --budget 95% --out {}/out/subnet.json --write-lp {}/out/program.lp",
  export: "export {}/net.onnx --subnet {}/subnet.json --out {}/out/smaller.onnx",
  project: "export {}/net.onnx --subnet {}/subnet.json --to pytorch --out {}/out/project",
  sweep: "sweep {}/net.onnx --device jetson --points 2 --out {}/out/frontier",
  data: "data shapes --train 20 --test 4 --out {}/out/shapes",
  "table export": "table export {}/table.json --out {}/out/table.csv",
  "table merge": "table merge {}/table.json {}/table.json --out {}/out/table.json",
  "table plot": "table plot {}/table.json --out {}/out/plot.svg",
  metrics: "metrics init {}/net.onnx --out {}/out/metrics.json",
  explore: "explore {}/net.onnx --device jetson --out {}/out/page.html",
  knowledge: "knowledge {}/net.onnx --figure {}/out/knowledge.svg",
  sparsify: "sparsify {}/net.onnx --sparsity 50% --out {}/out/sparse.onnx",
  report: "report {}/subnet.json --out {}/out/report.html",
  compare: "compare {}/net.onnx --device jetson --budget 95% --out {}/out/compare.json",
  profile: "profile {}/net.onnx --device local --repeats 1 --out {}/out",
  prune: "prune {}/net.onnx --device jetson --budget 95% --out {}/out/run",
};

/** Commands that write no file. */
export const READING: ReadonlySet<string> = new Set([
  ...["devices", "doctor", "explain", "diff", "eval", "history"],
]);

/** Commands that write and are not run with faults here, each with the reason. */
export const UNTRIED: Readonly<Record<string, string>> = {
  "correct-device": "one device description, written as a table is",
  damages: "needs data of the network's classes; one document, written as scores are",
  correct: "needs data of the network's classes; writes as export does",
  calibrate: "needs a board",
  join: "needs two networks whose embeddings are compared; writes as export does",
  split: "needs a joined network; writes as export does",
  rebase: "needs attention and data; writes as export does",
  finetune: "needs data and minutes; its checkpoints are tested in test/training",
  train: "needs data and minutes; its checkpoints are tested in test/training",
  import: "needs a pickle; one document, written as scores are",
  "import-weights": "needs a project trained in Python; writes as export does",
  groups: "needs metrics that were measured; a figure and a table, written as those of inspect are",
  gate: "needs metrics that were measured; its ledger is tested in test/release",
  monitor: "needs a release; its ledger is tested in test/release",
  undo: "needs a release; tested in test/release",
  rollout: "needs recorded worlds; writes as eval does",
};

const FINE = new Set<unknown>([0, 2, 3, 4, 5, 6, 7]);

export interface FaultReport {
  readonly writes: number;
  readonly faults: number;
  /** What went wrong, a sentence each. */
  readonly wrong: readonly string[];
}

/** A folder with what the commands read. */
export async function prepareInputs(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeModel(modelOf(NETWORKS.flattenVgg()), join(folder, "net.onnx"));
  for (const line of [
    `solve ${folder}/net.onnx --device jetson --budget 95% --out ${folder}/subnet.json`,
    `predict ${folder}/net.onnx --device jetson --out ${folder}/table.json`,
  ]) {
    const { code, text } = await runHere(line.split(" "));
    if (code !== 0) throw new Error(text);
  }
}

/**
 * A command with every one of its writes failing in turn. Afterwards each file must be the old one or the new one, whole, and the
 * exit code a documented one; the next run must succeed and leave nothing temporary.
 * @param every look at one fault in so many
 * @param run what is done in place of the command line, to show that the check can fail
 */
export async function faultsOf(
  name: string,
  folder: string,
  kind: FaultKind,
  every = 1,
  run: (args: readonly string[]) => Promise<RunHere> = runHere,
): Promise<FaultReport> {
  const args = (WRITING[name] ?? "").replaceAll("{}", folder).split(" ");
  const out = join(folder, "out");
  const old = join(folder, "old");
  const wrong: string[] = [];
  for (const place of [out, old]) rmSync(place, { recursive: true, force: true });
  // What is there before: an earlier run's files, where the command replaces them. Some refuse what is there.
  const isNew = name === "project" || name === "metrics";
  const whole = await withFault(folder, 0, kind, () => run(args));
  if (whole.result.code !== 0) throw new Error(whole.result.text);
  const right = filesIn(out);
  if (!isNew) cpSync(out, old, { recursive: true });
  const before = isNew ? new Map<string, string>() : filesIn(old);
  const { writes } = await restored(() => withFault(folder, 0, kind, () => run(args)));
  let faults = 0;
  for (let at = 1; at <= writes; at += every) {
    faults += 1;
    const { result } = await restored(() => withFault(folder, at, kind, () => run(args)));
    const where = `${name}, ${kind} ${at} of ${writes}`;
    if (!FINE.has(result.code))
      wrong.push(`${where}: exit code ${String(result.code)}: ${result.text.slice(-300)}`);
    for (const [file, hash] of filesIn(out)) {
      if (kind === "from" && (isTemporary(file) || isLock(file))) continue;
      if (isTemporary(file)) wrong.push(`${where}: '${file}' was left`);
      else if (hash !== before.get(file) && hash !== right.get(file) && !isWhole(join(out, file)))
        wrong.push(`${where}: '${file}' is neither the old nor the new one`);
    }
    if (kind === "from") disown(folder);
    forgetTidied();
    const again = await run(args);
    if (again.code !== 0)
      wrong.push(
        `${where}: the next run ends with ${String(again.code)}: ${again.text.slice(-300)}`,
      );
    const left = [...filesIn(out).keys()].filter(isTemporary);
    if (left.length > 0) wrong.push(`${where}: the next run leaves ${left.join(", ")}`);
  }
  return { writes, faults, wrong };

  async function restored<Result>(act: () => Promise<Result>): Promise<Result> {
    rmSync(out, { recursive: true, force: true });
    if (existsSync(old)) cpSync(old, out, { recursive: true });
    forgetTidied();
    return act();
  }
}

/** What a killed run left bears the number of a process that is gone, and not of this one: temporary files by name, locks inside. */
function disown(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const dead = name.replace(`-${process.pid}-`, "-999999999-");
    if (isLock(name) && statSync(path).isFile()) {
      const text = readFileSync(path, "utf8");
      writeFileSync(path, text.replaceAll(String(process.pid), "999999999"));
    } else if (isTemporary(name) && dead !== name) renameSync(path, join(folder, dead));
    else if (statSync(path).isDirectory()) disown(path);
  }
}

const isTemporary = (file: string): boolean => /\.tmp(\/|$)/.test(file);

const isLock = (file: string): boolean => /(^|\/)\.lock$/.test(file);

/** Hashes by path. */
function filesIn(folder: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const walk = (place: string): void => {
    if (!existsSync(place)) return;
    for (const name of readdirSync(place)) {
      const path = join(place, name);
      if (statSync(path).isDirectory()) walk(path);
      else
        found.set(
          relative(folder, path),
          createHash("sha256").update(readFileSync(path)).digest("hex"),
        );
    }
  };
  walk(folder);
  return found;
}

/** Files with times in them differ from run to run: they must at least be complete. */
function isWhole(path: string): boolean {
  const bytes = readFileSync(path);
  try {
    if (path.endsWith(".json")) JSON.parse(bytes.toString("utf8"));
    else if (path.endsWith(".onnx")) parseModel(bytes, { where: path, folder: null });
    else if (path.endsWith(".svg")) return bytes.toString("utf8").trimEnd().endsWith("</svg>");
    else return bytes.toString("utf8").endsWith("\n");
    return true;
  } catch (error) {
    if (error instanceof InputError || error instanceof SyntaxError) return false;
    throw error;
  }
}
