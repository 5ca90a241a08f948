import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { InterruptedError } from "../../core/errors.ts";
import { checkWritable, sha256 } from "../../core/files.ts";
import type { Progress } from "../../core/progress.ts";
import type { AugmentSpec } from "../../data/augment.ts";
import { channelCount } from "../../data/config.ts";
import type { Dataset } from "../../data/dataset.ts";
import { type Accuracy, evaluate } from "../../data/evaluate.ts";
import { firstSize } from "../../data/image-cache.ts";
import { openLoader } from "../../data/loader.ts";
import { withPreprocessing } from "../../data/preprocessing.ts";
import { writeDocument } from "../../documents/document.ts";
import {
  TRAINING,
  type TrainingPlan,
  type TrainingReport,
  type UsedData,
} from "../../documents/training.ts";
import { weightsAsInitializers } from "../../graph/constants.ts";
import type { Graph } from "../../graph/graph.ts";
import { elementCount } from "../../graph/tensor.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import { modelHash } from "../../onnx/read.ts";
import { serializeModel } from "../../onnx/write.ts";
import { runtimeVersion } from "../../runtime/onnxruntime.ts";
import { openSession } from "../../runtime/session.ts";
import { chooseNorms } from "../../training/choose-norms.ts";
import { randomWeights } from "../../training/initialise.ts";
import {
  checkImages,
  type Objective,
  objectiveOf,
  trainedValues,
} from "../../training/objective.ts";
import { runningStatistics, trainableParameters } from "../../training/parameters.ts";
import { checkBatches } from "../../training/plan.ts";
import { RUN_FILES, type TrainingJob, train } from "../../training/train.ts";
import { modelPath } from "../open/embedded.ts";
import { refuseFixedBatch } from "../open/opened-batch.ts";
import type { RunContext } from "../run-context.ts";
import { withFittingBatch } from "./fitting-batch.ts";
import { taughtBy } from "./taught-by.ts";
import { trainedPart } from "./trained-part.ts";
import { type NamedDataset, trainingSets } from "./training-data.ts";
import { augmentOf, recipeOf } from "./training-recipe.ts";
import type { TrainingSettings } from "./training-settings.ts";

/** The network that is trained. */
export interface TrainedNetwork {
  readonly name: string;
  readonly path: string;
  readonly hash: string;
  readonly embedded: boolean;
  readonly model: Model;
}

/** Images per run when a network is evaluated. */
const VALIDATION_BATCH = 64;

/** A run whose data are open and whose options are checked. */
export interface OpenTraining {
  readonly plan: TrainingPlan;
  readonly job: Pick<
    TrainingJob,
    "model" | "declared" | "teacher" | "data" | "recipe" | "target" | "outputs"
  >;
  /** Images to validate on. */
  readonly validation: Dataset | null;
  readonly train: NamedDataset;
}

/**
 * Trains a network into a folder, or goes on where the same command stopped.
 * @throws InterruptedError `training/interrupted` after Ctrl-C; everything is saved
 * @throws UsageError, InputError as `recipeOf`, `trainingSets`, `openLoader` and `train`
 */
export function runTraining(
  kind: TrainingReport["kind"],
  network: TrainedNetwork,
  options: TrainingSettings,
  context: RunContext,
): Promise<TrainingReport> {
  const startedAt = performance.now();
  return withTraining(kind, network, options, context, ({ plan, job, validation }) => {
    context.onEvent({ kind: "training", plan, validates: options.validate });
    return runJob(plan, job, validation, options, context, startedAt);
  });
}

/**
 * Opens what a run needs, checks all of it, and closes it in the end.
 * @param opens whether a batch that the file fixes at 1 is opened; true unless given
 */
