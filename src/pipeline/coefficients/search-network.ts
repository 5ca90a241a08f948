import { checkDefined, checkGoals, type Goal } from "../../coefficients/goals/goal.ts";
import type { Granularity } from "../../coefficients/groups.ts";
import type { JudgedBatch, MaskedRuns } from "../../coefficients/masked-runs.ts";
import { openMaskedRuns } from "../../coefficients/masked-runs.ts";
import { type Optimised, optimise, type UnitRanking } from "../../coefficients/optimise.ts";
import { type Yardstick, yardstickOf } from "../../coefficients/search/evaluation.ts";
import { fileLog, memoryLog } from "../../coefficients/search/log.ts";
import type { SearchMethod } from "../../coefficients/search/search.ts";
import { solveCandidate } from "../../coefficients/solve-candidate.ts";
import { UsageError } from "../../core/errors.ts";
import { sha256 } from "../../core/files.ts";
import { latencyBudget } from "../../formulation/network/latency-budget.ts";
import type { NetworkProblem } from "../../formulation/network/network-problem.ts";
import type { Problem, Selection } from "../../formulation/problem/problem.ts";
import { type Importance, importanceHash } from "../../importance/importance.ts";
import type { SampleBatch } from "../../runtime/batches.ts";
import { randomFeeds } from "../../runtime/feeds.ts";
import { withComponents } from "../../structure/find-structure.ts";
import { structureHash } from "../../structure/structure-json.ts";
import { keepAll } from "../../subnet/subnet.ts";
import {
  evidenceOfFile,
  type SearchJudge,
  samplesPerRun,
  searchJudge,
} from "../metrics/measure-metrics.ts";
import type { OpenMetrics } from "../metrics/open-metrics.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import { type SolveNetworkOptions, withBudget } from "../solve/asked-network.ts";
import { prepareNetwork } from "../solve/solve-network.ts";
import { withSolvers } from "../solve/solvers.ts";
import type { TableSource } from "../tables/table-source.ts";

/** How coefficients are searched for. */
export interface SearchSettings {
  readonly evaluations: number;
  readonly maxMinutes: number | undefined;
  readonly granularity: Granularity;
  readonly search: SearchMethod;
  readonly units: UnitRanking;
  readonly seed: number;
  readonly threads: number;
  /** File that evaluations are kept in; in memory without. */
  readonly logPath: string | undefined;
  /** Coefficients to begin at, by group. */
  readonly from: ReadonlyMap<string, number> | undefined;
}

/** A network with its metrics ready to be measured on subnets. Close it. */
export interface Bench {
  readonly open: OpenNetwork;
  readonly source: TableSource;
  readonly metrics: OpenMetrics;
  readonly goals: readonly Goal[];
  readonly runs: MaskedRuns;
  readonly batches: readonly JudgedBatch[];
  readonly judge: SearchJudge["judge"];
  /** Adds what commands say of a subnet to what its answers say. */
  readonly judgeCommands: SearchJudge["withCommands"];
  readonly yardstick: Yardstick;
  readonly importance: Importance;
  /** What the dense network reaches on the confirm items, by goal. */
  readonly confirmed: readonly (readonly unknown[])[];
  readonly program: (importance: Importance) => Promise<NetworkProblem>;
  readonly close: () => Promise<void>;
}

/**
 * Opens what a search needs and measures the dense network, on the items of the search and on those to confirm on.
 * @throws UsageError `coefficients/dense-misses` and as `checkGoals`, `coefficients/no-table-limit`; as `prepareNetwork` and `openMetrics`
 */
export async function openBench(
  found: OpenNetwork,
  source: TableSource,
  metrics: OpenMetrics,
  settings: SolveNetworkOptions,
  options: { readonly threads: number },
  context: RunContext,
): Promise<Bench> {
  const structure = withComponents(found.structure, settings.components ?? new Map());
  const open = { ...found, structure };
  refuseWhatIsNotSearched(settings);
  const program = programFor(open, source, settings);
  const first = await prepareNetwork(open, source, { ...settings, layers: false });
  const importance = first.importance.used;
  const goals = metrics.gauges.map(({ goal }) => goal);
  const runs = await openMaskedRuns(open.model, structure, options.threads);
  const { judge, batches, withCommands, close } = await searchJudge(
    open,
    metrics,
    runs,
    context.signal,
  );
  const shut = async (): Promise<void> => {
    close();
    await runs.close();
  };
  try {
    context.progress.note("measuring the dense network");
    const dense = await judge.whole(keepAll(structure));
    const { confirmSet: set, dealt } = metrics;
    const items = { set, indices: dealt.confirm, perRun: samplesPerRun(open) };
    const confirmed = await evidenceOfFile(open.path, open.path, metrics, items, {
      ...{ threads: options.threads, signal: context.signal },
    });
    const whole = goals.map(({ metric }, index) =>
      metric.pooled(metric.settle?.(confirmed[index] ?? []) ?? confirmed[index] ?? []),
    );
    checkGoals(goals, whole);
    const yardstick = yardstickOf(goals, dense, whole);
    const searched = yardstick.values.map((value) => value.searched);
    checkDefined(goals, searched, `${metrics.dealt.search.length} items to search on`);
    const made = { open, source, metrics, goals, runs, batches, judge, yardstick, importance };
    return { ...made, judgeCommands: withCommands, confirmed, program, close: shut };
  } catch (error) {
    await shut();
    throw error;
  }
}

