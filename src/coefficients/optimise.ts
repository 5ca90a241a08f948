import type { Progress } from "../core/progress.ts";
import type { NetworkProblem } from "../formulation/network/network-problem.ts";
import type { Problem, Selection } from "../formulation/problem/problem.ts";
import type { Importance } from "../importance/importance.ts";
import type { SampleBatch } from "../runtime/batches.ts";
import type { Structure } from "../structure/structure.ts";
import { keepAll, type Subnet } from "../subnet/subnet.ts";
import { damageStart } from "./damage-start.ts";
import { type Granularity, type Group, groupsOf } from "./groups.ts";
import type { Judge } from "./judge.ts";
import type { MaskedRuns } from "./masked-runs.ts";
import { coefficientsAt } from "./program.ts";
import { evaluateSubnet, subnetKey, type Yardstick } from "./search/evaluation.ts";
import type { LoggedEvaluation } from "./search/log.ts";
import { type Found, type SearchOptions, type Start, searchCoefficients } from "./search/search.ts";
import { startsOf } from "./starts.ts";
import { ordersBy, unitOrders, unitWorths, withOrders } from "./unit-orders.ts";

/** `answers`: units are ranked by what the answers change by without them. `importance`: as the importance ranks them. */
export const UNIT_RANKINGS = ["answers", "importance"] as const;
export type UnitRanking = (typeof UNIT_RANKINGS)[number];

export interface OptimiseSubject {
  readonly structure: Structure;
  readonly importance: Importance;
  /** The network's program, within every limit, at an importance. */
  readonly program: (importance: Importance) => Promise<NetworkProblem>;
  readonly granularity: Granularity;
  readonly yardstick: Yardstick;
  readonly judge: Judge;
  readonly solve: (problem: Problem) => Promise<Selection>;
  /** What units are ranked with. */
  readonly ranking: {
    readonly by: UnitRanking;
    readonly runs: MaskedRuns;
    readonly batch: SampleBatch;
    readonly outputs?: readonly string[] | undefined;
  };
}

export interface OptimiseOptions extends Omit<SearchOptions, "progress"> {
  readonly progress: Progress;
  /** Coefficients of an earlier search to begin at, by group name. */
  readonly from?: ReadonlyMap<string, number> | undefined;
}

/** A subnet that is not the best answer of any program: units were exchanged at its widths. */
export interface Candidate extends Found {
  readonly network: NetworkProblem;
}

export interface Optimised {
  readonly groups: readonly Group[];
  /** Subnets that were measured, the best first. */
  readonly candidates: readonly Candidate[];
  /** What the starts reached with the importance's own units, by name. */
  readonly baselines: readonly Candidate[];
  readonly evaluations: number;
  /** Runs on the ranking's items. */
  readonly unitRuns: number;
  readonly history: readonly number[];
  readonly stopped: "evaluations" | "time" | "interrupted" | "settled";
}

/**
 * Looks for the subnet within the limits that the user's metrics like best: ranks units, tries the starts, searches coefficients, and
 * at last exchanges units at the widths that were found.
 */
