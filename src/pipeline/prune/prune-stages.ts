import { readFileBytes, readJson, sha256, writeJson } from "../../core/files.ts";
import { isSameFile } from "../../core/guarded-files.ts";
import { carriedPreprocessing } from "../../data/preprocessing.ts";
import { CORRECTION } from "../../documents/correct.ts";
import { readDocument, writeDocument } from "../../documents/document.ts";
import { EVALUATION } from "../../documents/evaluation.ts";
import { PROOF } from "../../documents/proof.ts";
import { REBASE } from "../../documents/rebase.ts";
import type { RunSummary } from "../../documents/run.ts";
import { SOLVE } from "../../documents/solve.ts";
import { SPARSIFY } from "../../documents/sparsify.ts";
import type { ImportanceMethod } from "../../importance/importance.ts";
import { profileLocal } from "../../latency/measure/profile-local.ts";
import type { Precision } from "../../latency/predict/device.ts";
import { readTable, writeTable } from "../../latency/table.ts";
import { withGraph } from "../../onnx/model.ts";
import { writeModel } from "../../onnx/write.ts";
import { structureJson } from "../../structure/structure-json.ts";
import { cutGraph } from "../../subnet/cut.ts";
import type { GivenInputs } from "../../subnet/proof/inputs.ts";
import { proveCut } from "../../subnet/prove.ts";
import { parseSubnet } from "../../subnet/subnet-file.ts";
import { shareOf } from "../checks.ts";
import { CORRECT_DEFAULTS, correctOpened } from "../correct/correct-network.ts";
import { evaluateModels } from "../evaluate/evaluate-models.ts";
import { imageInputs, readProofInputs } from "../export/proof-inputs.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import type { GivenLimits } from "../solve/given-limits.ts";
import { tableFor } from "../tables/table-source.ts";
import { drawnData, trainingData } from "./prune-images.ts";
import type { RunFolder } from "./run-folder.ts";

/** The options of `mdp prune` that its stages read. */
export interface PruneOptions extends GivenLimits {
  /** The two embeddings, between a comma: of the two networks that are joined, or outputs that `cross-modal` compares. */
  readonly pairs?: string | undefined;
  readonly importance?: string | undefined;
  readonly device?: string | undefined;
  readonly table?: string | undefined;
  readonly batch?: number | undefined;
  readonly precision?: Precision | undefined;
  readonly budget?: string | undefined;
  readonly step?: number | undefined;
  readonly multipleOf?: number | undefined;
  readonly protect?: string | undefined;
  readonly maxPrune: number;
  readonly blocks: boolean;
  readonly layers: boolean;
  readonly timeLimit?: number | undefined;
  readonly gap: number;
  /** Measure the subnet, correct the table and solve again until the budget is met on this device. */
  readonly calibrate?: boolean | undefined;
  readonly tolerance?: string | undefined;
  readonly presolve?: boolean | undefined;
  /** Share of all weights that is to go, by channels and as zeros; single weights may go where it is given. */
  readonly sparsity?: string | undefined;
  /** Measured damages of zeros; the run measures them without. */
  readonly damages?: string | undefined;
  /** Probability with which the budget is to be kept. */
  readonly robust?: string | undefined;
  /** `auto`: as network and images allow. */
  readonly method: ImportanceMethod | "auto";
  /** For `sensitivity`: cuts are measured after each was repaired by itself. */
  readonly repaired?: boolean | undefined;
  /** Images to evaluate on. */
  readonly data?: string | undefined;
  /** Images to score, repair and train on, where they are not those of `data`. */
  readonly train?: string | undefined;
  readonly correct?: boolean | undefined;
  /** Bring attention into the basis of its singular vectors first; yes unless false. */
  readonly rebase?: boolean | undefined;
  /** Train the pruned network further. */
  readonly finetune?: boolean | undefined;
  readonly epochs: number;
  readonly lr?: number | undefined;
  readonly dataConfig?: string | undefined;
  /** Inputs to prove the pruned network on. */
  readonly proofInputs?: string | undefined;
  readonly images?: number | undefined;
  readonly threads: number;
  readonly runs: number;
  readonly maxMinutes: number;
  /** Mean error on unseen networks at which profiling stops, such as "2%"; "none": after `runs` networks. */
  readonly targetError: string;
  readonly validate: number;
  readonly seed: number;
}

