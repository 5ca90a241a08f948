import { statSync } from "node:fs";
import { at } from "../../core/at.ts";
import { InputError, UsageError } from "../../core/errors.ts";
import { type Dataset, openDataset } from "../../data/dataset.ts";
import {
  carriedPreprocessing,
  type Preprocessing,
  preprocessingText,
  type ResolvedPreprocessing,
} from "../../data/preprocessing.ts";
import type { EvalReport, EvalResult } from "../../documents/evaluation.ts";
import { modalitiesOf } from "../../importance/cross-modal/modalities.ts";
import { isCompressed, modelBytes, modelMetadata, readModel } from "../../onnx/read.ts";
import { serializeModel } from "../../onnx/write.ts";
import { randomFeeds } from "../../runtime/feeds.ts";
import { watchMachine } from "../../runtime/machine-load.ts";
import { runtimeVersion } from "../../runtime/onnxruntime.ts";
import {
  type Optimisation,
  openSession,
  type Session,
  type SessionOptions,
} from "../../runtime/session.ts";
import { type SessionTurns, timeSessions } from "../../runtime/turns.ts";
import { checkWhole } from "../checks.ts";
import { modelPath } from "../open/embedded.ts";
import { openPrepared, preparation } from "../open/preparation.ts";
import { joinedPair, judgedModel } from "../pair/joined-model.ts";
import type { RunContext } from "../run-context.ts";
import { type Prepared, preprocessed } from "./fitting-preprocessing.ts";
import { type CommandJudged, type CommandOptions, judgeByCommand } from "./judge-by-command.ts";
import { type JudgedModel, type Judgement, judgeModels, type TaskOptions } from "./judge-models.ts";

export interface EvalOptions extends DataOptions, TaskOptions, Omit<CommandOptions, "seed"> {
  readonly models: readonly string[];
  readonly limit?: number | undefined;
  /** Images per timed run. */
  readonly batch: number;
  readonly threads: number;
  /** Timed runs of each network; unless given, 100, or with several until their shares are known (`SHARES`). */
  readonly repeats?: number | undefined;
  readonly optimisation: Optimisation;
  readonly latency: boolean;
}

/** How networks are judged where nobody says otherwise. */
export const EVALUATE_DEFAULTS = {
  batch: 1,
  threads: 1,
  optimisation: "all",
  latency: true,
} as const;

/** Accuracy on the same images and interleaved latencies of several networks. */
export async function evaluateModels(
  options: EvalOptions,
  context: RunContext,
): Promise<EvalReport> {
  for (const option of ["limit", "batch", "threads", "repeats", "items"] as const) {
    checkWhole(options[option], `--${option}`, 1);
  }
  const { batch, threads, optimisation } = options;
  const models = options.models.map(modelPath);
  const sessions: Session[] = [];
  try {
    const settings: SessionOptions = { threads, optimisation };
    for (const path of models) sessions.push(await openNamed(path, settings));
    if (options.latency) checkBatches(options, sessions);
    const prepared = await datasetFor(options, models, sessions, context);
    const dataset = prepared?.dataset ?? null;
    const classifiers = options.models.map((name, index) => ({
      name,
      session: at(sessions, index),
    }));
    const [first] = classifiers;
    const preprocessing =
      prepared === null || first === undefined
        ? null
        : await preprocessed(
            prepared,
            first,
            (choice) =>
              openDataset(options.data, {
                config: { ...prepared.resolved.config, ...choice },
                split: options.split,
              }),
            context,
          );
    const judged =
      dataset === null
        ? null
        : await judgeModels(classifiers, dataset, pairJudged(options, models, dataset), context);
    const byCommand = await judgeByCommand(models, options, context);
    const watched = watchMachine();
    const timings = options.latency ? await timed(sessions, options, context) : null;
    const results = options.models.map(
      (model, index): EvalResult => ({
        model,
        bytes: sizeOf(models[index] ?? model),
        accuracy: accuracyOf(judged, index),
        ...listed(judged?.models[index], byCommand?.[index]),
        latency: latencyOf(timings?.[index]),
      }),
    );
    return {
      schema: "mdp-eval/1",
      data: dataset?.path ?? null,
      images: judged?.samples ?? 0,
      preprocessing,
      task: judged?.task ?? (byCommand === null ? null : { name: "command", notes: [] }),
      runtime: `onnxruntime-node ${runtimeVersion()}`,
      batch,
      threads,
      optimisation,
      ...(options.latency ? { load: watched() } : {}),
      results,
    };
  } finally {
    for (const session of sessions) await session.close();
  }
}

function sizeOf(path: string): number {
  return isCompressed(path) ? modelBytes(path).byteLength : statSync(path).size;
}

/** Of classifiers, as shares; null for all else. */
function accuracyOf(judged: Judgement | null, index: number): EvalResult["accuracy"] {
  if (judged?.task.name !== "classification") return null;
  const value = (name: string): number =>
    judged.models[index]?.metrics.find((metric) => metric.name === name)?.value ?? 1;
  return { count: judged.samples, top1: value("top-1"), top5: value("top-5") };
}

function listed(
  judged: JudgedModel | undefined,
  byCommand: CommandJudged | undefined,
): Pick<EvalResult, "metrics" | "perClass" | "agreement" | "differences"> {
  if (judged === undefined && byCommand === undefined) return {};
  const { metrics = [], perClass = [], agreement = null, differences = null } = judged ?? {};
  const own = [differences, byCommand?.differences].filter((list) => list != null);
  return {
    metrics: [...metrics, ...(byCommand?.metrics ?? [])],
    perClass: [...perClass],
    agreement: agreement === null ? null : [...agreement],
    differences: own.length === 0 ? null : own.flat(),
  };
}