export async function withTraining<Result>(
  kind: TrainingReport["kind"],
  network: TrainedNetwork,
  options: TrainingSettings,
  context: RunContext,
  use: (training: OpenTraining) => Promise<Result>,
  { opens = true }: { readonly opens?: boolean } = {},
): Promise<Result> {
  const asked = recipeOf(options);
  checkWritable(join(options.out, RUN_FILES.last));
  const outputs = options.outputs?.split(",").map((name) => name.trim());
  const { model: opened, teacher } = await trainedPart(
    network.model,
    options.teacher,
    { outputs, opens },
    context,
  );
  const graph = weightsAsInitializers(opened.graph);
  const sets = await trainingSets(options, network, context);
  const { dataset, path, config, split } = sets.train;
  const taught = await taughtBy(dataset, graph, asked, { options, outputs });
  const { target } = taught;
  const fitting =
    options.fits === true
      ? withFittingBatch(taught.recipe, graph, dataset.count)
      : { recipe: taught.recipe, note: null };
  const { recipe } = fitting;
  refuseFixedBatch(opened, recipe.batch, network.path);
  for (const note of [...taught.notes, fitting.note]) {
    if (note !== null) context.progress.note(note);
  }
  // What the network can't be trained for is said before the images are decoded.
  const objective = objectiveOf(graph, teacher?.graph ?? null, recipe.loss, { target, outputs });
  const augment = await augmentFor(dataset, options);
  const open = { path, options: { config, split }, limit: options.images };
  const { workers: threads } = options;
  const { progress } = context;
  const loader = await openLoader(dataset, { augment, seed: recipe.seed, threads, open, progress });
  try {
    checkImages(graph, objective, loader);
    checkBatches(recipe, loader);
    const plan: TrainingPlan = {
      ...(await provenance(kind, network, options, context)),
      ...planned(graph, objective),
      data: usedData(sets.train),
      validation:
        sets.validation === null || taught.task !== "classification"
          ? null
          : usedData(sets.validation),
      imageShape: loader.imageShape,
      recipe,
      augment,
    };
    const weights = kind === "train" ? randomWeights(graph, recipe.seed) : graph;
    const model = withPreprocessing(withGraph(network.model, weights), sets.preprocessing);
    const isOpened = opened !== network.model;
    const declared = isOpened ? weightsAsInitializers(network.model.graph) : null;
    const job = { model, declared, teacher, data: loader, recipe, target, outputs };
    return await use({
      plan,
      job,
      // Other tasks are judged by `mdp eval`: validation knows classes alone.
      validation: taught.task === "classification" ? (sets.validation?.dataset ?? null) : null,
      train: sets.train,
    });
  } finally {
    await loader.close();
  }
}

/** How pictures are varied: not at all where their targets or further inputs would have to move with them. */
async function augmentFor(dataset: Dataset, options: TrainingSettings): Promise<AugmentSpec> {
  const moves = dataset.others === null && dataset.pictures !== null;
  const { height, width } = moves ? await firstSize(dataset) : { height: 0, width: 0 };
  const channels = moves ? channelCount(dataset.config) : 1;
  const form = { channels, side: Math.min(height, width) };
  return augmentOf(moves ? options : { ...options, flip: options.flip ?? "none" }, form);
}

/**
 * Trains in the options' folder and writes its report there.
 * @param startedAt when the command began, by `performance.now`
 */
export async function runJob(
  plan: TrainingPlan,
  job: OpenTraining["job"] & Pick<TrainingJob, "afterStep">,
  images: Dataset | null,
  { out, threads, restart, norms }: Pick<TrainingSettings, "out" | "threads" | "restart" | "norms">,
  { progress, signal }: RunContext,
  startedAt = performance.now(),
): Promise<TrainingReport> {
  const file = (name: string): string => join(out, name);
  const checkpoint = file(RUN_FILES.checkpoint);
  if (restart) rmSync(checkpoint, { force: true });
  const start = norms === "auto" ? await withNorms(job, threads, progress) : job;
  const { recipe } = start;
  let validationMs = 0;
  const validate =
    images === null
      ? null
      : async (model: Model): Promise<Accuracy> => {
          const began = performance.now();
          const accuracy = await accuracyOf(model, images, threads);
          validationMs += performance.now() - began;
          return accuracy;
        };
  const measures = plan.kind === "finetune" && validate !== null && !existsSync(checkpoint);
  const before = measures ? await validate(job.model) : null;
  if (before !== null) progress.note(`before: validation ${(100 * before.top1).toFixed(2)} %`);
  const key = keyOf({ ...plan, recipe });
  const beforeEpochs = performance.now();
  const validatedBefore = validationMs;
  const result = await train({
    ...start,
    folder: out,
    threads,
    validate,
    key,
    progress,
    signal,
  });
  const epochsMs = performance.now() - beforeEpochs - (validationMs - validatedBefore);
  if (result.end === "interrupted") throw interrupted(result.epochs, job.recipe.epochs, out);
  const report: TrainingReport = {
    ...plan,
    recipe,
    end: result.end,
    before,
    best: result.best,
    history: result.history,
    seconds: {
      total: (performance.now() - startedAt) / 1000,
      training: epochsMs / 1000,
      validation: validationMs / 1000,
    },
    files: {
      last: file(RUN_FILES.last),
      best: result.best === null ? null : file(RUN_FILES.best),
      metrics: file(RUN_FILES.metrics),
      events: file("events"),
    },
  };
  writeDocument(TRAINING, file("training.json"), report);
  return report;
}

