/**
 * Solves the published instances (and, with --all, the synthetic ones) and compares with their references:
 *
 *   npx tsx scripts/bench-solve.ts [--all] [--cold] [--repeat 5] [--only TEXT] [--solver highs|glpk] [--time-limit 120] [--no-presolve] [--json]
 *
 * Prints a Markdown table, or one JSON document with --json. The first solve of the process is a warm-up and isn't counted;
 * with --cold each instance is also solved once in a process of its own, which has compiled nothing yet.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createGlpk } from "../solvers/glpk.ts";
import { createHighs } from "../solvers/highs.ts";
import { readInstance } from "../src/authors/read-instance.ts";
import { packageRoot } from "../src/core/files.ts";
import type { Instance } from "../src/formulation/problem/instance.ts";
import { solveProblem } from "../src/formulation/solve/solve-problem.ts";
import type { Solver } from "../src/mip/solver.ts";

interface Measured {
  readonly name: string;
  readonly status: string;
  readonly objective: number | null;
  readonly latency: number | null;
  readonly budget: number | null;
  readonly gap: number | null;
  readonly optimum: number | null;
  readonly isOptimum: boolean;
  readonly mindtpy: number | null;
  readonly mindtpyLatency: number | null;
  readonly choices: number | null;
  readonly choicesLeft: number | null;
  readonly labels: number | null;
  readonly solverSeconds: number;
  readonly nodes: number;
  readonly medianSeconds: number;
  /** The solve alone, in a process that has solved nothing before. */
  readonly coldSeconds: number | null;
  readonly solverMebibytes: number;
}

const { values: options } = parseArgs({
  options: {
    all: { type: "boolean", default: false },
    repeat: { type: "string", default: "1" },
    only: { type: "string", default: "" },
    solver: { type: "string", default: "highs" },
    "time-limit": { type: "string", default: "120" },
    "no-presolve": { type: "boolean", default: false },
    cold: { type: "boolean", default: false },
    "cold-case": { type: "string" },
    json: { type: "boolean", default: false },
  },
});

const coldCase = options["cold-case"];
if (coldCase !== undefined) {
  await solveCold(coldCase);
  process.exit(0);
}

const shared = process.env["MDP_SHARED"] ?? join(packageRoot(), "../shared");
const folders = ["mdp-instances", ...(options.all ? ["synthetic-instances"] : [])];
const paths = folders
  .map((folder) => join(shared, folder))
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  .filter((path) => path.endsWith(".json") && path.includes(options.only))
  .sort();
if (paths.length === 0) {
  console.error(`No instances below ${shared}; set MDP_SHARED to the folder that has them.`);
  process.exit(3);
}

const solver = options.solver === "glpk" ? createGlpk() : createHighs();
const warmUp = paths[0];
if (warmUp !== undefined) await measure(warmUp, solver, 1);
const began = performance.now();
const results: Measured[] = [];
for (const path of paths) {
  const result = await measure(path, solver, Number(options.repeat));
  results.push(result);
  console.error(`${result.name}: ${result.status}, ${result.medianSeconds.toFixed(2)} s`);
}
await solver.close();
const summary = {
  machine: `${cpus()[0]?.model.trim()}, ${cpus().length} cores`,
  node: process.version,
  solver: solver.name,
  repeat: Number(options.repeat),
  instances: results.length,
  atReference: results.filter(({ isOptimum }) => isOptimum).length,
  sumOfMedianSeconds: results.reduce((sum, { medianSeconds }) => sum + medianSeconds, 0),
  wallSeconds: (performance.now() - began) / 1000,
  peakProcessMebibytes: Math.round(process.resourceUsage().maxRSS / 1024),
};
console.log(options.json ? JSON.stringify({ ...summary, results }, null, 1) : table());