/**
 * Pairs without a target are judged by retrieval: the two embeddings of a network of two towers find each other. As asked otherwise.
 */
function pairJudged(
  options: EvalOptions,
  models: readonly string[],
  dataset: Dataset,
): TaskOptions & { readonly limit?: number | undefined } {
  const [first] = models;
  const isOpen =
    options.task === undefined && options.outputs === undefined && dataset.task === null;
  if (!isOpen || first === undefined || dataset.inputs.length < 2 || dataset.target !== null) {
    return options;
  }
  try {
    const model = judgedModel(readModel(first), first);
    const { pair } = modalitiesOf(model.graph);
    return { ...options, task: "retrieval", outputs: pair.join(",") };
  } catch (error) {
    if (error instanceof InputError && error.code.startsWith("importance/")) return options;
    throw error;
  }
}

/**
 * The runtime reads files itself, which it must where weights lie beside them, but none that are compressed. Of two networks that were joined the embeddings are
 * judged.
 */
function openNamed(path: string, settings: SessionOptions): Promise<Session> {
  if (joinedPair({ metadata: modelMetadata(path) }, path) !== null) {
    const judged = judgedModel(readModel(path), path);
    return openSession(Buffer.concat(serializeModel(judged)), { ...settings, where: path });
  }
  return openSession(isCompressed(path) ? modelBytes(path) : path, { ...settings, where: path });
}

interface DataOptions {
  readonly data?: string | undefined;
  readonly dataConfig?: string | undefined;
  readonly split?: string | undefined;
}

async function datasetFor(
  options: DataOptions,
  models: readonly string[],
  sessions: readonly Session[],
  context: RunContext,
): Promise<Prepared | null> {
  const { data, dataConfig, split } = options;
  if (data === undefined && dataConfig === undefined) return null;
  const sizeOf = (layout: "nchw" | "nhwc" | undefined): [number, number] | null =>
    networkSize(sessions, layout === "nhwc");
  const carried = models
    .map((path) => ({ path, said: carriedPreprocessing({ metadata: modelMetadata(path) }, path) }))
    .filter(({ said }) => Object.keys(said).length > 0);
  const each = carried.map(({ path, said }) => ({
    path,
    resolved: preparation(options, { carried: said, sizeOf }),
  }));
  const [first, ...others] = each;
  const resolved = first?.resolved ?? preparation(options, { carried: {}, sizeOf });
  const key = ({ said }: ResolvedPreprocessing): string => JSON.stringify(said);
  const other = others.find((one) => key(one.resolved) !== key(resolved));
  if (first !== undefined && other !== undefined) {
    throw preparedDifferently(first.path, resolved.said, other.path, other.resolved.said);
  }
  return { dataset: await openPrepared(data, resolved, { split }, context), resolved };
}

function preparedDifferently(
  path: string,
  said: Preprocessing,
  otherPath: string,
  otherSaid: Preprocessing,
): InputError {
  return new InputError({
    code: "data/preprocessing-differs",
    message: `The networks want their pictures prepared differently: '${path}' ${preprocessingText(said)}; '${otherPath}' ${preprocessingText(otherSaid)}.`,
    where: otherPath,
    hint: "Evaluate them one by one, or say with --data-config how the pictures are prepared for all.",
  });
}

function networkSize(sessions: readonly Session[], channelsLast: boolean): [number, number] | null {
  const pictures = sessions[0]?.inputs.find(({ shape }) => shape.length === 4);
  const [height, width] = pictures?.shape.slice(channelsLast ? 1 : 2) ?? [];
  return typeof height === "number" && typeof width === "number" && height > 0 && width > 0
    ? [height, width]
    : null;
}

/** At least so many runs, and up to four times as many until the standard error of each network's share of the first is at most 0.3 %. */
const SHARES = { repeats: 30, noise: 0.003, most: 4 } as const;

async function timed(
  sessions: readonly Session[],
  options: Pick<EvalOptions, "batch" | "repeats">,
  context: RunContext,
): Promise<SessionTurns[]> {
  const turns =
    options.repeats === undefined && sessions.length > 1
      ? SHARES
      : { repeats: options.repeats ?? 100, most: 1 };
  return timeSessions(
    sessions.map((session) => ({
      session,
      feeds: randomFeeds(session.inputs, { batch: options.batch }),
    })),
    {
      ...turns,
      signal: context.signal,
      onRound: (done, total) => context.progress.step("timing", done, total),
    },
  );
}

/** A network with a fixed batch can't be timed at another one. */
function checkBatches(options: EvalOptions, sessions: readonly Session[]): void {
  for (const [index, session] of sessions.entries()) {
    const fixed = session.inputs[0]?.shape[0];
    if (typeof fixed !== "number" || fixed <= 0 || fixed === options.batch) continue;
    throw new UsageError({
      code: "cli/fixed-batch",
      message: `The network is fixed to ${fixed} images per run, --batch asks for ${options.batch}.`,
      where: options.models[index],
      hint: `Use --batch ${fixed}, or --no-latency for the accuracy alone.`,
    });
  }
}

function latencyOf(turns: SessionTurns | undefined): EvalResult["latency"] {
  if (turns === undefined) return null;
  const { samplesMs: _, paces: __, ...latency } = turns;
  return latency;
}
