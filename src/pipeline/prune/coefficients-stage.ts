import { existsSync } from "node:fs";
import { GRANULARITIES, type Granularity, groupsOf } from "../../coefficients/groups.ts";
import type { Optimised, UnitRanking } from "../../coefficients/optimise.ts";
import type { SearchMethod } from "../../coefficients/search/search.ts";
import { InterruptedError, UsageError } from "../../core/errors.ts";
import { readFileBytes, readJson, sha256, writeJson } from "../../core/files.ts";
import {
  COEFFICIENTS,
  type CoefficientsReport,
  REASONS,
  type ReasonsReport,
} from "../../documents/coefficients.ts";
import { CORRECTION } from "../../documents/correct.ts";
import { readDocument, writeDocument } from "../../documents/document.ts";
import { GATE, type GateReport } from "../../documents/release.ts";
import { checkImportance, parseImportance } from "../../importance/importance.ts";
import { withGraph } from "../../onnx/model.ts";
import { writeModel } from "../../onnx/write.ts";
import { subnetJson } from "../../subnet/subnet-file.ts";
import {
  chosenOf,
  coefficientsReport,
  readCoefficients,
} from "../coefficients/coefficients-report.ts";
import { reasonsFor } from "../coefficients/narrow-groups.ts";
import { type RepairedChoice, repairBest } from "../coefficients/repair-best.ts";
import {
  type Bench,
  openBench,
  programFor,
  searchNetwork,
} from "../coefficients/search-network.ts";
import { openMetrics, type Requirements } from "../metrics/open-metrics.ts";
import { openImages } from "../open/images.ts";
import { checkRequired, gateNetwork } from "../release/gate-network.ts";
import type { SolveNetworkOptions } from "../solve/asked-network.ts";
import { solveNetworkOptions } from "../solve/solve-settings.ts";
import { tableFor } from "../tables/table-source.ts";
import { type PruneJob, staged } from "./prune-stages.ts";

/** What `mdp prune --metrics` is asked for besides the options of the run. */
export interface MetricsOptions {
  readonly metrics: string;
  readonly evaluations: number;
  readonly granularity: Granularity;
  readonly search: SearchMethod;
  readonly units: UnitRanking;
  readonly from?: string | undefined;
  /** `encoder=0.4`: the share of a group that goes, by hand. */
  readonly coefficients?: readonly string[] | undefined;
  readonly release?: string | undefined;
  /** Requirements of `--limit "metric('x') >= 97%"`, by metric; they replace those of the file. */
  readonly requirements?: Requirements | undefined;
  /** Items instead of those of the file. */
  readonly items?: string | undefined;
}

/** What a search found, and why each group is as wide as it is. */
export interface Searched {
  readonly coefficients: CoefficientsReport;
  readonly reasons: ReasonsReport;
}

/** Searches coefficients instead of solving once: writes the subnet and what was found. */
export async function coefficientsStage(job: PruneJob, wanted: MetricsOptions): Promise<Searched> {
  const { open, run, options, context } = job;
  const { budget, step, multipleOf, protect, maxPrune, blocks, gap } = options;
  const { limit, soft, penalty, minimize, component, components, seed, threads, maxMinutes } =
    options;
  const given = {
    ...{ limit, soft, penalty, minimize, component, components },
    ...{ budget, step, multipleOf, protect, maxPrune, blocks, layers: false, gap },
  };
  const inputs = ["importance.json", "table.json"].map((file) =>
    sha256(readFileBytes(run.path(file))),
  );
  const { from } = wanted;
  const dependsOn = [
    ...[open.hash, given, inputs, seed, sha256(readFileBytes(wanted.metrics))],
    ...(wanted.requirements === undefined ? [] : [[...wanted.requirements]]),
    ...(wanted.items === undefined ? [] : [wanted.items]),
    ...[wanted.evaluations, wanted.granularity, wanted.search, wanted.units, wanted.coefficients],
    from === undefined ? null : sha256(readFileBytes(from)),
    ...["repair", options.correct, options.train, options.data, options.dataConfig],
  ];
  const repaired = (): readonly string[] => (isRepaired(job) ? REPAIR_FILES : []);
  const outputs = ["subnet.json", "coefficients.json", "reasons.json", ...repaired()];
  await staged(job, "search", dependsOn, outputs, async () => {
    const started = performance.now();
    const { batch, precision } = options;
    const source = tableFor(open, {
      ...{ table: run.path("table.json"), batch, precision, step, multipleOf },
      commandLine: context.commandLine,
    });
    const path = run.path("importance.json");
    const importance = parseImportance(readJson(path), path);
    checkImportance(importance, open.structure, path);
    const plain = { ...solveNetworkOptions(given, source.table.step), importance };
    const metrics = await openMetrics(wanted.metrics, open, wanted);
    if (wanted.release !== undefined) checkRequired(metrics);
    const first = await openBench(open, source, metrics, plain, { threads }, context);
    let bench: Bench = first;
    try {
      const settings = await withHandmade(first, plain, wanted);
      if (settings !== plain)
        bench = { ...first, program: programFor(first.open, source, settings) };
      const search = {
        ...{ evaluations: wanted.evaluations, granularity: wanted.granularity },
        ...{ search: wanted.search, units: wanted.units, seed, threads, maxMinutes },
        logPath: run.path("evaluations.jsonl"),
        from: from === undefined ? undefined : readCoefficients(from, open),
      };
      const found = await searchNetwork(bench, settings, search, context);
      const choice = await repairedChoice(job, bench, found);
      const chosen = choice?.chosen.candidate ?? chosenOf(found);
      const seconds = (performance.now() - started) / 1000;
      const about = { settings, search, seconds, choice };
      const report = coefficientsReport(bench, found, chosen, about);
      if (choice !== null) writeRepaired(job, choice);
      outputs.splice(3, Number.POSITIVE_INFINITY, ...(choice?.isRepaired ? REPAIR_FILES : []));
      writeDocument(COEFFICIENTS, run.path("coefficients.json"), report);
      const notes = {
        network: open.name,
        networkHash: open.hash,
        solve: { method: "coefficients", coefficients: report.groups, limits: report.limits },
      };
      writeJson(run.path("subnet.json"), subnetJson(open.structure, chosen.subnet, notes));
      const coefficients = new Map(
        report.groups.map(({ name, coefficient }) => [name, coefficient] as const),
      );
      const { network } = chosen;
      const { groups } = found;
      const reasons = { network, groups, subnet: chosen.subnet, coefficients, settings };
      writeDocument(REASONS, run.path("reasons.json"), await reasonsFor(bench, reasons, context));
      if (context.signal.aborted) throw stoppedSearch(run.path("."), report);
    } finally {
      await first.close();
    }
  });
  return {
    coefficients: readDocument(COEFFICIENTS, run.path("coefficients.json")),
    reasons: readDocument(REASONS, run.path("reasons.json")),
  };
}

