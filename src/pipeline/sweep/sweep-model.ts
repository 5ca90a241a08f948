import { join } from "node:path";
import { UsageError } from "../../core/errors.ts";
import { checkWritable, writeFileAtomic } from "../../core/files.ts";
import { writeDocument } from "../../documents/document.ts";
import { SWEEP, type SweepPoint, type SweepReport } from "../../documents/sweep.ts";
import type { FrontierPoint } from "../../formulation/sweep/frontier.ts";
import { sweepSvg } from "../../report/figures/sweep-chart.ts";
import { sweepCsv } from "../../report/sweep-report.ts";
import { checkWhole } from "../checks.ts";
import { openNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import {
  checkSolveOptions,
  type GivenSettings as SolveGiven,
  solveNetworkOptions,
} from "../solve/solve-settings.ts";
import { areZerosAlone, type Swept, zerosSubject } from "../sparsify/zeros-subjects.ts";
import { type TableRequest, tableFor } from "../tables/table-source.ts";
import { type BudgetOptions, type SweepBudget, sweepBudgets } from "./sweep-budgets.ts";
import { sweepInJobs } from "./sweep-jobs.ts";
import { instanceSubject, networkSubject, type SweepSubject } from "./sweep-subject.ts";

/** What a sweep does where nobody says otherwise. */
export const SWEEP_DEFAULTS = { from: "90%", to: "20%", points: 10, jobs: 1 } as const;

/** What is swept, and how. */
export interface SweepModelSettings
  extends BudgetOptions,
    SolveGiven,
    Omit<TableRequest, "commandLine"> {
  /** ONNX file; the embedded default without it. */
  readonly model?: string | undefined;
  /** A published instance instead of a network. */
  readonly instance?: string | undefined;
  /** Folder for sweep.csv, .json, .svg and a subnet file per point. */
  readonly out?: string | undefined;
  readonly budget?: string | undefined;
  /** Of zeros alone: what is swept. */
  readonly of?: Swept | undefined;
  readonly jobs: number;
  readonly timeLimit?: number | undefined;
  readonly gap: number;
  readonly presolve: boolean;
}

/**
 * The best subnet for each of many budgets.
 * @throws UsageError, InputError as `checkSolveOptions`, `sweepBudgets`, `openNetwork` and `tableFor`
 */
export async function sweepModel(
  settings: SweepModelSettings,
  context: RunContext,
): Promise<SweepReport> {
  await check(settings);
  const { out, instance } = settings;
  if (out !== undefined) checkWritable(join(out, "sweep.json"));
  const subject =
    instance === undefined ? await openSubject(settings, context) : instanceSubject(instance);
  const { dense, swept } = subject.about;
  const inOwnUnit = instance !== undefined || swept !== undefined;
  const budgets = await sweepBudgets(settings, dense.latency, inOwnUnit);
  const report = await sweep(subject, budgets, settings, context, out);
  if (out !== undefined) {
    writeFileAtomic(join(out, "sweep.csv"), sweepCsv(report));
    writeDocument(SWEEP, join(out, "sweep.json"), report);
    if (report.points.some(({ latency }) => latency !== null)) {
      writeFileAtomic(join(out, "sweep.svg"), await sweepSvg(report));
    }
  }
  return report;
}

async function check(options: SweepModelSettings): Promise<void> {
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
  options: SweepModelSettings,
  context: RunContext,
): Promise<SweepSubject> {
  const open = await openNetwork(options.model, context);
  if (areZerosAlone(options)) return zerosSubject(open, options, options.of ?? "nonzeros");
  if (options.of !== undefined) throw zerosOnly();
  const source = tableFor(open, { ...options, commandLine: context.commandLine });
  return networkSubject(open, source, solveNetworkOptions(options, source.table.step));
}

function zerosOnly(): UsageError {
  return new UsageError({
    code: "cli/sweep-of",
    message: "Without --damages, or with a device, mdp sweep is over latencies.",
    where: "--of",
    hint: "Leave --of out, or sweep zeros alone: mdp sweep net.onnx --damages damages.json.",
  });
}

async function sweep(
  subject: SweepSubject,
  budgets: readonly SweepBudget[],
  options: SweepModelSettings,
  context: RunContext,
  out: string | undefined,
): Promise<SweepReport> {
  const { problem, resource } = subject;
  let done = 0;
  const solving = {
    resource,
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
        latency: answer.usage[subject.resource] ?? null,
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