export async function optimise(
  subject: OptimiseSubject,
  options: OptimiseOptions,
): Promise<Optimised> {
  const { structure, importance, program, ranking, solve } = subject;
  const plain = await program(importance);
  const groups = groupsOf(plain, subject.granularity);
  const counted = { evaluations: 0 };
  const left = (): number => Math.max(0, options.evaluations - counted.evaluations);
  const began = performance.now();
  const secondsLeft = (): number | undefined =>
    options.seconds === undefined
      ? undefined
      : options.seconds - (performance.now() - began) / 1000;
  const over = (): boolean => options.signal?.aborted === true || (secondsLeft() ?? 1) <= 0;
  const search = async (
    network: NetworkProblem,
    starts: readonly Start[],
    limits: Pick<SearchOptions, "evaluations" | "sigma" | "startsOnly"> & Partial<SearchOptions>,
  ): Promise<Awaited<ReturnType<typeof searchCoefficients>>> => {
    const result = await searchCoefficients({ ...subject, network, groups }, starts, {
      ...{ ...options, seconds: secondsLeft() },
      ...limits,
    });
    counted.evaluations += result.evaluations;
    return result;
  };
  const first = await startsOf(plain, groups, solve);
  const evaluations = Math.min(first.length, left());
  const before = await search(plain, first, { evaluations, startsOnly: true });
  const baselines = before.found.map((each) => ({ ...each, network: plain }));
  const asked = { ...ranking, progress: options.progress, signal: options.signal };
  const isRanked = ranking.by === "answers";
  const made = isRanked ? await rankedStarts(subject, options, plain, groups, first) : null;
  const ways = made?.ways ?? [{ network: plain, starts: first }];
  const exchanges = isRanked ? Math.min(groups.length + 1, Math.floor(left() / (4 * ROUNDS))) : 0;
  const given = options.from === undefined ? [] : [earlier(groups, options.from)];
  const tried: Candidate[] = [];
  for (const { network, starts } of ways) {
    const limit = Math.min(given.length + starts.length, left());
    const result = await search(network, [...given, ...starts], {
      evaluations: limit,
      startsOnly: true,
    });
    tried.push(...result.found.map((each) => ({ ...each, network })));
  }
  tried.sort(byScore);
  const found: Candidate[] = [...tried];
  const history = [...before.history, ...tried.map(({ evaluation }) => evaluation.score)];
  let runs = made?.runs ?? 0;
  let stopped: Optimised["stopped"] = "evaluations";
  let { network = plain } = tried[0] ?? {};
  const rounds = exchanges > 0 ? ROUNDS : 1;
  for (let round = 0; round < rounds; round += 1) {
    const best = found[0];
    const from = best === undefined ? [] : [startAt(best)];
    const share = Math.floor(left() / (rounds - round)) - exchanges;
    // The start is measured already: it stands in the log and costs nothing again.
    const main = await search(network, from, {
      evaluations: Math.max(share + from.length, 1),
      sigma: given.length > 0 || round > 0 ? WARM_SIGMA : undefined,
      seed: options.seed + round,
    });
    counted.evaluations -= from.length;
    history.push(...main.history);
    found.push(...main.found.map((each) => ({ ...each, network })).filter(isOther(best)));
    found.sort(byScore);
    ({ stopped } = main);
    const top = found[0];
    if (top === undefined || exchanges === 0 || over()) break;
    const worths = await unitWorths(structure, top.subnet, asked);
    runs += prunableUnits(structure);
    const better = ordersBy(structure, importance, worths);
    const exchanged = await exchangeUnits(top, better, subject, options, exchanges);
    counted.evaluations += exchanged.length;
    history.push(...exchanged.map(({ evaluation }) => evaluation.score));
    found.push(...exchanged);
    found.sort(byScore);
    if (left() <= exchanges || over()) break;
    // The best subnet's own units come first, so that the next round's program begins at it.
    const orders = ordersBy(structure, importance, worths, found[0]?.subnet);
    network = await program(withOrders(importance, structure, orders));
  }
  return {
    groups,
    candidates: [...found, ...baselines].sort(byScore),
    baselines,
    evaluations: counted.evaluations,
    unitRuns: runs,
    history: bestSoFar(history),
    stopped: options.signal?.aborted === true ? "interrupted" : stopped,
  };
}

/**
 * Rounds of searching coefficients: between them units are ranked again around the best subnet, since what a unit is worth depends on
 * which others are there.
 */
const ROUNDS = 3;

/** Whether a subnet is another one than this. */
function isOther(one: Candidate | undefined): (other: Candidate) => boolean {
  return ({ evaluation }) => evaluation.subnet !== one?.evaluation.subnet;
}

function byScore({ evaluation: a }: Candidate, { evaluation: b }: Candidate): number {
  return Number(a.isDropped) - Number(b.isDropped) || b.score - a.score;
}

function bestSoFar(scores: readonly number[]): readonly number[] {
  let best = Number.NEGATIVE_INFINITY;
  return scores.map((score) => {
    best = Math.max(best, score);
    return best;
  });
}

