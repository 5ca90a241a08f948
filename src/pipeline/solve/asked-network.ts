import { UsageError, VerificationError } from "../../core/errors.ts";
import type { RobustReport } from "../../documents/solve.ts";
import { type AppliedLimit, applyLimits } from "../../formulation/limits/apply.ts";
import { keptImportance, measuredSubnet, measuredWhole } from "../../formulation/limits/measure.ts";
import type { AppliedObjective } from "../../formulation/limits/objective.ts";
import { namedTable } from "../../formulation/limits/quantities.ts";
import {
  type LimitRequest,
  NOTHING_ASKED,
  parseRequest,
} from "../../formulation/limits/request.ts";
import {
  type SettledLimit,
  type SettledObjective,
  settleLimits,
  settleObjective,
} from "../../formulation/limits/settled.ts";
import {
  type RequestedWidths,
  requestedWidths,
  type StepOf,
  widthRules,
} from "../../formulation/limits/width-rules.ts";
import type { ChoiceOptions } from "../../formulation/network/choices.ts";
import { type DenseLatency, unchangeableOf } from "../../formulation/network/latency-budget.ts";
import { type NetworkProblem, networkProblem } from "../../formulation/network/network-problem.ts";
import { refuseWithoutChoice } from "../../formulation/network/nothing-to-choose.ts";
import { selectedSubnet } from "../../formulation/network/selected-subnet.ts";
import { evaluate } from "../../formulation/problem/evaluate.ts";
import type { Problem, Selection } from "../../formulation/problem/problem.ts";
import type { Answer } from "../../formulation/solve/answer.ts";
import {
  type SparseChoice,
  selectedDensities,
  withSparsity,
} from "../../formulation/sparsity/sparse-problem.ts";
import { type Importance, withoutUnread } from "../../importance/importance.ts";
import { type NetworkPrediction, predictNetwork } from "../../latency/predict-network.ts";
import { withComponents } from "../../structure/find-structure.ts";
import { checkSubnet, type Subnet } from "../../subnet/subnet.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { TableSource } from "../tables/table-source.ts";

/** Which program is put together. */
export interface PrepareOptions extends ChoiceOptions {
  readonly blocks: boolean;
  readonly layers: boolean;
  readonly importancePath: string | undefined;
  /** Instead of a file's. */
  readonly importance?: Importance | undefined;
  /** What is asked for besides the budget; nothing without. */
  readonly limits?: LimitRequest | undefined;
  /** Parts of the network by the names of their layers. */
  readonly components?: ReadonlyMap<string, RegExp> | undefined;
  /** File of damages: single weights may go too. */
  readonly damagesPath?: string | undefined;
  /** Instead of a file's. */
  readonly sparse?: SparseChoice | undefined;
}

/** How a program is solved. */
export interface AskOptions {
  readonly timeLimitSeconds: number | undefined;
  readonly relativeGap: number | undefined;
  readonly presolve: boolean;
  readonly writeLp?: string | undefined;
}

export interface SolveNetworkOptions extends PrepareOptions, AskOptions {
  readonly budget: string;
  /** The probability with which the budget is to be kept; without it, predictions count as they are. */
  readonly robust?: number | undefined;
}

/** A network's program before its latency budget is known; many budgets can be asked of one. */
export interface PreparedNetwork {
  readonly open: Pick<OpenNetwork, "name" | "structure">;
  readonly source: Pick<TableSource, "table" | "other" | "path">;
  /** Its problem holds every limit but the latency budget, which is that of resource 0, the latency on the table's device. */
  readonly network: NetworkProblem;
  /** The same choices with the most importance as objective, and no limits. */
  readonly unlimited: Problem;
  readonly limits: readonly AppliedLimit[];
  readonly widths: RequestedWidths;
  /** What is minimised instead; null for the most importance. */
  readonly objective: AppliedObjective | null;
  readonly importance: { readonly used: Importance; readonly path: string | null };
  /** Of the whole network. */
  readonly dense: DenseLatency & { readonly importance: number };
  /** What putting it together took. */
  readonly seconds: number;
}

/** A subnet with everything that is known of it. */
export interface SolvedNetwork {
  readonly subnet: Subnet;
  readonly answer: Answer;
  /** With the problem that was solved, its budget included. */
  readonly network: NetworkProblem;
  readonly importance: { readonly used: Importance; readonly path: string | null };
  readonly latencyMs: {
    readonly dense: number;
    /** The part of it that no choice changes. */
    readonly unchangeable: number;
    readonly budget: number;
    readonly chosen: number;
  };
  readonly prediction: NetworkPrediction;
  readonly importanceKept: { readonly dense: number; readonly chosen: number };
  /** Every limit besides the budget, and how the subnet stands to it. */
  readonly limits: readonly SettledLimit[];
  /** What was minimised; null for the most importance. */
  readonly minimised: SettledObjective | null;
  readonly seconds: { readonly program: number; readonly solve: number };
  /** Share of elements that stays of each weight, where the program chose that too. */
  readonly densities?: ReadonlyMap<string, number> | undefined;
  /** How it keeps the budget with a probability; absent where none was asked for. */
  readonly robust?: RobustReport | undefined;
}

/** Relative difference that the order of summation may make. */
const ROUNDING = 1e-6;

