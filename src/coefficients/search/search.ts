import type { Progress } from "../../core/progress.ts";
import { type Random, randomFrom } from "../../core/random.ts";
import type { NetworkProblem } from "../../formulation/network/network-problem.ts";
import { selectedSubnet } from "../../formulation/network/selected-subnet.ts";
import type { Problem, Selection } from "../../formulation/problem/problem.ts";
import type { Subnet } from "../../subnet/subnet.ts";
import type { Group } from "../groups.ts";
import type { Judge } from "../judge.ts";
import { coefficientProblem, normalised } from "../program.ts";
import { cmaEs } from "./cma-es.ts";
import { evaluateSubnet, type Incumbent, subnetKey, type Yardstick } from "./evaluation.ts";
import type { EvaluationLog, LoggedEvaluation } from "./log.ts";
import { surrogateOf } from "./surrogate.ts";

/** `gaussian-process` makes the most of few evaluations, where one takes long; `cma-es` takes more of them and no time of its own. */
export const SEARCHES = ["auto", "cma-es", "gaussian-process"] as const;
export type SearchMethod = (typeof SEARCHES)[number];

/** What is searched. */
export interface SearchSubject {
  readonly network: NetworkProblem;
  readonly groups: readonly Group[];
  readonly yardstick: Yardstick;
  readonly judge: Judge;
  /** The best selection of a program within its limits. */
  readonly solve: (problem: Problem) => Promise<Selection>;
}

/** Where a search begins: coefficients, and the subnet that they stand for where it is known. */
export interface Start {
  readonly name: string;
  readonly coefficients: readonly number[];
  readonly selection: Selection | null;
}

