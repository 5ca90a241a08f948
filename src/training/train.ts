import { join } from "node:path";
import { InputError } from "../core/errors.ts";
import type { Progress } from "../core/progress.ts";
import { weightsAsInitializers } from "../graph/constants.ts";
import type { Graph } from "../graph/graph.ts";
import { type Model, withGraph } from "../onnx/model.ts";
import { writeModel } from "../onnx/write.ts";
import type { TrainingBatch, TrainingData, Validation } from "./batches.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { type EpochMetrics, epochLine, epochMetrics, writeMetrics } from "./metrics.ts";
import { checkImages, type ObjectiveOptions, objectiveOf, trainedValues } from "./objective.ts";
import { checkBatches, type Plan, plannedRate, planOf } from "./plan.ts";
import { checkRecipe, type Recipe } from "./recipe.ts";
import { startState, type TrainingState } from "./state.ts";
import { openStepper, type Stepper } from "./stepper.ts";
import { type EventFile, openEventFile } from "./tensorboard.ts";

/** What is trained, on what, how, and where results go. */
export interface TrainingJob extends ObjectiveOptions {
  /** The network with the weights to start from. */
  readonly model: Model;
  /** The network as its file has it, where `model` had its batch opened; null or left out: as `model`. */
  readonly declared?: Graph | null;
  /** The network whose outputs it should come near to; null where labels alone teach. */
  readonly teacher: Model | null;
  readonly data: TrainingData;
  readonly recipe: Recipe;
  /** Folder for last.onnx, best.onnx, checkpoint.bin, metrics.csv and TensorBoard's events. */
  readonly folder: string;
  /** Threads inside one operation of the runtime. */
  readonly threads: number;
  /** Tells how good a network is, after every epoch; null: nothing is measured, and there is no best. */
  readonly validate: ((model: Model) => Promise<Validation>) | null;
  /** Names networks, data and options: a checkpoint is continued by a run with the same key only. */
  readonly key: string;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
  /** Seconds between checkpoints inside an epoch; 60 unless given. */
  readonly saveEverySeconds?: number | undefined;
  /** Called after every step of the optimiser, before anything else sees the weights. */
  readonly afterStep?: ((state: TrainingState, step: number) => void) | undefined;
}

/** How a run ended. */
export interface TrainingResult {
  readonly end: "finished" | "stopped-early" | "interrupted";
  /** Epochs that are finished. */
  readonly epochs: number;
  readonly history: readonly EpochMetrics[];
  readonly best: { readonly epoch: number; readonly top1: number } | null;
  /** Epoch and batch at which an earlier part of the run had stopped; null where the run began now. */
  readonly resumed: { readonly epoch: number; readonly batches: number } | null;
  /** The network with the weights of the last step (or their average). */
  readonly model: Model;
}

/** Files of a run, relative to its folder. */
export const RUN_FILES = {
  last: "last.onnx",
  best: "best.onnx",
  checkpoint: "checkpoint.bin",
  metrics: "metrics.csv",
} as const;

/**
 * Trains a network. The run can be stopped at any time, by the signal or by force, and goes on from its last checkpoint when it
 * is started again with the same job: the result is the same to the bit as without the break.
 * @throws InputError `training/diverged` where the loss is no number; the last checkpoint stays
 * @throws InputError `training/batch-too-large`, `training/other-run`, `core/write-failed`, and as
 * `objectiveOf` and `differentiate`
 * @throws UsageError `training/bad-recipe`
 */