/**
 * A network's program with everything that is asked for but its budget. Reads no file.
 * @throws InputError for tables, and `formulation/nothing-to-prune`; UsageError for options that don't fit the network;
 * InfeasibleError `formulation/no-width`
 */
export async function networkAsked(
  open: PreparedNetwork["open"],
  source: PreparedNetwork["source"],
  given: PreparedNetwork["importance"],
  options: PrepareOptions,
): Promise<PreparedNetwork> {
  const started = performance.now();
  const named = options.components ?? new Map();
  // Limits look components up by themselves; a protected one must be known before the program is put together.
  const isProtected = (options.protect?.components.length ?? 0) > 0;
  const structure = isProtected ? withComponents(open.structure, named) : open.structure;
  const { table, other } = source;
  const importance = { ...given, used: withoutUnread(given.used, structure) };
  const request = await parseRequest(options.limits ?? NOTHING_ASKED);
  const stepOf: StepOf = (device, from, at) =>
    device === null ? table.step : namedTable({ table, tableOf: other }, device, from, at).step;
  const widths = requestedWidths(structure, request, stepOf);
  const channels = networkProblem(structure, importance.used, table, {
    ...options,
    budgetMs: Number.POSITIVE_INFINITY,
    widths: widthRules(widths),
  });
  const { sparse } = options;
  if (sparse === undefined) refuseWithoutChoice(channels);
  const base =
    sparse === undefined ? channels : withSparsity(channels, sparse.weights, sparse.format);
  const sources = {
    network: base,
    importance: importance.used,
    table,
    tableOf: other,
    components: named,
  };
  const { problem, limits, objective } = applyLimits(sources, request);
  if (sparse !== undefined && objective !== null) throw damageIsLost(objective.text);
  const whole = measuredWhole(structure);
  return {
    open,
    source,
    // The name that its file has says more than that of its graph, which is often an exporter's.
    network: { ...base, problem: { ...problem, name: open.name } },
    unlimited: channels.problem,
    limits,
    widths,
    objective,
    importance,
    dense: {
      latencyMs: predictNetwork(table, structure, whole.subnet).ms,
      unchangeableMs: unchangeableOf(channels.problem),
      importance: keptImportance(whole, importance.used, () => true),
    },
    seconds: (performance.now() - started) / 1000,
  };
}

/** The problem with its latency budget in milliseconds; every other limit stays, one on the same latency too. */
export function withBudget(problem: Problem, budgetMs: number): Problem {
  return {
    ...problem,
    resources: problem.resources.map((resource, index) =>
      index === 0 ? { ...resource, limit: Math.min(resource.limit, budgetMs) } : resource,
    ),
  };
}

/**
 * The subnet of an answer, with its latency predicted again and its limits counted on the subnet itself.
 * @throws VerificationError `cli/latency-differs`, `formulation/limit-differs`, `formulation/limit-broken`
 */
export function solvedNetwork(
  prepared: PreparedNetwork,
  problem: Problem,
  answer: Answer,
): SolvedNetwork {
  const { open, source, importance, dense, seconds, objective } = prepared;
  const network = { ...prepared.network, problem };
  const subnet = selectedSubnet(network, answer.selection);
  checkSubnet(open.structure, subnet);
  const prediction = predictNetwork(source.table, open.structure, subnet);
  const chosen = answer.usage[0] ?? Number.NaN;
  refuseDisagreement(chosen, prediction.ms);
  const { sparsity } = network;
  const densities =
    sparsity === undefined ? undefined : selectedDensities(sparsity, answer.selection);
  const measured = { ...measuredSubnet(open.structure, subnet), densities };
  const { unlimited } = prepared;
  // Densities are choices behind those of the channels.
  const options = answer.selection.options.slice(0, unlimited.dims.length);
  const kept = evaluate(unlimited, { ...answer.selection, options }).objective;
  return {
    subnet,
    answer,
    network,
    importance,
    latencyMs: {
      dense: dense.latencyMs,
      unchangeable: dense.unchangeableMs,
      budget: problem.resources[0]?.limit ?? Number.NaN,
      chosen,
    },
    prediction,
    importanceKept: { dense: dense.importance, chosen: kept },
    limits: settleLimits(network, prepared, prepared.widths, measured, answer),
    minimised: objective === null ? null : settleObjective(objective, measured),
    seconds: { program: seconds, solve: answer.seconds },
    ...(densities === undefined ? {} : { densities }),
  };
}

/** The selection that keeps everything. */
export function everything(problem: Problem): Selection {
  return {
    options: problem.dims.map((dim) => dim.counts.length - 1),
    droppedBlocks: new Set(),
    droppedLayers: new Set(),
  };
}

function damageIsLost(objective: string): UsageError {
  return new UsageError({
    code: "sparsify/other-objective",
    message: `Minimising ${objective} counts no damage: every weight would be as sparse as it can be.`,
    where: "--minimize",
    hint: "Leave --minimize out and give a --limit instead, or leave the densities out.",
  });
}

function refuseDisagreement(programMs: number, tableMs: number): void {
  if (Math.abs(programMs - tableMs) <= ROUNDING * Math.max(programMs, tableMs)) return;
  throw new VerificationError({
    code: "cli/latency-differs",
    message: `The program counts ${programMs} ms for the subnet, the latency table says ${tableMs} ms.`,
    hint: "This is a fault of mdp itself: please report it with the command and the files it used.",
  });
}
