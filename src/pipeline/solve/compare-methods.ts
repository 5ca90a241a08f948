import { join } from "node:path";
import { readInstance } from "../../authors/read-instance.ts";
import { InfeasibleError, LimitError, UsageError } from "../../core/errors.ts";
import { writeJson } from "../../core/files.ts";
import type { CompareReport, CompareResult, CompareRow } from "../../documents/compare.ts";
import { fits } from "../../formulation/baselines/meter.ts";
import { type Method, type MethodAnswer, methodText } from "../../formulation/baselines/method.ts";
import { runMethod } from "../../formulation/baselines/run-method.ts";
import {
  instanceWrittenAxes,
  networkWrittenAxes,
  type WrittenAxes,
} from "../../formulation/baselines/written-axes.ts";
import { latencyBudget } from "../../formulation/network/latency-budget.ts";
import { evaluate } from "../../formulation/problem/evaluate.ts";
import type { Problem } from "../../formulation/problem/problem.ts";
import type { Answer, SolverList } from "../../formulation/solve/answer.ts";
import { startingSelection } from "../../formulation/solve/start.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import type { TableSource } from "../tables/table-source.ts";
import type { SolveNetworkOptions } from "./asked-network.ts";
import { everything, type PreparedNetwork, solvedNetwork, withBudget } from "./asked-network.ts";
import { prepareNetwork } from "./solve-network.ts";
import { reportOf, writeSubnet } from "./solved-report.ts";
import { withSolvers } from "./solvers.ts";

export interface CompareOptions {
  readonly methods: readonly Method[];
  readonly timeLimitSeconds: number | undefined;
  readonly relativeGap: number | undefined;
  readonly presolve: boolean;
  /** Folder that the subnets and the report are written to; null for none. */
  readonly out: string | null;
}

/**
 * Several methods on one network at one budget.
 * @throws UsageError `cli/method-objective`
 */
export async function compareNetwork(
  open: OpenNetwork,
  source: TableSource,
  wanted: SolveNetworkOptions,
  options: CompareOptions,
  context: RunContext,
): Promise<CompareReport> {
  refuseOtherZeros(wanted.damagesPath, options.methods);
  const prepared = await prepareNetwork(open, source, wanted);
  refuseOtherObjective(prepared, options.methods);
  const budgetMs = await latencyBudget(wanted.budget, prepared.dense);
  const problem = withBudget(prepared.network.problem, budgetMs);
  const resultOf = (method: Method, answer: Answer): CompareResult => {
    const solved = solvedNetwork(prepared, problem, answer);
    const seconds = answer.seconds;
    const report = reportOf({ open, source, wanted, solved, read: 0, total: seconds });
    const subnet =
      options.out === null ? null : join(options.out, `${fileName(method)}.subnet.json`);
    if (subnet !== null) writeSubnet(subnet, open, solved, report);
    const { parameters, macs, droppedBlocks, droppedLayers } = report;
    // With soft limits the objective is less than the importance.
    const importance = solved.importanceKept.chosen;
    const shared = { ...plainResult(answer), importance };
    return { ...shared, parameters, macs, droppedBlocks, droppedLayers, subnet };
  };
  const { table } = source;
  const rows = await compareOn(
    problem,
    networkWrittenAxes({ ...prepared.network, problem }, table),
    options,
    context,
    resultOf,
  );
  return finished(
    {
      schema: "mdp-compare/1",
      name: open.name,
      source: `${source.title}, ${table.precision}, batch ${table.batch}`,
      predicted: table.device.kind === "predicted",
      latency: {
        unit: "ms",
        dense: prepared.dense.latencyMs,
        budget: finiteOrNull(problem.resources[0]?.limit),
      },
      importanceDense: prepared.dense.importance,
      rows,
    },
    options,
  );
}

/** Several methods on a published instance, at a share of its dense latency or at its own budget (null). */
export async function compareInstance(
  path: string,
  budget: string | null,
  options: CompareOptions,
  context: RunContext,
): Promise<CompareReport> {
  const instance = readInstance(path).problem;
  const dense = evaluate(instance, everything(instance));
  const problem =
    budget === null
      ? instance
      : withBudget(unlimited(instance), await latencyBudget(budget, dense.usage[0] ?? Number.NaN));
  const resultOf = (_: Method, answer: Answer): CompareResult => ({
    ...plainResult(answer),
    parameters: null,
    macs: null,
    droppedBlocks: [...answer.selection.droppedBlocks].map(
      (block) => problem.blocks[block]?.name ?? String(block),
    ),
    droppedLayers: [],
    subnet: null,
  });
  const rows = await compareOn(problem, instanceWrittenAxes(problem), options, context, resultOf);
  const [latency] = problem.resources;
  return finished(
    {
      schema: "mdp-compare/1",
      name: problem.name,
      source: path,
      predicted: false,
      latency: {
        unit: latency?.unit ?? "",
        dense: dense.usage[0] ?? Number.NaN,
        budget: finiteOrNull(latency?.limit),
      },
      importanceDense: dense.objective,
      rows,
    },
    options,
  );
}