export interface SearchOptions {
  /** Subnets measured at most, those of the starts among them. */
  readonly evaluations: number;
  /** Then the best so far is the answer. */
  readonly seconds?: number | undefined;
  readonly seed: number;
  readonly method: Exclude<SearchMethod, "auto">;
  /** Standard deviation of the logarithm of a coefficient in the first round. */
  readonly sigma?: number | undefined;
  /** Measure the starts and nothing else. */
  readonly startsOnly?: boolean | undefined;
  readonly log: EvaluationLog;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** A subnet that was measured. */
export interface Found {
  readonly evaluation: LoggedEvaluation;
  readonly coefficients: readonly number[];
  readonly selection: Selection;
  readonly subnet: Subnet;
}

export interface SearchResult {
  /** Every subnet once, the best first. */
  readonly found: readonly Found[];
  /** Subnets measured, earlier runs' among them. */
  readonly evaluations: number;
  /** Best score after each evaluation. */
  readonly history: readonly number[];
  readonly stopped: "evaluations" | "time" | "interrupted" | "settled";
}

/** Rounds without a new subnet after which nothing more is to be expected. */
const IDLE_ROUNDS = 12;

/**
 * Chooses coefficients by what the subnets they lead to reach. Every candidate is the best answer of the program at its coefficients,
 * so that it keeps every limit. Deterministic for a seed: what a log knows already is not measured again and changes nothing.
 */
export async function searchCoefficients(
  subject: SearchSubject,
  starts: readonly Start[],
  options: SearchOptions,
): Promise<SearchResult> {
  const state = createState(subject, options);
  for (const start of starts) await state.consider(start.coefficients, start.name, start.selection);
  const random = randomFrom(options.seed);
  const best = state.best();
  const from = best?.coefficients ?? subject.groups.map(() => 1);
  if (subject.groups.length > 1 && options.startsOnly !== true) {
    if (options.method === "cma-es") await evolve(state, from, options, random);
    else await improve(state, from, options, random);
  }
  return state.result();
}

interface State {
  readonly consider: (
    coefficients: readonly number[],
    from: string,
    selection: Selection | null,
  ) => Promise<{ readonly score: number; readonly isNew: boolean }>;
  readonly best: () => Found | null;
  readonly all: () => readonly Found[];
  readonly subject: SearchSubject;
  /** Why to stop; null to go on. */
  readonly over: () => SearchResult["stopped"] | null;
  readonly settle: () => void;
  readonly result: () => SearchResult;
}

function createState(subject: SearchSubject, options: SearchOptions): State {
  const { network, groups, yardstick, judge, solve } = subject;
  const began = performance.now();
  const found = new Map<string, Found>();
  const history: number[] = [];
  let incumbent: Incumbent | null = null;
  let isSettled = false;
  const over = (): SearchResult["stopped"] | null => {
    if (options.signal?.aborted === true) return "interrupted";
    if (found.size >= options.evaluations) return "evaluations";
    const limit = options.seconds ?? Number.POSITIVE_INFINITY;
    if (performance.now() - began >= 1000 * limit) return "time";
    return isSettled ? "settled" : null;
  };
  const measured = async (
    subnet: Subnet,
    from: string,
    coefficients: readonly number[],
  ): Promise<LoggedEvaluation> => {
    const key = subnetKey(subnet);
    const known = options.log.known.get(key);
    if (known !== undefined) return { ...known, from, coefficients };
    if (incumbent !== null && incumbent.part === null && judge.part !== null) {
      incumbent = { ...incumbent, part: await judge.part(incumbent.subnet) };
    }
    const { evaluation, part } = await evaluateSubnet(subnet, yardstick, judge, incumbent);
    const logged = { ...evaluation, from, coefficients };
    options.log.add(logged);
    if (part !== null && incumbent !== null && evaluation.score > incumbent.score) {
      const { score, stands } = evaluation;
      incumbent = { subnet, score, stands, part };
    }
    return logged;
  };
  const consider: State["consider"] = async (raw, from, given) => {
    const coefficients = normalised(raw);
    const selection =
      given ?? (await solve(coefficientProblem(network.problem, groups, coefficients)));
    const subnet = selectedSubnet(network, selection);
    const key = subnetKey(subnet);
    const before = found.get(key);
    if (before !== undefined) return { score: before.evaluation.score, isNew: false };
    const evaluation = await measured(subnet, from, coefficients);
    found.set(key, { evaluation, coefficients, selection, subnet });
    const { score, stands, isDropped } = evaluation;
    const isBest = !isDropped && score > (history.at(-1) ?? Number.NEGATIVE_INFINITY);
    history.push(isBest ? score : (history.at(-1) ?? Number.NEGATIVE_INFINITY));
    if (isBest) {
      const part: Incumbent["part"] = incumbent?.subnet === subnet ? incumbent.part : null;
      incumbent = { subnet, score, stands, part };
    }
    const text = `best ${Number((history.at(-1) ?? 0).toPrecision(4))}`;
    options.progress.step("searching coefficients", found.size, options.evaluations, text);
    return { score, isNew: true };
  };
  const ranked = (): readonly Found[] =>
    [...found.values()].sort(
      (a, b) =>
        Number(a.evaluation.isDropped) - Number(b.evaluation.isDropped) ||
        b.evaluation.score - a.evaluation.score,
    );
  return {
    subject,
    consider,
    over,
    all: () => [...found.values()],
    best: () => ranked()[0] ?? null,
    settle: () => {
      isSettled = true;
    },
    result: () => ({
      found: ranked(),
      evaluations: found.size,
      history,
      stopped: over() ?? "settled",
    }),
  };
}

const FIRST_SIGMA = 0.5;
const WIDEN = 1.4;

async function evolve(
  state: State,
  from: readonly number[],
  options: SearchOptions,
  random: Random,
): Promise<void> {
  const search = cmaEs(from.map(Math.log), options.sigma ?? FIRST_SIGMA, random);
  for (let idle = 0; state.over() === null; ) {
    const points = search.ask();
    const scores: number[] = [];
    let fresh = 0;
    for (const point of points) {
      if (state.over() !== null) return;
      const { score, isNew } = await state.consider(point.map(Math.exp), "cma-es", null);
      scores.push(score);
      if (isNew) fresh += 1;
    }
    search.tell(points, scores);
    idle = fresh === 0 ? idle + 1 : 0;
    if (fresh === 0) search.widen(WIDEN);
    if (idle >= IDLE_ROUNDS) state.settle();
  }
}

/** Points around the best ones that the process is asked about, per evaluation. */
const PROPOSALS = 24;

/** One subnet at a time: the one of many that promises the most improvement. Subnets are compared by the logarithms of their widths. */
async function improve(
  state: State,
  from: readonly number[],
  options: SearchOptions,
  random: Random,
): Promise<void> {
  const { network, groups, solve } = state.subject;
  const sigma = options.sigma ?? FIRST_SIGMA;
  const first = from.map(Math.log);
  const start = 2 + groups.length;
  for (let idle = 0; state.over() === null; ) {
    const known = state.all();
    const points = known.map(({ selection }) => widthsOf(network, groups, selection));
    const scores = known.map(({ evaluation }) => evaluation.score);
    const surrogate = known.length < start ? null : surrogateOf(points, scores);
    const seen = new Set(points.map((point) => point.join()));
    let best: { coefficients: number[]; selection: Selection; worth: number } | null = null;
    const count = surrogate === null ? 1 : PROPOSALS;
    for (let proposal = 0; proposal < count; proposal += 1) {
      const centre =
        proposal % 3 === 2 ? first : (state.best()?.coefficients.map(Math.log) ?? first);
      const near = random.next() < 0.5 ? 0.4 : 1;
      const spread = sigma * (proposal % 3 === 2 ? 2 : near) * (1 + idle);
      const coefficients = centre.map((log) => Math.exp(log + spread * random.normal()));
      const problem = coefficientProblem(network.problem, groups, normalised(coefficients));
      const selection = await solve(problem);
      const point = widthsOf(network, groups, selection);
      if (seen.has(point.join())) continue;
      const worth = surrogate?.improvement(point) ?? 0;
      if (best === null || worth > best.worth) best = { coefficients, selection, worth };
    }
    idle = best === null ? idle + 1 : 0;
    if (best !== null) await state.consider(best.coefficients, "gaussian-process", best.selection);
    if (idle >= IDLE_ROUNDS) state.settle();
  }
}

function widthsOf(
  { problem }: NetworkProblem,
  groups: readonly Group[],
  { options }: Selection,
): readonly number[] {
  return groups.map(({ dims }) => {
    const logs = dims.map((dim) => {
      const option = options[dim] ?? -1;
      const counts = problem.dims[dim]?.counts ?? [1];
      const least = Math.log(0.5 / (counts.at(-1) ?? 1));
      return option < 0 ? least : Math.log((counts[option] ?? 1) / (counts.at(-1) ?? 1));
    });
    return logs.reduce((sum, value) => sum + value, 0) / Math.max(logs.length, 1);
  });
}
