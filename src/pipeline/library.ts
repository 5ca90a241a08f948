/**
 * The front door of the library: one function per command, with the command line's defaults and checks. The last argument of
 * each says who is told of progress and what can stop it; without it, nothing is printed and nothing stops the run.
 */
import type { CorrectReport } from "../documents/correct.ts";
import type { EvalReport } from "../documents/evaluation.ts";
import type { RunSummary } from "../documents/run.ts";
import type { SolveReport } from "../documents/solve.ts";
import type { SweepReport } from "../documents/sweep.ts";
import type { TrainingReport } from "../documents/training.ts";
import type { Importance } from "../importance/importance.ts";
import type { ProfileResult } from "../latency/measure/profile-local.ts";
import type { Structure } from "../structure/structure.ts";
import { structureJson } from "../structure/structure-json.ts";
import type { Proof } from "../subnet/prove.ts";
import type { Subnet } from "../subnet/subnet.ts";
import { type CorrectModelSettings, correctModel } from "./correct/correct-model.ts";
import { CORRECT_DEFAULTS } from "./correct/correct-network.ts";
import { EVALUATE_DEFAULTS, type EvalOptions, evaluateModels } from "./evaluate/evaluate-models.ts";
import {
  type CutSettings,
  EXPORT_DEFAULTS,
  exportModel,
  type Sizes,
} from "./export/export-model.ts";
import { openNetwork } from "./open/network.ts";
import { PRUNE_DEFAULTS, type PruneModelSettings, pruneModel } from "./prune/prune-model.ts";
import { type RunContext, runContext } from "./run-context.ts";
import { scoreByChoice } from "./score/choose-scoring.ts";
import { SCORE_DEFAULTS, type ScoreRequest, scoreOpened } from "./score/score-network.ts";
import { type SolveModelSettings, solveModel } from "./solve/solve-model.ts";
import { SOLVE_DEFAULTS } from "./solve/solve-settings.ts";
import { SWEEP_DEFAULTS, type SweepModelSettings, sweepModel } from "./sweep/sweep-model.ts";
import {
  PROFILE_DEFAULTS,
  type ProfileModelSettings,
  profileModel,
} from "./tables/profile-model.ts";
import { runTraining } from "./train/run-training.ts";
import { PLAIN_FINETUNE } from "./train/training-defaults.ts";
import type { TrainingSettings } from "./train/training-settings.ts";

/** Settings of which only some need to be given: those that are left out have the command line's defaults. */
type Some<Settings, Required extends keyof Settings = never> = Partial<Settings> &
  Pick<Settings, Required>;

/** The settings that are there: one that is undefined has its default. */
function given<Settings extends object>(settings: Settings): Settings {
  const known = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known) as Settings;
}

/** Which network. */
interface OfModel {
  /** ONNX file; the embedded default without it. */
  readonly model?: string | undefined;
  /** Lengths of open axes, by the axes' names. */
  readonly bind?: Readonly<Record<string, number>> | undefined;
}

function runOf({ bind = {} }: Pick<OfModel, "bind">, run: Partial<RunContext>): RunContext {
  return runContext({ bind, ...run });
}

/** What can be pruned in a network. */
export interface Inspected {
  readonly name: string;
  /** SHA-256 of the file. */
  readonly hash: string;
  readonly structure: Structure;
  /** The same as a document, schema `mdp-structure/1`. */
  readonly document: Readonly<Record<string, unknown>>;
}

/**
 * Finds what can be pruned in a network.
 * @throws InputError for the file; UsageError `cli/bind`
 *
 * @example
 * const { structure } = await inspect({ model: "net.onnx" });
 * const prunable = structure.dims.filter(({ pinned }) => pinned === null).length;
 */
export async function inspect(settings: OfModel = {}): Promise<Inspected> {
  const { name, hash, structure, path } = await openNetwork(settings.model, runOf(settings, {}));
  const document = { model: path, networkHash: hash, ...structureJson(structure) };
  return { name, hash, structure, document };
}

/** Settings of `score`. */
export type ScoreSettings = Some<ScoreRequest> & OfModel;

