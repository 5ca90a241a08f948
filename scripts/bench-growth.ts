/**
 * How time and memory of a solve grow with the number of layers, with 1/step and with the number of limits, on made-up
 * problems (test/helpers/large-problems.ts):
 *
 *   npm run bench:growth -- [--repeat 3] [--only TEXT] [--time-limit 60] [--json]
 *
 * Each problem is solved in a process of its own, so that its peak memory is its own; a first solve warms up and isn't
 * counted. Prints a Markdown table, or one JSON document with --json.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createHighs } from "../solvers/highs.ts";
import type { Problem } from "../src/formulation/problem/problem.ts";
import { solveProblem } from "../src/formulation/solve/solve-problem.ts";
import {
  bottleneckProblem,
  chainProblem,
  type LargeOptions,
  transformerProblem,
} from "../test/helpers/large-problems.ts";

const KINDS = {
  chain: chainProblem,
  bottlenecks: bottleneckProblem,
  transformer: transformerProblem,
} satisfies Record<string, (size: number, options: LargeOptions) => Problem>;

interface GrowthCase {
  readonly what: string;
  readonly kind: keyof typeof KINDS;
  readonly size: number;
  readonly step: number;
  readonly budgets: readonly number[];
}

interface Measured {
  readonly status: string;
  readonly choices: number;
  readonly left: number;
  readonly labels: number;
  readonly gap: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly solverSeconds: number;
  readonly peakMebibytes: number;
}

const ALL_BUDGETS = [0.5, 0.31, 0.5, 0.29];

const { values: options } = parseArgs({
  options: {
    repeat: { type: "string", default: "3" },
    only: { type: "string", default: "" },
    "time-limit": { type: "string", default: "60" },
    json: { type: "boolean", default: false },
    case: { type: "string" },
  },
});

if (options.case === undefined) measureAll();
else console.log(JSON.stringify(await measure(JSON.parse(options.case) as GrowthCase)));

function cases(): GrowthCase[] {
  const one = [0.5];
  const layers = [50, 100, 200, 500, 1000, 2000, 5000].map(
    (size): GrowthCase => ({ what: "layers", kind: "chain", size, step: 16, budgets: one }),
  );
  const blocks = [8, 16, 32, 64].map(
    (size): GrowthCase => ({ what: "blocks", kind: "bottlenecks", size, step: 8, budgets: one }),
  );
  const steps = [64, 32, 16, 8, 4].map(
    (step): GrowthCase => ({ what: "1/step", kind: "bottlenecks", size: 16, step, budgets: one }),
  );
  const heads = [16, 8, 4, 2].map(
    (step): GrowthCase => ({ what: "1/step", kind: "transformer", size: 12, step, budgets: one }),
  );
  const limits = [1, 2, 3, 4].map((count): GrowthCase => {
    const budgets = ALL_BUDGETS.slice(0, count);
    return { what: "limits", kind: "bottlenecks", size: 16, step: 16, budgets };
  });
  return [...layers, ...blocks, ...steps, ...heads, ...limits];
}

function nameOf({ what, kind, size, step, budgets }: GrowthCase): string {
  return `${what}: ${kind} ${size}, step ${step}, limits ${budgets.length}`;
}

function measureAll(): void {
  const results = cases()
    .filter((each) => nameOf(each).includes(options.only))
    .map((each) => ({ ...each, ...inOwnProcess(each) }));
  console.log(options.json ? JSON.stringify(results, null, 1) : table(results));
}

function inOwnProcess(each: GrowthCase): Measured {
  const shared = ["--repeat", options.repeat, "--time-limit", options["time-limit"]];
  const script = [fileURLToPath(import.meta.url), "--case", JSON.stringify(each), ...shared];
  const output = execFileSync(process.execPath, [...process.execArgv, ...script], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const measured = JSON.parse(output) as Measured;
  console.error(`${nameOf(each)}: ${measured.status}, ${measured.seconds.toFixed(2)} s`);
  return measured;
}

async function measure({ kind, size, step, budgets }: GrowthCase): Promise<Measured> {
  const solver = createHighs();
  const limit = Number(options["time-limit"]);
  await solveProblem(KINDS.chain(10, { seed: 1, step: 32, budgets: [0.5] }), [solver]);
  const problem = KINDS[kind](size, { seed: 1, step, budgets });
  const seconds: number[] = [];
  const cpu: number[] = [];
  let answer = await timed();
  for (let run = 1; run < Number(options.repeat); run += 1) answer = await timed();
  await solver.close();
  return {
    status: answer.status,
    choices: answer.presolve?.choices ?? 0,
    left: answer.presolve?.choicesLeft ?? 0,
    labels: answer.presolve?.labels ?? 0,
    gap: answer.gap,
    seconds: median(seconds),
    cpuSeconds: median(cpu),
    solverSeconds: answer.stats.seconds,
    peakMebibytes: Math.round(process.resourceUsage().maxRSS / 1024),
  };

  async function timed(): ReturnType<typeof solveProblem> {
    const began = performance.now();
    const before = process.cpuUsage();
    const found = await solveProblem(problem, [solver], { timeLimitSeconds: limit });
    const { user, system } = process.cpuUsage(before);
    seconds.push((performance.now() - began) / 1000);
    cpu.push((user + system) / 1e6);
    return found;
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function table(results: readonly (GrowthCase & Measured)[]): string {
  const head =
    "| growing | problem | step | limits | choices | left | labels | seconds | CPU seconds | of it HiGHS | peak MiB | status |\n" +
    "| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --- |\n";
  const rows = results.map((each) => {
    const cells = [
      each.what,
      `${each.kind} ${each.size}`,
      each.step,
      each.budgets.length,
      each.choices,
      each.left,
      each.labels,
      each.seconds.toFixed(2),
      each.cpuSeconds.toFixed(2),
      each.solverSeconds.toFixed(2),
      each.peakMebibytes,
      each.gap === 0 ? each.status : `${each.status}, gap ${each.gap.toExponential(1)}`,
    ];
    return `| ${cells.join(" | ")} |\n`;
  });
  return head + rows.join("");
}
