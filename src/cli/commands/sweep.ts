import { join } from "node:path";
import { EXIT, type ExitCode, UsageError } from "../../core/errors.ts";
import { checkWritable, writeFileAtomic, writeJson } from "../../core/files.ts";
import type { SweepPoint, SweepReport } from "../../documents/sweep.ts";
import type { FrontierPoint } from "../../formulation/sweep/frontier.ts";
import { checkWhole } from "../../pipeline/checks.ts";
import { openNetwork } from "../../pipeline/open/network.ts";
import { checkSolveOptions, solveNetworkOptions } from "../../pipeline/solve/solve-settings.ts";
import {
  type BudgetOptions,
  type SweepBudget,
  sweepBudgets,
} from "../../pipeline/sweep/sweep-budgets.ts";
import { sweepInJobs } from "../../pipeline/sweep/sweep-jobs.ts";
import {
  instanceSubject,
  networkSubject,
  type SweepSubject,
} from "../../pipeline/sweep/sweep-subject.ts";
import { type TableRequest, tableFor } from "../../pipeline/tables/table-source.ts";
import { painter } from "../../report/painter.ts";
import { sweepSvg } from "../../report/sweep-chart.ts";
import { sweepCsv, sweepText } from "../../report/sweep-report.ts";
import { type Command, type Context, command } from "../command.ts";
import { REPEATABLE_LIMITS } from "../options/limit-options.ts";
import { solvedModelOptions } from "../options/solve-options.ts";

export const sweepCommand: Command = command({
  name: "sweep [model]",
  describe: "Find the best subnet for each of many budgets: importance against latency",
  examples: [
    ["mdp sweep --device jetson", "ten budgets from 90% to 20%"],
    ["mdp sweep net.onnx --table t.json --from 80% --to 30% --points 6 --out frontier", "your own"],
    ["mdp sweep net.onnx --table t.json --budgets 12ms,9ms,6ms", "these three"],
    ["mdp sweep --instance FILE.json --jobs 2", "a published instance, in two threads"],
  ],
  repeatable: REPEATABLE_LIMITS,
  options: (yargs) =>
    solvedModelOptions(yargs)
      .hide("budget")
      .option("budgets", {
        type: "string",
        requiresArg: true,
        describe: "Budgets, separated by commas, such as 90%,70%,12ms",
      })
      .option("from", {
        type: "string",
        default: "90%",
        requiresArg: true,
        describe: "Largest budget",
      })
      .option("to", {
        type: "string",
        default: "20%",
        requiresArg: true,
        describe: "Smallest budget",
      })
      .option("points", {
        type: "number",
        default: 10,
        requiresArg: true,
        describe: "Number of budgets, evenly spaced",
      })
      .option("jobs", {
        type: "number",
        default: 1,
        requiresArg: true,
        describe: "Number of threads; it does not change the points",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        describe: "Folder for sweep.csv, .json, .svg and a subnet file per point",
      })
      .option("instance", {
        type: "string",
        requiresArg: true,
        describe: "Published instance to sweep instead of a network",
      })
      .conflicts("instance", ["model", "device", "table", "importance"]),
  run: async (options, context) => {
    await check(options);
    const { out, instance } = options;
    if (out !== undefined) checkWritable(join(out, "sweep.json"));
    const subject =
      instance === undefined ? await openSubject(options, context) : instanceSubject(instance);
    const { dense } = subject.about;
    const budgets = await sweepBudgets(options, dense.latency, instance !== undefined);
    const report = await sweep(subject, budgets, options, context, out);
    if (out !== undefined) {
      writeFileAtomic(join(out, "sweep.csv"), sweepCsv(report));
      writeJson(join(out, "sweep.json"), report);
      if (report.points.some(({ latency }) => latency !== null)) {
        writeFileAtomic(join(out, "sweep.svg"), await sweepSvg(report));
      }
    }
    context.json(report);
    context.print(sweepText(report, painter(process.stdout.isTTY)));
    if (out !== undefined) context.print(`\nWritten to ${out}: ${writtenText(report)}`);
    return exitCode(report);
  },
});

interface Options extends BudgetOptions {
  readonly budget?: string | undefined;
  readonly jobs: number;
  readonly timeLimit?: number | undefined;
  readonly gap: number;
  readonly presolve: boolean;
}

type SolveGiven = Parameters<typeof checkSolveOptions>[0];

async function check(options: Options & SolveGiven): Promise<void> {
  if (options.budget !== undefined) {
    throw new UsageError({
      code: "cli/one-budget",
      message: "mdp sweep takes many budgets, not --budget.",
      where: "--budget",
      hint: "Write --budgets 90%,50%, or --from 90% --to 20% --points 10; for one budget there is mdp solve.",
    });
  }
  await checkSolveOptions(options);
  checkWhole(options.jobs, "--jobs", 1);
  checkWhole(options.points, "--points", 1);
}

