import { InputError } from "../core/errors.ts";
import type { SolveReport } from "../documents/solve.ts";
import type { Loss } from "../formulation/explain/explanation.ts";
import { lossesOf } from "../formulation/explain/losses.ts";
import { type Neighbourhood, neighbourhoodOf } from "../formulation/explain/near.ts";
import { latencyBudget } from "../formulation/network/latency-budget.ts";
import { rememberingPresolve } from "../formulation/presolve/presolve.ts";
import type { Presolve } from "../formulation/presolve/reduction.ts";
import type { Problem } from "../formulation/problem/problem.ts";
import type { Answer, SolverList } from "../formulation/solve/answer.ts";
import { solveProblem } from "../formulation/solve/solve-problem.ts";
import { startingSelection } from "../formulation/solve/start.ts";
import { graphOfBare } from "../graph/bare-graph.ts";
import { predictTable } from "../latency/predict/predict-table.ts";
import type { LatencyTable } from "../latency/table.ts";
import type {
  ExplorerData,
  ExplorerDevice,
  ExplorerSettings,
} from "../pipeline/explore/explorer-data.ts";
import {
  networkAsked,
  type PreparedNetwork,
  type SolvedNetwork,
  solvedNetwork,
  withBudget,
} from "../pipeline/solve/asked-network.ts";
import { solveDocument, subnetDocument } from "../pipeline/solve/solve-document.ts";
import { checkSolveOptions, solveNetworkOptions } from "../pipeline/solve/solve-settings.ts";
import { findStructure } from "../structure/find-structure.ts";
import type { Structure } from "../structure/structure.ts";
import { structureJson } from "../structure/structure-json.ts";

/** An answer as the documents of the pipeline have it. */
export interface SessionAnswer {
  readonly report: SolveReport;
  /** What `mdp export --subnet` takes. */
  readonly subnet: Readonly<Record<string, unknown>>;
}

/** What one option less and one more of a dim would cost. */
export interface StepLosses {
  readonly narrower: { readonly channels: number; readonly loss: Loss } | null;
  readonly wider: { readonly channels: number; readonly loss: Loss } | null;
}

/** A network that many questions are asked of; what doesn't change between them is kept. */
export interface Session {
  readonly structure: Readonly<Record<string, unknown>>;
  readonly table: (device: number) => LatencyTable;
  /**
   * The best subnet, as `mdp solve` finds it with the same settings; without `certify`, what the presolve proves is not
   * certified by a solver.
   * @throws as `solveModel`
   */
  readonly solve: (
    device: number,
    settings: ExplorerSettings,
    certify: boolean,
  ) => Promise<SessionAnswer>;
  /** Of the last answer. */
  readonly stepsOf: (dim: string, seconds: number) => Promise<StepLosses>;
}

interface Prepared {
  readonly key: string;
  readonly prepared: PreparedNetwork;
  readonly presolve: Presolve;
}

interface LastAnswer {
  readonly problem: Problem;
  readonly answer: Answer;
  readonly solved: SolvedNetwork;
  near: Neighbourhood | null | undefined;
}

/** Finds the structure; everything else waits for the first question. */
export function startSession(data: ExplorerData, solvers: SolverList): Session {
  const { network } = data;
  const structure = findStructure(graphOfBare(network.graph), { bind: network.bind });
  const tables = new Map<number, LatencyTable>();
  const table = (device: number): LatencyTable => {
    const made = tables.get(device) ?? tableOf(structure, deviceAt(data, device), network.name);
    tables.set(device, made);
    return made;
  };
  let last: LastAnswer | null = null;
  let kept: Prepared | null = null;
  const prepare = async (device: number, settings: ExplorerSettings): Promise<Prepared> => {
    const key = JSON.stringify({ ...settings, budget: null, timeLimit: null, gap: null, device });
    if (kept?.key === key) return kept;
    const wanted = solveNetworkOptions(settings, table(device).step);
    const source = { table: table(device), path: null, other: otherTable(data, table) };
    const importance = { used: data.importance, path: data.importancePath };
    const open = { name: network.name, structure };
    const prepared = await networkAsked(open, source, importance, wanted);
    kept = { key, prepared, presolve: rememberingPresolve() };
    return kept;
  };
  return {
    structure: structureJson(structure),
    table,
    solve: async (device, settings, certify) => {
      const began = performance.now();
      await checkSolveOptions(settings);
      const { prepared, presolve } = await prepare(device, settings);
      const wanted = solveNetworkOptions(settings, table(device).step);
      const budgetMs = await latencyBudget(wanted.budget, prepared.dense);
      const problem = withBudget(prepared.network.problem, budgetMs);
      const answer = await solveProblem(problem, solvers, {
        timeLimitSeconds: wanted.timeLimitSeconds,
        relativeGap: wanted.relativeGap,
        presolve,
        certify,
        start: startingSelection,
      });
      const solved = solvedNetwork(prepared, problem, answer);
      last = { problem, answer, solved, near: undefined };
      const total = (performance.now() - began) / 1000;
      const { head, notes } = deviceAt(data, device);
      const source = { table: table(device), notes };
      const parts = { open: { structure }, source, wanted, solved, read: 0, total };
      const report = solveDocument(headWithOthers(data, head, settings), parts);
      return {
        report,
        subnet: subnetDocument(
          { name: network.name, structure, hash: network.hash },
          solved,
          report,
        ),
      };
    },
    stepsOf: (dim, seconds) => stepsOf(structure, last, solvers, dim, seconds),
  };
}