/**
 * Scores what each unit of a network is worth: `magnitude-l2` unless another method is given; those on images need `data`.
 * @returns the contents of an `importance.json`
 * @throws UsageError `cli/no-data`, `cli/too-few-images`; InputError for network and images
 *
 * @example
 * const importance = await score({ model: "net.onnx", method: "magnitude-l1" });
 */
export async function score(
  settings: ScoreSettings = {},
  run: Partial<RunContext> = {},
): Promise<Importance> {
  const open = await openNetwork(settings.model, runOf(settings, run));
  const wanted = { ...SCORE_DEFAULTS, seed: 0, ...given(settings) };
  const { method } = wanted;
  return method === undefined
    ? scoreByChoice(open, wanted, runOf(settings, run))
    : scoreOpened(open, { ...wanted, method }, runOf(settings, run));
}

/** Settings of `profile`. */
export type ProfileSettings = Some<ProfileModelSettings> & OfModel;

/**
 * Measures a network's latency table on this machine, and writes it under `out` (the current folder unless given).
 * @throws InputError, UsageError, InterruptedError `latency/interrupted`
 *
 * @example
 * const { table, tablePath } = await profile({ model: "net.onnx", step: 16, maxMinutes: 2, out: "tables" });
 */
export async function profile(
  settings: ProfileSettings = {},
  run: Partial<RunContext> = {},
): Promise<ProfileResult> {
  const open = await openNetwork(settings.model, runOf(settings, run));
  return profileModel(
    open,
    { ...PROFILE_DEFAULTS, out: ".", ...given(settings) },
    runOf(settings, run),
  );
}

/** Settings of `solve`. */
export type SolveSettings = Some<SolveModelSettings> & OfModel;

/** A subnet, and the whole answer as a document. */
export interface SolveResult {
  readonly subnet: Subnet;
  readonly report: SolveReport;
}

/**
 * Finds the best subnet within a latency budget: half the dense latency unless `budget` or a limit says otherwise. Latencies
 * are those of `device` or of the file `table`.
 * @throws InfeasibleLimitsError where no subnet meets the limits; LimitError where the time was over without an answer;
 * UsageError and InputError for settings and files
 *
 * @example
 * const { subnet, report } = await solve({ model: "net.onnx", device: "jetson-xavier", budget: "50%" });
 * const { dense, chosen } = report.latencyMs;
 */
export async function solve(
  settings: SolveSettings,
  run: Partial<RunContext> = {},
): Promise<SolveResult> {
  const wanted = { ...SOLVE_DEFAULTS, method: "mdp", ...given(settings) };
  const { solved, report } = await solveModel(wanted, runOf(settings, run));
  return { subnet: solved.subnet, report };
}

/** Settings of `exportSubnet`. */
export type ExportSettings = Some<CutSettings, "out" | "subnet"> & OfModel;

/** What was written, and how near it is to the masked original. */
export interface ExportResult {
  readonly path: string;
  readonly proof: Proof | null;
  readonly sizes: Sizes;
}

/**
 * Writes the smaller network of a subnet (or of its file) as ONNX, proven against the masked original.
 * @throws VerificationError `subnet/proof-failed`, and nothing is written; UsageError, InputError
 *
 * @example
 * const { proof } = await exportSubnet({ model: "net.onnx", subnet: "subnet.json", out: "smaller.onnx" });
 */
export async function exportSubnet(
  settings: ExportSettings,
  run: Partial<RunContext> = {},
): Promise<ExportResult> {
  const made = await exportModel({ ...EXPORT_DEFAULTS, ...given(settings) }, runOf(settings, run));
  return { path: settings.out, proof: made.proof, sizes: made.sizes };
}

/** Settings of `correct`. */
export type CorrectSettings = Some<CorrectModelSettings, "subnet" | "data" | "out"> & OfModel;

/**
 * Writes the smaller network of a subnet file, repaired on images without labels.
 * @throws VerificationError `subnet/proof-failed`; UsageError, InputError
 *
 * @example
 * const { accuracy } = await correct({ model: "net.onnx", subnet: "subnet.json", data: "photos", out: "repaired.onnx" });
 */