async function measure(path: string, by: Solver, repeat: number): Promise<Measured> {
  const instance = readInstance(path);
  const seconds: number[] = [];
  let last: Partial<Measured> = {};
  for (let run = 0; run < repeat; run += 1) {
    const start = performance.now();
    last = await solveOnce(instance, by);
    seconds.push((performance.now() - start) / 1000);
  }
  seconds.sort((left, right) => left - right);
  const { reference, problem } = instance;
  return {
    name: problem.name,
    status: last.status ?? "not run",
    objective: last.objective ?? null,
    latency: last.latency ?? null,
    budget: problem.resources[0]?.limit ?? null,
    gap: last.gap ?? null,
    optimum: reference.optimum,
    isOptimum: last.status === "optimal" && last.objective === reference.optimum,
    mindtpy: reference.mindtpy,
    mindtpyLatency: reference.mindtpyLatency,
    choices: last.choices ?? null,
    choicesLeft: last.choicesLeft ?? null,
    labels: last.labels ?? null,
    solverSeconds: last.solverSeconds ?? Number.NaN,
    nodes: last.nodes ?? 0,
    medianSeconds: seconds[Math.floor(seconds.length / 2)] ?? Number.NaN,
    coldSeconds: options.cold ? coldSeconds(path) : null,
    solverMebibytes: last.solverMebibytes ?? 0,
  };
}

/** Prints the seconds of one solve. */
async function solveCold(path: string): Promise<void> {
  const instance = readInstance(path);
  const by = options.solver === "glpk" ? createGlpk() : createHighs();
  const start = performance.now();
  await solveOnce(instance, by);
  console.log((performance.now() - start) / 1000);
  await by.close();
}

/** Of a solve in a process of its own, reading not counted. */
function coldSeconds(path: string): number {
  const given = process.argv.slice(2).filter((word) => word !== "--json");
  const script = [fileURLToPath(import.meta.url), ...given, "--cold-case", path];
  return Number(
    execFileSync(process.execPath, [...process.execArgv, ...script], { encoding: "utf8" }),
  );
}

async function solveOnce({ problem }: Instance, by: Solver): Promise<Partial<Measured>> {
  try {
    const limit = Number(options["time-limit"]);
    const answer = await solveProblem(problem, [by], {
      timeLimitSeconds: limit,
      presolve: options["no-presolve"] ? false : undefined,
    });
    return {
      status: answer.status,
      objective: answer.objective,
      latency: answer.usage[0] ?? null,
      gap: answer.gap,
      nodes: answer.stats.nodes,
      solverSeconds: answer.stats.seconds,
      choices: answer.presolve?.choices ?? null,
      choicesLeft: answer.presolve?.choicesLeft ?? null,
      labels: answer.presolve?.labels ?? null,
      solverMebibytes: Math.round(answer.stats.memoryBytes / 2 ** 20),
    };
  } catch (error) {
    return { status: `error: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function table(): string {
  const head =
    "| instance | status | seconds | cold | of it solver | choices | left | labels | nodes | gap | solver MiB | objective | = reference | authors' solver |\n" +
    "| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --- | --- |\n";
  const rows = results.map((each) => {
    const cells = [
      each.name,
      each.status,
      each.medianSeconds.toFixed(3),
      each.coldSeconds?.toFixed(3) ?? "",
      each.solverSeconds.toFixed(3),
      each.choices ?? "",
      each.choicesLeft ?? "",
      each.labels ?? "",
      each.nodes,
      each.gap ?? "",
      each.solverMebibytes,
      each.objective ?? "",
      each.isOptimum ? "yes" : "NO",
      authors(each),
    ];
    return `| ${cells.join(" | ")} |\n`;
  });
  const { machine, node, repeat } = summary;
  const foot =
    `\n${summary.atReference} of ${summary.instances} proven at their reference, ` +
    `${summary.sumOfMedianSeconds.toFixed(1)} s together (median of ${repeat}), ` +
    `peak ${summary.peakProcessMebibytes} MiB; ${machine}, Node ${node}, ${summary.solver}.`;
  return head + rows.join("") + foot;
}

/** How the authors' own solver did, from the same data. */
function authors({ mindtpy, mindtpyLatency, optimum, budget }: Measured): string {
  if (mindtpy === null || optimum === null) return "not published";
  if (mindtpyLatency !== null && budget !== null && mindtpyLatency > budget) {
    return `infeasible: ${mindtpyLatency} > ${budget}`;
  }
  if (mindtpy === optimum) return "optimal";
  return `${mindtpy} (${((100 * (mindtpy - optimum)) / optimum).toFixed(3)} %)`;
}