/** The other methods know importance and limits only. */
export function refuseOtherObjective(
  { objective }: Pick<PreparedNetwork, "objective">,
  methods: readonly Method[],
): void {
  const other = methods.find(({ name }) => name !== "mdp");
  if (objective === null || other === undefined) return;
  throw new UsageError({
    code: "cli/method-objective",
    message: `Method ${methodText(other)} keeps the most importance within limits; it minimises nothing else.`,
    where: "--minimize",
    hint: "Leave --minimize out, or take method mdp alone.",
  });
}

/** The other methods choose channels only. */
export function refuseOtherZeros(damages: string | undefined, methods: readonly Method[]): void {
  const other = methods.find(({ name }) => name !== "mdp");
  if (damages === undefined || other === undefined) return;
  throw new UsageError({
    code: "sparsify/method",
    message: `Method ${methodText(other)} chooses channels, no single weights.`,
    where: "--damages",
    hint: "Take method mdp alone; without --device, mdp compare --damages compares rules for the rates.",
  });
}

function finished(report: CompareReport, { out }: CompareOptions): CompareReport {
  if (out !== null) {
    const name = report.name.replaceAll(/[^\w.-]+/g, "-");
    writeJson(join(out, `${name}.compare.json`), report);
  }
  return report;
}

function unlimited(problem: Problem): Problem {
  const limit = Number.POSITIVE_INFINITY;
  return { ...problem, resources: problem.resources.map((resource) => ({ ...resource, limit })) };
}

function finiteOrNull(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}

async function compareOn(
  problem: Problem,
  written: WrittenAxes,
  options: CompareOptions,
  context: RunContext,
  resultOf: (method: Method, answer: Answer) => CompareResult,
): Promise<CompareRow[]> {
  return withSolvers(async (solvers) => {
    const rows: CompareRow[] = [];
    for (const method of options.methods) {
      if (context.signal.aborted) break;
      context.progress.note(`Method ${methodText(method)}`);
      rows.push(await rowOf(problem, method, { written, options, context, solvers, resultOf }));
    }
    return rows;
  });
}

interface RowParts {
  readonly written: WrittenAxes;
  readonly options: CompareOptions;
  readonly context: RunContext;
  readonly solvers: SolverList;
  readonly resultOf: (method: Method, answer: Answer) => CompareResult;
}

async function rowOf(
  problem: Problem,
  method: Method,
  { written, options, context, solvers, resultOf }: RowParts,
): Promise<CompareRow> {
  const began = performance.now();
  const row = (failed: string | null, result: CompareResult | null): CompareRow => ({
    method: methodText(method),
    failed,
    result,
    seconds: (performance.now() - began) / 1000,
  });
  try {
    const found = await runMethod(problem, method, solvers, {
      written,
      isMatched: true,
      timeLimitSeconds: options.timeLimitSeconds,
      relativeGap: options.relativeGap,
      presolve: options.presolve ? undefined : false,
      signal: context.signal,
      start: startingSelection,
    });
    return row(null, { ...resultOf(method, found.answer), ...ownResult(problem, found) });
  } catch (error) {
    // That one method has no answer is a result of the comparison.
    if (error instanceof InfeasibleError || error instanceof LimitError) {
      return row(error.message, null);
    }
    throw error;
  }
}

type PlainResult = Pick<
  CompareResult,
  "status" | "importance" | "latency" | "ownLatency" | "asPublished"
>;

function plainResult({ status, objective, usage }: Answer): PlainResult {
  const latency = usage[0] ?? Number.NaN;
  return { status, importance: objective, latency, ownLatency: null, asPublished: null };
}

function ownResult(problem: Problem, { own }: MethodAnswer): Partial<PlainResult> {
  if (own === null) return {};
  const { asPublished } = own;
  return {
    ownLatency: own.usage[0] ?? null,
    asPublished:
      asPublished === null
        ? null
        : {
            importance: asPublished.objective,
            latency: asPublished.usage[0] ?? Number.NaN,
            ownLatency: asPublished.ownUsage[0] ?? Number.NaN,
            fits: fits(problem, asPublished.usage),
          },
  };
}

function fileName(method: Method): string {
  return methodText(method).replace(":", "-");
}