const REPAIR_FILES = ["corrected.onnx", "correct.json"] as const;

/** Whether the search of a run ended with a repaired network. */
export function isRepaired({ run }: PruneJob): boolean {
  const path = run.path("coefficients.json");
  return existsSync(path) && readDocument(COEFFICIENTS, path).repair?.isRepaired === true;
}

/** The best few, repaired on the images of the run or on those that were searched on; null where nobody wants it. */
async function repairedChoice(
  { open, options, context }: PruneJob,
  bench: Bench,
  found: Optimised,
): Promise<RepairedChoice | null> {
  if (options.correct === false || context.signal.aborted) return null;
  const { threads, seed, dataConfig } = options;
  const named = options.train ?? options.data;
  const data =
    named === undefined ? null : await openImages(open, { data: named, dataConfig }, context);
  return repairBest(bench, found, { data, threads, seed }, context);
}

function writeRepaired(
  { open, run }: PruneJob,
  { chosen, isRepaired: isUsed, source }: RepairedChoice,
): void {
  const { correction } = chosen;
  if (!isUsed || correction === null) return;
  const { graph, ...done } = correction;
  writeModel(withGraph(open.model, graph), run.path("corrected.onnx"));
  writeDocument(CORRECTION, run.path("correct.json"), {
    ...{ schema: "mdp-correction/1" as const, data: source },
    ...done,
  });
}

/** The best so far is in the folder; the stage is not done. */
function stoppedSearch(where: string, { search }: CoefficientsReport): InterruptedError {
  return new InterruptedError({
    code: "coefficients/interrupted",
    message: `Stopped after ${search.evaluations} subnets; coefficients.json and subnet.json hold the best so far.`,
    where,
    hint: "The same command goes on where it stopped; mdp export writes the network of subnet.json.",
  });
}

/** Judges the network that a run ends with on the items that the search never saw; releases it where it passes. */
export async function gateStage(
  job: PruneJob,
  file: string,
  wanted: MetricsOptions,
): Promise<GateReport> {
  const { open, run, options, context } = job;
  const metrics = await openMetrics(wanted.metrics, open, wanted);
  const report = await gateNetwork(
    open,
    metrics,
    {
      ...{ network: run.path(file), release: wanted.release, threads: options.threads },
      ...{ ledgerOf: wanted.metrics, now: new Date() },
      needsRequirement: wanted.release !== undefined,
    },
    context,
  );
  writeDocument(GATE, run.path("gate.json"), report);
  return report;
}

/** The settings with a limit for every group whose share somebody chose by hand. @throws UsageError `coefficients/by-hand` */
async function withHandmade(
  bench: Bench,
  settings: SolveNetworkOptions,
  { coefficients = [], granularity }: MetricsOptions,
): Promise<SolveNetworkOptions> {
  if (coefficients.length === 0) return settings;
  const network = await bench.program(bench.importance);
  const groups = GRANULARITIES.flatMap((each) =>
    groupsOf(network, each === "auto" ? granularity : each),
  );
  const limits = coefficients.flatMap((text) => {
    const [, name = "", amount = "", sign] = /^(.+?)=(\d*\.?\d+)(%?)$/.exec(text) ?? [];
    const removed = Number(amount) / (sign === "%" ? 100 : 1);
    const group = groups.find((each) => each.name === name || each.component === name);
    if (group === undefined || !(removed >= 0 && removed < 1)) {
      throw new UsageError({
        code: "coefficients/by-hand",
        message:
          group === undefined
            ? `'${text}' names no group.`
            : `'${text}' gives no share from 0 to 1.`,
        where: "--coefficients",
        hint: `Write the share that goes: --coefficients "${groups[0]?.name ?? "encoder"}=0.4". Groups are ${[...new Set(groups.map((each) => each.name))].slice(0, 12).join(", ")}.`,
      });
    }
    return group.dims.map((dim) => {
      const { counts = [1] } = network.problem.dims[dim] ?? {};
      const {
        name: dimName = "",
        unitChannels = 1,
        size = 1,
      } = bench.open.structure.dims[dim] ?? {};
      const wanted = (1 - removed) * size;
      const nearest = counts.reduce((best, count) =>
        Math.abs(count - wanted) < Math.abs(best - wanted) ? count : best,
      );
      return `count('${dimName}') == ${nearest * unitChannels}`;
    });
  });
  const before = settings.limits ?? { limit: [], soft: [], penalty: [], minimize: null };
  return { ...settings, limits: { ...before, limit: [...before.limit, ...limits] } };
}