export async function train(job: TrainingJob): Promise<TrainingResult> {
  const recipe = checkRecipe(job.recipe);
  checkBatches(recipe, job.data);
  const path = join(job.folder, RUN_FILES.checkpoint);
  const checkpoint = readCheckpoint(path);
  if (checkpoint !== null && checkpoint.key !== job.key) throw otherRun(path);
  const graph = weightsAsInitializers(job.model.graph);
  const objective = objectiveOf(graph, job.teacher?.graph ?? null, recipe.loss, job);
  checkImages(graph, objective, job.data);
  const plan = planOf(recipe, job.data.count);
  const steps = plan.stepsBefore.at(-1) ?? 1;
  const state = startState(graph, trainedValues(objective), recipe, checkpoint, steps);
  const stepper = await openStepper(graph, objective, state, job);
  const events = openEventFile(join(job.folder, "events"), checkpoint?.steps ?? 0);
  const run: Run = {
    job,
    state,
    stepper,
    events,
    plan,
    sums: { ...(checkpoint?.sums ?? {}) },
    history: [...(checkpoint?.history ?? [])],
    best: checkpoint?.best ?? null,
    epoch: checkpoint?.epoch ?? 0,
    batches: checkpoint?.batches ?? 0,
    secondsBefore: checkpoint?.seconds ?? 0,
    startedAt: performance.now(),
    savedAt: performance.now(),
  };
  const resumed =
    checkpoint === null ? null : { epoch: checkpoint.epoch, batches: checkpoint.batches };
  try {
    const end = await runEpochs(run);
    const { history, best, epoch } = run;
    return { end, epochs: epoch, history, best, resumed, model: writtenModel(run) };
  } finally {
    events.close();
    await stepper.close();
  }
}

/** What changes while a run goes on. */
interface Run {
  readonly job: TrainingJob;
  readonly state: TrainingState;
  readonly stepper: Stepper;
  readonly events: EventFile;
  readonly plan: Plan;
  /** Sums over the batches of this epoch. */
  sums: Record<string, number>;
  readonly history: EpochMetrics[];
  best: { readonly epoch: number; readonly top1: number } | null;
  epoch: number;
  batches: number;
  readonly secondsBefore: number;
  readonly startedAt: number;
  savedAt: number;
}

async function runEpochs(run: Run): Promise<TrainingResult["end"]> {
  const { recipe } = run.job;
  while (run.epoch < recipe.epochs) {
    if ((await runEpoch(run)) === "interrupted") return "interrupted";
    await finishEpoch(run);
    if (isStuck(run)) return "stopped-early";
  }
  return "finished";
}

async function runEpoch(run: Run): Promise<"done" | "interrupted"> {
  const { job, plan, state, epoch } = { ...run, epoch: run.epoch };
  const size = plan.sizes[epoch] ?? 1;
  const total = plan.batches[epoch] ?? 0;
  for await (const batch of batchesFrom(run, size)) {
    await takeBatch(run, batch);
    run.batches += 1;
    const whole = run.batches % job.recipe.accumulate === 0 || run.batches === total;
    if (!whole) continue;
    moveWeights(run);
    job.afterStep?.(state, state.steps());
    if (job.signal?.aborted) {
      save(run);
      return "interrupted";
    }
    const since = (performance.now() - run.savedAt) / 1000;
    if (since > (job.saveEverySeconds ?? 60) && run.batches < total) save(run);
  }
  return "done";
}

/** The batches that are left of the epoch; the time spent waiting for them counts as overhead. */
async function* batchesFrom(run: Run, size: number): AsyncGenerator<TrainingBatch> {
  let last = performance.now();
  for await (const batch of run.job.data.epoch(run.epoch, size, run.batches)) {
    yield batch;
    const now = performance.now();
    add(run, "milliseconds", now - last);
    last = now;
  }
}

async function takeBatch(run: Run, batch: TrainingBatch): Promise<void> {
  const { stepper, state, job, plan } = run;
  const result = await stepper.run(batch);
  if (!Number.isFinite(result.loss)) throw diverged(run, "loss", result.loss);
  state.accumulate(result.gradients);
  state.measure(result.batchNorms);
  add(run, "images", batch.size);
  add(run, "loss", result.loss * batch.size);
  for (const [part, value] of Object.entries(result.parts)) add(run, part, value * batch.size);
  if (result.hits !== null) add(run, "hits", result.hits);
  add(run, "runMilliseconds", result.runMilliseconds);
  const perEpoch = plan.batches[run.epoch] ?? 1;
  const milliseconds = run.sums["milliseconds"] ?? 0;
  const pace = (1000 * ((run.sums["images"] ?? 0) - batch.size)) / milliseconds;
  job.progress.step(
    "training",
    run.epoch * perEpoch + run.batches + 1,
    job.recipe.epochs * perEpoch,
    `epoch ${run.epoch + 1}${milliseconds > 0 ? `, ${pace.toFixed(0)} images/s` : ""}`,
  );
}

