import { existsSync } from "node:fs";
import { InputError } from "../../core/errors.ts";
import { readDatasetConfig } from "../../data/config.ts";
import { openDataset } from "../../data/dataset.ts";
import { writeDocument } from "../../documents/document.ts";
import { CONFIG, type RunSummary, SUMMARY } from "../../documents/run.ts";
import { checkPositive, checkWhole, shareOf } from "../checks.ts";
import { carrying } from "../open/images.ts";
import { openNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import { checkSolveOptions, SOLVE_DEFAULTS } from "../solve/solve-settings.ts";
import { noTable } from "../tables/table-source.ts";
import { explainStage } from "./explain-stage.ts";
import { checkFinetune, finetuneStage } from "./finetune-stage.ts";
import { networkOfPair, type PairOptions, splitStage } from "./pair-stages.ts";
import { preprocessingStage } from "./preprocessing-stage.ts";
import {
  correctStage,
  evalStage,
  exportStage,
  inspectStage,
  type PruneJob,
  type PruneOptions,
  summaryOf,
  tableStage,
} from "./prune-stages.ts";
import { rebaseStage } from "./rebase-stage.ts";
import { openRunFolder } from "./run-folder.ts";
import { scoreStage } from "./score-stage.ts";
import { solveStage } from "./solve-stage.ts";
import {
  DAMAGES_FILE,
  damagesStage,
  isSparse,
  scoredForZeros,
  sparsifyStage,
} from "./sparse-stages.ts";

/** What a run of the whole pipeline does where nobody says otherwise. */
export const PRUNE_DEFAULTS = {
  ...SOLVE_DEFAULTS,
  method: "auto",
  correct: true,
  rebase: true,
  calibrate: false,
  tolerance: "2%",
  finetune: false,
  epochs: 3,
  threads: 1,
  runs: 200,
  maxMinutes: 4,
  targetError: "2%",
  validate: 10,
  seed: 1,
} as const;

export interface PruneModelSettings extends PruneOptions, PairOptions {
  /** ONNX file; the embedded default without it. */
  readonly model?: string | undefined;
  /** Folder of the run; what is done there is not done again. */
  readonly out: string;
}

/**
 * Runs the whole pipeline in one folder: rebase (attention networks), score, profile, solve, export, repair, train, evaluate.
 * @param written the settings as config.json keeps them
 * @throws as the stages
 */
export async function pruneModel(
  settings: PruneModelSettings,
  written: Readonly<Record<string, unknown>>,
  context: RunContext,
): Promise<RunSummary> {
  const job = await prepareRun(scoredForZeros(settings), written, context);
  const { run } = job;
  try {
    const sparse = isSparse(job.options);
    if (sparse) await damagesStage(job);
    const solved = await solveStage(job);
    await exportStage(job);
    const corrected = sparse ? await sparsifyStage(job) : await correctStage(job);
    const tuned = await finetuneStage(job, corrected ?? "pruned.onnx");
    const made = ["pruned.onnx", corrected, tuned].filter((file) => file !== null);
    await evalStage(job, made);
    await explainStage(job, solved);
    const parts = await splitStage(job, made.at(-1) ?? "pruned.onnx");
    const summary = { ...summaryOf(job), ...(parts === undefined ? {} : { parts }) };
    writeDocument(SUMMARY, run.path("summary.json"), summary);
    return summary;
  } finally {
    run.close();
  }
}

/** What both ways to prune begin with: options checked, the folder opened (and to be closed), units scored, latencies at hand. */
export async function prepareRun(
  settings: PruneModelSettings,
  written: Readonly<Record<string, unknown>>,
  context: RunContext,
): Promise<PruneJob> {
  await checkPruneOptions(settings);
  const { data, train, dataConfig } = settings;
  const images = { data: data ?? train, dataConfig };
  const model = networkOfPair(settings.model, settings, settings.out, context);
  const open = carrying(await openNetwork(model, context), images);
  await checkFinetune(settings, open.embedded);
  const run = openRunFolder(settings.out);
  try {
    writeDocument(CONFIG, run.path("config.json"), {
      schema: "mdp-config/1",
      command: context.commandLine,
      network: { path: open.path, hash: open.hash },
      options: written,
    });
    const given = { open, original: open.path, run, options: settings, context };
    await preprocessingStage(given);
    await inspectStage(given);
    const job = await rebaseStage(given);
    await scoreStage(job);
    await tableStage(job);
    return job;
  } catch (error) {
    run.close();
    throw error;
  }
}

/** What the last stages would refuse is refused before the first one begins. */
async function checkPruneOptions(options: PruneOptions): Promise<void> {
  // The damages will be there when the program is put together.
  const { damages = isSparse(options) ? DAMAGES_FILE : undefined } = options;
  await checkSolveOptions({ ...options, damages });
  checkWhole(options.images, "--test-images", 1);
  for (const name of ["threads", "runs"] as const) checkWhole(options[name], `--${name}`, 1);
  for (const name of ["validate", "seed"] as const) checkWhole(options[name], `--${name}`, 0);
  checkPositive(options.maxMinutes, "--max-minutes");
  checkWhole(options.epochs, "--epochs", 1);
  checkPositive(options.lr, "--lr");
  if (options.tolerance !== undefined) shareOf(options.tolerance, "--tolerance");
  const { device, table, data, dataConfig } = options;
  if (device === undefined && table === undefined) throw noTable();
  const config = dataConfig === undefined ? {} : readDatasetConfig(dataConfig);
  for (const [option, path] of Object.entries({ "test-data": data, data: options.train })) {
    if (path === undefined || existsSync(path)) continue;
    throw new InputError({
      code: "cli/no-data",
      message: "There is nothing at this path.",
      where: path,
      hint: `Check --${option}. 'mdp data shapes --out DIR' draws a set that needs no download.`,
    });
  }
  // Without labels nothing can be evaluated on them.
  if (data !== undefined) await openDataset(data, { config });
}