/** The network's program within every limit, at an importance. Single layers are not dropped: coefficients have no word for them. */
export function programFor(
  open: OpenNetwork,
  source: TableSource,
  settings: SolveNetworkOptions,
): Bench["program"] {
  return async (importance) => {
    const asked = { ...settings, layers: false, importance };
    const prepared = await prepareNetwork(open, source, asked);
    const budgetMs = await latencyBudget(settings.budget, prepared.dense.latencyMs);
    return { ...prepared.network, problem: withBudget(prepared.network.problem, budgetMs) };
  };
}

/** A selection of a program, by the presolve alone where that can. */
export function solving(
  context: RunContext,
): <R>(work: (solve: (problem: Problem) => Promise<Selection>) => Promise<R>) => Promise<R> {
  return (work) =>
    withSolvers((solvers) => work((problem) => solveCandidate(problem, solvers, context.signal)));
}

/** Evaluations take long where a command is run on a file each time. */
export function methodOf(
  search: SearchMethod,
  { gauges }: OpenMetrics,
): "cma-es" | "gaussian-process" {
  if (search !== "auto") return search;
  return gauges.some(({ kind }) => kind === "command") ? "gaussian-process" : "cma-es";
}

export async function searchNetwork(
  bench: Bench,
  settings: SolveNetworkOptions,
  search: SearchSettings,
  context: RunContext,
): Promise<Optimised> {
  const { open, metrics, importance, goals, runs, batches, judge, yardstick, program } = bench;
  const { structure } = open;
  const { search: searched, confirm, confirmHash } = metrics.dealt;
  const about = sha256(
    JSON.stringify([
      ...[open.hash, structureHash(structure), metrics.hash],
      { search: searched, confirm, confirmHash },
      ...[importanceHash(importance), settings.budget, settings.limits, settings.step],
      ...[settings.countFrom, settings.maxPrune, settings.protect?.text ?? null, settings.blocks],
      [...(settings.components ?? [])].map(([name, { source }]) => [name, source]),
    ]),
  );
  const log = search.logPath === undefined ? memoryLog() : fileLog(search.logPath, about);
  const first = batches[0]?.batch ?? randomSamples(open);
  return solving(context)((solve) =>
    optimise(
      {
        ...{ structure, importance, program, yardstick, judge, solve },
        granularity: search.granularity,
        ranking: { by: search.units, runs, batch: first, outputs: outputsOf(metrics) },
      },
      {
        evaluations: search.evaluations,
        seconds: search.maxMinutes === undefined ? undefined : 60 * search.maxMinutes,
        seed: search.seed,
        method: methodOf(search.search, metrics),
        from: search.from,
        log,
        progress: context.progress,
        signal: context.signal,
      },
    ),
  ).then((found) => {
    if (goals.length === 0 || found.candidates.length === 0) throw nothingFound();
    return found;
  });
}

/** Where commands alone judge, units are ranked by what the answers to random inputs change by. */
function randomSamples({ structure }: OpenNetwork): SampleBatch {
  const shapes = Object.fromEntries(
    structure.graph.inputs.map(({ name }) => {
      const [first = 1, ...rest] = structure.shapes.of(name) ?? [];
      const isOpen = typeof structure.graph.inputs[0]?.shape?.[0] !== "number";
      return [name, [isOpen ? RANDOM : first, ...rest]];
    }),
  );
  const inputs = structure.graph.inputs.map(({ name, type, shape }) => ({
    ...{ name, type: type ?? "float32" },
    shape: (shape ?? []).map((extent) => extent ?? "?"),
  }));
  const feeds = randomFeeds(inputs, { seed: 1, shapes });
  const size = Object.values(shapes)[0]?.[0] ?? 1;
  return { size, feeds, labels: new Int32Array(size).fill(-1) };
}

const RANDOM = 256;

/** Outputs that the metrics look at; all where one of them doesn't say. */
function outputsOf({ file }: OpenMetrics): readonly string[] | undefined {
  const named = file.metrics.map(({ output }) => output);
  const known = named.filter((output) => output !== undefined);
  return known.length === named.length ? [...new Set(known)] : undefined;
}

function refuseWhatIsNotSearched({ limits }: SolveNetworkOptions): void {
  const isOther = limits !== undefined && (limits.minimize !== null || limits.soft.length > 0);
  if (!isOther) return;
  throw new UsageError({
    code: "coefficients/other-objective",
    message: "With --metrics the metrics are the objective; --minimize and --soft have no meaning.",
    where: limits?.minimize === null ? "--soft" : "--minimize",
    hint: 'Say it as a limit (--limit "params <= 30%") or as a metric.',
  });
}

function nothingFound(): UsageError {
  return new UsageError({
    code: "coefficients/nothing-found",
    message: "The search measured no subnet before it was stopped.",
    where: "--evaluations, --max-minutes",
    hint: "Allow more evaluations or more time.",
  });
}