/** What every stage works on. */
export interface PruneJob {
  /** In its new basis, behind a rebase. */
  readonly open: OpenNetwork;
  /** Path of the network that was named. */
  readonly original: string;
  readonly run: RunFolder;
  readonly options: PruneOptions;
  readonly context: RunContext;
}

/** Runs a stage unless it is done, and says so. */
export async function staged(
  { open, run, context }: PruneJob,
  name: string,
  dependsOn: unknown,
  outputs: readonly string[],
  work: () => Promise<void>,
): Promise<void> {
  context.progress.note(`== ${name}`);
  const { bind } = open.structure;
  // Another length of an open axis is another network to measure and solve.
  const all = Object.keys(bind).length === 0 ? dependsOn : [dependsOn, bind];
  const { ran, seconds } = await run.stage({ name, dependsOn: all, outputs, run: work });
  context.onEvent({ kind: "stage", name, seconds, ran });
}

export async function inspectStage(job: PruneJob): Promise<void> {
  const { open, run } = job;
  await staged(job, "inspect", open.hash, ["structure.json"], async () => {
    writeJson(run.path("structure.json"), {
      networkHash: open.hash,
      ...structureJson(open.structure),
    });
  });
}

export async function tableStage(job: PruneJob): Promise<void> {
  const { open, run, options, context } = job;
  const {
    device,
    table,
    batch,
    precision,
    step,
    multipleOf,
    threads,
    runs,
    maxMinutes,
    validate,
    seed,
  } = options;
  const tableHash = table === undefined ? null : sha256(readFileBytes(table));
  const dependsOn = [
    ...[open.hash, device, tableHash, batch, precision, step, multipleOf],
    ...[threads, runs, maxMinutes, validate, seed, options.targetError],
  ];
  const targetError =
    options.targetError === "none" ? undefined : shareOf(options.targetError, "--target-error");
  await staged(job, "profile", dependsOn, ["table.json"], async () => {
    if (device !== "local") {
      // A run may be given its own table again.
      const own = run.path("table.json");
      if (table !== undefined && isSameFile(table, own)) return;
      const request = { ...options, commandLine: context.commandLine };
      writeTable(own, tableFor(open, request).table);
      return;
    }
    await profileLocal(open.model, open.structure, {
      ...{ threads, runs, maxMinutes, validate, seed, targetError },
      batch: batch ?? 1,
      step: step ?? multipleOf ?? 8,
      repeats: 20,
      precision: precision ?? "float32",
      optimisation: "all",
      networkName: open.name,
      deviceName: "local",
      tablePath: run.path("table.json"),
      samplesPath: run.path("table.samples.jsonl"),
      command: context.commandLine,
      progress: context.progress,
      signal: context.signal,
    });
  });
}

export async function exportStage(job: PruneJob): Promise<void> {
  const { open, run, options } = job;
  const subnetPath = run.path("subnet.json");
  const { proofInputs: given } = options;
  const dependsOn = [
    ...[open.hash, sha256(readFileBytes(subnetPath)), options.seed],
    ...(given === undefined ? [] : [sha256(readFileBytes(given))]),
    ...carriedKey(job),
  ];
  await staged(job, "export", dependsOn, ["pruned.onnx", "proof.json"], async () => {
    const { subnet } = parseSubnet(readJson(subnetPath), open.structure, subnetPath);
    const cut = cutGraph(open.structure, subnet);
    const inputs = await proofInputs(job);
    const proof = await proveCut(open.model, open.structure, subnet, cut, {
      seed: options.seed,
      inputs,
    });
    writeModel(withGraph(open.model, cut), run.path("pruned.onnx"));
    writeDocument(PROOF, run.path("proof.json"), { schema: "mdp-proof/1", ...proof });
  });
}