/** The job with norms as they suit the network. */
async function withNorms<Job extends OpenTraining["job"]>(
  job: Job,
  threads: number,
  progress: Progress,
): Promise<Job> {
  const { norms, model, matched } = await chooseNorms({ ...job, threads });
  if (matched) {
    progress.note(
      "BatchNormalization's statistics are matched to the network first: with those it has, batches begin with a higher loss.",
    );
  }
  if (norms === "frozen") {
    progress.note(
      "BatchNormalization keeps its statistics: with those of each batch the loss begins higher (--norms).",
    );
  }
  return { ...job, model, recipe: { ...job.recipe, norms } };
}

type Provenance = Pick<
  TrainingPlan,
  "schema" | "kind" | "command" | "network" | "teacher" | "runtime" | "threads"
>;

async function provenance(
  kind: TrainingReport["kind"],
  { name, path, hash }: TrainedNetwork,
  { teacher, threads }: TrainingSettings,
  { commandLine }: RunContext,
): Promise<Provenance> {
  return {
    schema: "mdp-training/1",
    kind,
    command: commandLine,
    network: { name, path, hash },
    teacher:
      teacher === undefined ? null : { path: teacher, hash: await modelHash(modelPath(teacher)) },
    runtime: `onnxruntime-node ${runtimeVersion()}`,
    threads,
  };
}

/** What a plan says of the network itself. */
export function planned(
  graph: Graph,
  objective: Objective,
): Pick<TrainingPlan, "parameters" | "batchNorms" | "features"> {
  const trained = trainableParameters(graph, trainedValues(objective));
  return {
    parameters: trained.reduce((sum, { shape }) => sum + elementCount(shape), 0),
    batchNorms: runningStatistics(graph).length / 2,
    features: objective.features.map(({ name }) => name),
  };
}

/** A checkpoint is continued by a run that would have made it. */
function keyOf(plan: TrainingPlan): string {
  const { kind, network, teacher, data, validation, recipe, augment } = plan;
  return sha256(
    JSON.stringify([kind, network.hash, teacher?.hash, data, validation, recipe, augment]),
  );
}

function usedData({ dataset, split }: NamedDataset): UsedData {
  return { path: dataset.path, split: split ?? null, images: dataset.count };
}

async function accuracyOf(model: Model, dataset: Dataset, threads: number): Promise<Accuracy> {
  const bytes = new Uint8Array(Buffer.concat(serializeModel(model)));
  const session = await openSession(bytes, { threads });
  try {
    const [accuracy] = await evaluate([{ name: "the trained network", session }], dataset, {
      batch: VALIDATION_BATCH,
    });
    return accuracy ?? { count: 0, top1: Number.NaN, top5: Number.NaN };
  } finally {
    await session.close();
  }
}

function interrupted(epoch: number, epochs: number, folder: string): InterruptedError {
  return new InterruptedError({
    code: "training/interrupted",
    message: `Stopped in epoch ${epoch + 1} of ${epochs}; everything is saved.`,
    where: folder,
    hint: "The same command goes on from there.",
  });
}