async function openSubject(
  options: SolveGiven & Omit<TableRequest, "commandLine"> & { readonly model?: string | undefined },
  context: Context,
): Promise<SweepSubject> {
  const open = await openNetwork(options.model, context);
  const source = tableFor(open, { ...options, commandLine: context.commandLine });
  return networkSubject(open, source, solveNetworkOptions(options, source.table.step));
}

async function sweep(
  subject: SweepSubject,
  budgets: readonly SweepBudget[],
  options: Options,
  context: Context,
  out: string | undefined,
): Promise<SweepReport> {
  const { problem } = subject;
  let done = 0;
  const solving = {
    timeLimitSeconds: options.timeLimit,
    relativeGap: options.gap,
    presolve: options.presolve ? undefined : (false as const),
  };
  const limits = budgets.map(({ limit }) => limit);
  const wanted = new Set(limits).size;
  const points = await sweepInJobs({ problem, options: solving }, limits, {
    jobs: Math.min(options.jobs, wanted),
    signal: context.signal,
    onPoint: () => {
      done += 1;
      context.progress.step("budgets", done, wanted);
    },
  });
  const texts = new Map(budgets.map(({ text, limit }) => [limit, text]));
  const names = new Set<string>();
  const shown = points.map((point): SweepPoint => {
    const budget = texts.get(point.limit) ?? "";
    const subnet = out === undefined ? null : writePoint(subject, point, budget, out, names);
    return pointOf(subject, point, budget, subnet);
  });
  return {
    schema: "mdp-sweep/1",
    ...subject.about,
    options: optionsOf(subject, points),
    points: shown,
    complete: points.length === wanted,
  };
}

function optionsOf(
  subject: SweepSubject,
  points: readonly FrontierPoint[],
): SweepReport["options"] {
  for (const { limit, outcome } of points) {
    if (outcome.kind === "solved") return subject.options(outcome.answer, limit);
  }
  return null;
}

/** The name of the point's subnet file; null where there is none to write. */
function writePoint(
  { write }: SweepSubject,
  { limit, outcome }: FrontierPoint,
  budget: string,
  folder: string,
  taken: Set<string>,
): string | null {
  if (write === null || outcome.kind !== "solved") return null;
  const plain = `subnet-${budget.replace("%", "pct").replaceAll(/[^a-zA-Z0-9.]+/g, "")}`;
  let name = `${plain}.json`;
  for (let again = 2; taken.has(name); again += 1) name = `${plain}-${again}.json`;
  taken.add(name);
  write(join(folder, name), outcome.answer, limit, budget);
  return name;
}

const NOTHING = {
  latency: null,
  importance: null,
  objective: null,
  bound: null,
  gap: null,
  parameters: null,
  macs: null,
  droppedBlocks: null,
  droppedLayers: null,
  least: null,
  subnet: null,
  notes: [],
};

function pointOf(
  subject: SweepSubject,
  { limit, outcome }: FrontierPoint,
  budget: string,
  subnet: string | null,
): SweepPoint {
  switch (outcome.kind) {
    case "infeasible":
      return { budget, limit, status: "infeasible", ...NOTHING, least: outcome.least };
    case "unsolved":
      return { budget, limit, status: "unsolved", ...NOTHING, notes: [outcome.why] };
    case "solved": {
      const { answer } = outcome;
      return {
        budget,
        limit,
        status: answer.status,
        ...NOTHING,
        ...subject.details(answer, limit),
        latency: answer.usage[0] ?? null,
        objective: answer.objective,
        // JSON has no Infinity: what is not proven is null.
        bound: Number.isFinite(answer.bound) ? answer.bound : null,
        gap: Number.isFinite(answer.gap) ? answer.gap : null,
        subnet,
        // How a proof came about depends on how busy the machine was; that it did is enough.
        notes: answer.status === "optimal" ? [] : answer.notes,
      };
    }
    default:
      return outcome satisfies never;
  }
}

function writtenText({ points }: SweepReport): string {
  const subnets = points.filter(({ subnet }) => subnet !== null).length;
  const figure = points.some(({ latency }) => latency !== null) ? [", sweep.svg"] : [];
  const files = subnets === 0 ? "" : ` and ${subnets} subnet file${subnets === 1 ? "" : "s"}`;
  return `sweep.csv, sweep.json${figure.join("")}${files}`;
}

/** Infeasible budgets are points like others; only where there is nothing else, the sweep failed as a solve would. */
function exitCode({ points, complete }: SweepReport): ExitCode {
  if (!complete) return EXIT.interrupted;
  if (points.every(({ status }) => status === "infeasible")) return EXIT.infeasible;
  return points.some(({ latency }) => latency !== null) ? EXIT.done : EXIT.limit;
}