function moveWeights(run: Run): void {
  const { state, plan, job, events } = run;
  const step = state.steps();
  const rate = plannedRate(plan, job.recipe, step);
  const norm = state.move(rate);
  if (!Number.isFinite(norm)) throw diverged(run, "norm of the gradients", norm);
  const images = run.sums["images"] ?? 1;
  events.write(step + 1, {
    rate,
    "gradient norm": norm,
    "loss so far": (run.sums["loss"] ?? 0) / images,
  });
}

async function finishEpoch(run: Run): Promise<void> {
  const { job, state, sums } = run;
  const model = currentModel(run);
  const validation = job.validate === null ? null : await job.validate(model);
  const metrics = epochMetrics(sums, {
    epoch: run.epoch + 1,
    step: state.steps(),
    rate: plannedRate(run.plan, job.recipe, state.steps() - 1),
    batch: run.plan.sizes[run.epoch] ?? 1,
    validation,
    seconds: secondsSoFar(run),
  });
  run.history.push(metrics);
  run.epoch += 1;
  run.batches = 0;
  run.sums = {};
  if (validation !== null && (run.best === null || validation.top1 > run.best.top1)) {
    run.best = { epoch: run.epoch, top1: validation.top1 };
    writeModel(writtenModel(run), join(job.folder, RUN_FILES.best));
  }
  writeModel(writtenModel(run), join(job.folder, RUN_FILES.last));
  save(run);
  writeMetrics(job.folder, run.history);
  const { step: _step, epoch: _epoch, ...figures } = metrics;
  const scalars = Object.entries(figures).flatMap(([name, value]) =>
    value === null ? [] : [[`epoch/${name}`, value] as const],
  );
  run.events.write(state.steps(), Object.fromEntries(scalars));
  job.progress.note(epochLine(metrics, job.recipe.epochs, sums["images"] ?? 0));
}

function currentModel({ state, job }: Run): Model {
  return withGraph(job.model, state.graph());
}

/** The network as its file has it, with the weights that were trained. */
function writtenModel(run: Run): Model {
  const { model, declared = null } = run.job;
  const graph = run.state.graph();
  if (declared === null) return withGraph(model, graph);
  const initializers = new Map(
    [...declared.initializers].map(([name, own]) => [name, graph.initializers.get(name) ?? own]),
  );
  return withGraph(model, { ...declared, initializers });
}

function isStuck({ job, best, epoch }: Run): boolean {
  const { patience } = job.recipe;
  return patience !== null && best !== null && epoch - best.epoch >= patience;
}

function save(run: Run): void {
  const { job, state, epoch, batches, best, sums, history } = run;
  const seconds = secondsSoFar(run);
  const arrays = state.arrays();
  writeCheckpoint(join(job.folder, RUN_FILES.checkpoint), {
    ...{ key: job.key, epoch, batches, best, seconds, sums, history, arrays },
    steps: state.steps(),
  });
  run.savedAt = performance.now();
}

function secondsSoFar({ secondsBefore, startedAt }: Run): number {
  return secondsBefore + (performance.now() - startedAt) / 1000;
}

function add(run: Run, name: string, value: number): void {
  run.sums[name] = (run.sums[name] ?? 0) + value;
}

function otherRun(path: string): InputError {
  return new InputError({
    code: "training/other-run",
    message:
      "The folder holds the checkpoint of another run: network, teacher, data or options differ.",
    where: path,
    hint: "Give another --out folder, go on with the same options, or start again with --restart.",
  });
}

function diverged(run: Run, what: string, value: number): InputError {
  const { epoch, batches, state, job } = run;
  const kept =
    epoch === 0
      ? "no epoch was finished before"
      : `${RUN_FILES.last} and ${RUN_FILES.checkpoint} are those after epoch ${epoch}`;
  return new InputError({
    code: "training/diverged",
    message: `The ${what} is ${value} at step ${state.steps() + 1} (epoch ${epoch + 1}, batch ${batches + 1}); training stopped, ${kept}.`,
    where: job.folder,
    hint: "Lower --lr or --clip, or warm up with --warmup 1.",
  });
}