function startAt({ evaluation, coefficients, selection }: Candidate): Start {
  return { name: evaluation.from, coefficients, selection };
}

/** Programs whose units are ranked by answers, each with the starts to try on it. */
async function rankedStarts(
  { structure, importance, program, ranking }: OptimiseSubject,
  options: OptimiseOptions,
  plain: NetworkProblem,
  groups: readonly Group[],
  first: readonly Start[],
): Promise<{
  readonly ways: readonly { readonly network: NetworkProblem; readonly starts: readonly Start[] }[];
  readonly runs: number;
}> {
  const asked = { ...ranking, progress: options.progress, signal: options.signal };
  const withUnits = (orders: readonly (readonly number[])[]): Promise<NetworkProblem> =>
    program(withOrders(importance, structure, orders));
  const orders = await unitOrders(structure, importance, keepAll(structure), asked);
  const ways = [{ network: await withUnits(orders), starts: first }];
  const damaged = await damageStart(plain, asked);
  if (damaged === null) return { ways, runs: prunableUnits(structure) };
  const { selection } = damaged;
  const coefficients = coefficientsAt(plain, groups, selection);
  const network = await withUnits(damaged.orders);
  ways.push({ network, starts: [{ name: "damages", selection, coefficients }, ...first] });
  return { ways, runs: prunableUnits(structure) + damaged.runs };
}

/** Near coefficients that were good once, a search needs smaller steps. */
const WARM_SIGMA = 0.25;

function earlier(groups: readonly Group[], from: ReadonlyMap<string, number>): Start {
  const coefficients = groups.map(({ name }) => from.get(name) ?? 1);
  return { name: "earlier coefficients", coefficients, selection: null };
}

/** Dim by dim, the units that are worth most around a subnet, at the same widths; what makes it better stays. */
async function exchangeUnits(
  best: Candidate,
  orders: readonly (readonly number[])[],
  { structure, yardstick, judge }: OptimiseSubject,
  { log, progress }: OptimiseOptions,
  most: number,
): Promise<readonly Candidate[]> {
  const tried: Candidate[] = [];
  let current = best;
  const open = structure.dims.filter(
    ({ index }) => !sameUnits(best.subnet.kept[index] ?? [], topUnits(best.subnet, orders, index)),
  );
  const tied = best.subnet.droppedLayers.length > 0;
  const proposals = tied
    ? []
    : [open.map(({ index }) => index), ...open.map(({ index }) => [index])];
  for (const [at, dims] of proposals.entries()) {
    const kept = current.subnet.kept.map((units, index) =>
      dims.includes(index) ? topUnits(best.subnet, orders, index) : units,
    );
    const subnet = { ...current.subnet, kept };
    if (dims.length === 0 || subnetKey(subnet) === subnetKey(current.subnet)) continue;
    if (tried.length >= most) break;
    const known = log.known.get(subnetKey(subnet));
    const from = "exchanged units";
    const evaluation: LoggedEvaluation = known ?? {
      ...(await evaluateSubnet(subnet, yardstick, judge, null)).evaluation,
      from,
      coefficients: current.coefficients,
    };
    if (known === undefined) log.add(evaluation);
    const made = { ...current, subnet, evaluation };
    tried.push(made);
    if (evaluation.score > current.evaluation.score) current = made;
    progress.step("exchanging units", at + 1, proposals.length);
    // All at once was better: dim by dim would only take parts of it back.
    if (at === 0 && current === made) break;
  }
  return tried;
}

function topUnits(
  { kept }: Subnet,
  orders: readonly (readonly number[])[],
  dim: number,
): readonly number[] {
  const count = kept[dim]?.length ?? 0;
  return (orders[dim] ?? []).slice(0, count).sort((a, b) => a - b);
}

function sameUnits(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((unit, index) => unit === b[index]);
}

function prunableUnits({ dims }: Structure): number {
  return dims.reduce((sum, { pinned, size }) => sum + (pinned === null ? size : 0), 0);
}