export function correct(
  settings: CorrectSettings,
  run: Partial<RunContext> = {},
): Promise<CorrectReport> {
  const { correction: method, ...defaults } = CORRECT_DEFAULTS;
  const wanted = { ...defaults, method, seed: 1, testImages: 2000, ...given(settings) };
  return correctModel(wanted, runOf(settings, run));
}

/** Settings of `finetune`. */
export type FinetuneSettings = Some<TrainingSettings, "out"> & OfModel;

/**
 * Trains a network further into the folder `out`, and resumes there; `teacher` is the original network.
 * @throws InterruptedError `training/interrupted`, with everything saved; UsageError, InputError
 *
 * @example
 * const { best } = await finetune({ model: "pruned.onnx", teacher: "net.onnx", data: "photos", out: "runs/tuned" });
 */
export async function finetune(
  settings: FinetuneSettings,
  run: Partial<RunContext> = {},
): Promise<TrainingReport> {
  const open = await openNetwork(settings.model, runOf(settings, run));
  return runTraining(
    "finetune",
    open,
    { ...PLAIN_FINETUNE, ...given(settings) },
    runOf(settings, run),
  );
}

/** Settings of `evaluate`. */
export interface EvaluateSettings extends Some<Omit<EvalOptions, "data" | "limit">, "models"> {
  /** Labelled images to judge on; without them only latencies are measured. */
  readonly testData?: string | undefined;
  /** Judge on this many of them, chosen at random. */
  readonly images?: number | undefined;
}

/**
 * Accuracy on the same images and latencies, measured in turns, of one or more networks.
 * @throws UsageError, InputError
 *
 * @example
 * const { results } = await evaluate({ models: ["net.onnx", "smaller.onnx"], repeats: 20 });
 */
export function evaluate(
  settings: EvaluateSettings,
  run: Partial<RunContext> = {},
): Promise<EvalReport> {
  const { testData: data, images: limit, ...others } = settings;
  return evaluateModels({ ...EVALUATE_DEFAULTS, ...given(others), data, limit }, runContext(run));
}

/** Settings of `sweep`. */
export type SweepSettings = Some<SweepModelSettings> & OfModel;

/**
 * The best subnet for each of many budgets; files in the folder `out` where one is given.
 * @throws UsageError, InputError
 *
 * @example
 * const { points } = await sweep({ model: "net.onnx", device: "jetson", budgets: "70%,50%" });
 */
export function sweep(
  settings: SweepSettings,
  run: Partial<RunContext> = {},
): Promise<SweepReport> {
  return sweepModel(
    { ...SOLVE_DEFAULTS, ...SWEEP_DEFAULTS, ...given(settings) },
    runOf(settings, run),
  );
}

/** Settings of `prune`. */
export interface PruneSettings
  extends Some<Omit<PruneModelSettings, "data" | "train" | "images">, "out">,
    Pick<OfModel, "bind"> {
  /** Training images, to score, repair and train on. */
  readonly data?: string | undefined;
  /** Test images, to judge the result on; the test split of `data` without them, or `data` itself. */
  readonly testData?: string | undefined;
  /** Judge on this many of them, chosen at random. */
  readonly testImages?: number | undefined;
}

/**
 * Runs the whole pipeline in the folder `out`, and resumes there: score, profile, solve, export, repair, train, evaluate.
 * @throws as the other functions
 *
 * @example
 * const { eval: judged } = await prune({ model: "net.onnx", device: "jetson", budget: "50%", out: "runs/half" });
 */
export function prune(settings: PruneSettings, run: Partial<RunContext> = {}): Promise<RunSummary> {
  const { data, testData, testImages: images, ...others } = settings;
  const places = { data: testData ?? data, train: testData === undefined ? undefined : data };
  return pruneModel(
    { ...PRUNE_DEFAULTS, ...given(others), ...places, images },
    { ...settings },
    runOf(settings, run),
  );
}