/** What networks carry decides what is written; absent where it is nothing, as in runs from before it. */
function carriedKey({ open }: PruneJob): readonly unknown[] {
  const carried = carriedPreprocessing(open.model, open.path);
  return Object.keys(carried).length === 0 ? [] : [carried];
}

/** What to prove it on: a file's inputs, or images where there are some. */
async function proofInputs({ open, options, context }: PruneJob): Promise<GivenInputs | undefined> {
  const { data, train, dataConfig } = options;
  if (options.proofInputs !== undefined) return readProofInputs(options.proofInputs, open);
  const named = data ?? train;
  return named === undefined ? undefined : imageInputs(open, { data: named, dataConfig }, context);
}

/**
 * Repairs the pruned network on images without labels; null where there are none, or nobody wants it.
 * @returns the network's file in the run's folder
 */
export async function correctStage(job: PruneJob): Promise<string | null> {
  const { open, run, options, context } = job;
  const data = options.correct === false ? undefined : await trainingData(job);
  if (data === undefined) return null;
  const { dataConfig, seed } = options;
  const subnetPath = run.path("subnet.json");
  const dependsOn = [
    ...[open.hash, sha256(readFileBytes(subnetPath)), data, seed, CORRECT_DEFAULTS],
    dataConfig === undefined ? null : sha256(readFileBytes(dataConfig)),
    ...carriedKey(job),
  ];
  await staged(job, "correct", dependsOn, ["corrected.onnx", "correct.json"], async () => {
    const { subnet } = parseSubnet(readJson(subnetPath), open.structure, subnetPath);
    const request = { ...CORRECT_DEFAULTS, data, dataConfig, seed };
    const { correction, path } = await correctOpened(open, subnet, request, context);
    if (path === options.data) {
      context.progress.note(
        "The repair saw, without labels, images that the network is evaluated on. Name other test images with --test-data.",
      );
    }
    const { graph, ...done } = correction;
    writeModel(withGraph(open.model, graph), run.path("corrected.onnx"));
    writeDocument(CORRECTION, run.path("correct.json"), {
      schema: "mdp-correction/1",
      data: path,
      ...done,
    });
  });
  return "corrected.onnx";
}

/** Evaluates the dense network and those of the stages, which are files in the run's folder. */
export async function evalStage(job: PruneJob, networks: readonly string[]): Promise<void> {
  const { open, original, run, options, context } = job;
  const table = readTable(run.path("table.json"));
  const { dataConfig, images: limit, threads } = options;
  const data = options.data ?? (open.embedded ? await drawnData(run, context) : undefined);
  const models = [original, ...networks.map((file) => run.path(file))];
  const batch = table.batch;
  const dependsOn = [
    // Reports from before them don't have what the summary shows.
    ...[open.hash, data, limit, threads, batch, "ofFirst", "preprocessing"],
    ...networks.map((file) => sha256(readFileBytes(run.path(file)))),
    dataConfig === undefined ? null : sha256(readFileBytes(dataConfig)),
  ];
  await staged(job, "eval", dependsOn, ["eval.json"], async () => {
    const report = await evaluateModels(
      {
        models,
        data,
        dataConfig,
        limit,
        threads,
        batch,
        optimisation: "all",
        latency: true,
      },
      context,
    );
    writeDocument(EVALUATION, run.path("eval.json"), report);
  });
}

/** What the finished run has to say. */
export function summaryOf({ open, original, run, options }: PruneJob): RunSummary {
  const isRebased = open.path !== original;
  return {
    schema: "mdp-summary/1",
    folder: run.path("."),
    ...(isRebased ? { rebase: readDocument(REBASE, run.path("rebase.json")) } : {}),
    solve: readDocument(SOLVE, run.path("solve.json")),
    ...(options.sparsity === undefined && options.damages === undefined
      ? {}
      : { sparsify: readDocument(SPARSIFY, run.path("sparsify.json")) }),
    proof: readDocument(PROOF, run.path("proof.json")),
    eval: readDocument(EVALUATION, run.path("eval.json")),
  };
}