function deviceAt(data: ExplorerData, device: number): ExplorerDevice {
  const found = data.devices[device];
  if (found !== undefined) return found;
  throw new InputError({
    code: "latency/unknown-device",
    message: `The page has no device ${device}.`,
    hint: "Choose one of the list.",
  });
}

function tableOf(
  structure: Structure,
  { latencies }: ExplorerDevice,
  networkName: string,
): LatencyTable {
  if (latencies.kind === "table") return latencies.table;
  const { description, batch, precision, step, command } = latencies;
  return predictTable(structure, description, { batch, precision, step, networkName, command });
}

/** @throws InputError `latency/unknown-device` for a device that the page was made without */
function otherTable(
  { devices }: ExplorerData,
  table: (device: number) => LatencyTable,
): (name: string) => LatencyTable {
  return (name) => {
    const at = devices.findIndex(({ head, option }) =>
      [head.device.name, head.device.asked, option[1]].includes(name),
    );
    if (at >= 0) return table(at);
    throw new InputError({
      code: "latency/unknown-device",
      message: `This page has no device '${name}'. It has: ${devices.map(({ head }) => head.device.name).join(", ")}.`,
      where: "--device",
      hint: `Make the page with it: mdp explore ... --with ${name}.`,
    });
  };
}

/** Other devices that limits name belong to what an answer rests on. */
function headWithOthers(
  { devices }: ExplorerData,
  head: SolveReportHead,
  { limit, soft, minimize = "" }: ExplorerSettings,
): SolveReportHead {
  const text = [...limit, ...soft, minimize].join(" ");
  const named = [...text.matchAll(/'([^']*)'|"([^"]*)"/g)].map(([, one, two]) => one ?? two ?? "");
  const others = named.flatMap((name) => {
    const found = devices.find(
      (each) => each.head.device.name === name || each.head.device.asked === name,
    );
    const isOther = found !== undefined && found.head.table.hash !== head.table.hash;
    return isOther ? [[name, found.head.table.hash] as const] : [];
  });
  return others.length === 0 ? head : { ...head, otherTables: Object.fromEntries(others) };
}

type SolveReportHead = ExplorerDevice["head"];

async function stepsOf(
  structure: Structure,
  last: LastAnswer | null,
  solvers: SolverList,
  name: string,
  seconds: number,
): Promise<StepLosses> {
  const dim = structure.dims.findIndex((each) => each.name === name);
  const nothing = { narrower: null, wider: null };
  if (last === null) return nothing;
  const { problem, answer } = last;
  const { selection, objective } = answer;
  const counts = problem.dims[dim]?.counts ?? [];
  const option = selection.options[dim] ?? -1;
  if (option < 0) return nothing;
  const end = performance.now() + 1000 * seconds;
  const secondsLeft = (): number => (end - performance.now()) / 1000;
  if (last.near === undefined) {
    last.near =
      answer.presolve === null ? null : await neighbourhoodOf(problem, () => secondsLeft() <= 0);
  }
  const asked = [option - 1, option + 1].filter((each) => each >= 0 && each < counts.length);
  const best = { selection, objective, proven: answer.status === "optimal" };
  const losses = await lossesOf(
    { solvers, secondsLeft, signal: undefined, problem, best, near: last.near },
    asked.map((each) => ({ kind: "option", dim, option: each })),
  );
  const perUnit = structure.dims[dim]?.unitChannels ?? 1;
  const sideOf = (wanted: number): StepLosses["narrower"] => {
    const loss = losses[asked.indexOf(wanted)];
    return loss === undefined ? null : { channels: (counts[wanted] ?? 0) * perUnit, loss };
  };
  return { narrower: sideOf(option - 1), wider: sideOf(option + 1) };
}
