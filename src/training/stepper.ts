import { InternalError } from "../core/errors.ts";
import { convolutionBlock } from "../gradients/block-size.ts";
import { blockedConvolutions } from "../gradients/blocked.ts";
import { differentiate } from "../gradients/differentiate.ts";
import { parametersAsInputs } from "../gradients/parameters.ts";
import { staticGraph } from "../gradients/static-graph.ts";
import { type BatchStatistics, trainingMode } from "../gradients/training-mode.ts";
import type { Graph } from "../graph/graph.ts";
import { inferShapes } from "../graph/shapes/infer.ts";
import { type Model, modelOf, withGraph } from "../onnx/model.ts";
import { serializeModel } from "../onnx/write.ts";
import { bindFeeds } from "../runtime/bind-feeds.ts";
import { type Feed, type Feeds, openSession, type Session } from "../runtime/session.ts";
import type { TrainingBatch } from "./batches.ts";
import { addLoss, type LossGraph } from "./loss-terms.ts";
import type { Objective } from "./objective.ts";
import type { Recipe } from "./recipe.ts";
import type { MeasuredNorm, TrainingState } from "./state.ts";
import { hitsOf, softTargets } from "./targets.ts";

/** What one batch came to. */
export interface StepResult {
  readonly loss: number;
  /** The parts of the loss before they are weighted. */
  readonly parts: Readonly<Record<string, number>>;
  /** Images whose own label got the highest score; null where the network gives no class scores. */
  readonly hits: number | null;
  /** In the order of the state's parameters. */
  readonly gradients: readonly Float32Array[];
  readonly batchNorms: readonly MeasuredNorm[];
  /** Time that the networks ran. */
  readonly runMilliseconds: number;
}

/** Runs batches through a network forwards and backwards. Close it: it holds sessions. */
export interface Stepper {
  readonly run: (batch: TrainingBatch) => Promise<StepResult>;
  readonly close: () => Promise<void>;
}

export interface StepperOptions {
  readonly teacher: Model | null;
  readonly recipe: Recipe;
  readonly threads: number;
}

/**
 * Prepares a network for training: its gradient as a network of its own, whose weights are fed at every run.
 * @throws InputError as `differentiate`, before anything runs
 */
export async function openStepper(
  graph: Graph,
  objective: Objective,
  state: TrainingState,
  { teacher, recipe, threads }: StepperOptions,
): Promise<Stepper> {
  // Weights that are fed keep the runtime from its fastest convolutions; they are placed by hand where they work.
  const block = await convolutionBlock();
  const opened = new Map<number, Promise<OpenedStep>>();
  const at = (size: number): Promise<OpenedStep> => {
    const known = opened.get(size);
    if (known !== undefined) return known;
    const made = openAt(size, {
      graph,
      state,
      teacher,
      objective,
      threads,
      block,
      norms: recipe.norms,
    });
    opened.set(size, made);
    return made;
  };
  // What can't be differentiated is found before the first batch is prepared.
  await at(recipe.batch[0] ?? 1);
  return {
    run: async (batch) => runStep(await at(batch.size), batch, state, objective),
    close: async () => {
      for (const step of opened.values()) await (await step).close();
    },
  };
}

/** Sessions for one batch size. */
interface OpenedStep {
  readonly session: Session;
  readonly teacher: Session | null;
  readonly training: TrainingGraph;
  readonly close: () => Promise<void>;
}

interface StepParts {
  readonly graph: Graph;
  readonly state: TrainingState;
  readonly teacher: Model | null;
  readonly objective: Objective;
  readonly threads: number;
  readonly norms: Recipe["norms"];
  /** Channels per block of the runtime's fastest convolutions; null where they don't work. */
  readonly block: number | null;
}

async function openAt(size: number, parts: StepParts): Promise<OpenedStep> {
  const { teacher, objective, threads, block } = parts;
  const asked = objective.fromTeacher.length > 0 && teacher !== null;
  const guide = asked ? teacherGraph(teacher.graph, objective, size) : null;
  const shapes = guide === null ? null : inferShapes(guide);
  const training = trainingGraph(parts, size, (name) => shapes?.resolved(name) ?? []);
  const fast = block === null ? training.graph : blockedConvolutions(training.graph, block);
  const session = await openSession(bytesOf(modelOf(fast)), {
    threads,
    where: "training step",
  });
  const teacherSession =
    guide === null || teacher === null
      ? null
      : await openSession(bytesOf(withGraph(teacher, guide)), { threads, where: "teacher" });
  return {
    session,
    teacher: teacherSession,
    training,
    close: async () => {
      await session.close();
      await teacherSession?.close();
    },
  };
}

function bytesOf(model: Model): Uint8Array {
  return new Uint8Array(Buffer.concat(serializeModel(model)));
}

/** The teacher at one batch size, with every value that is compared as an output. */
function teacherGraph(graph: Graph, { fromTeacher }: Objective, size: number): Graph {
  const fixed = staticGraph(graph, { batch: size });
  const outputs = fromTeacher.map((name) => ({ name, type: "float32" as const, shape: null }));
  return { ...fixed, outputs };
}

interface TrainingGraph extends LossGraph {
  /** Outputs with the gradients, in the order of the state's parameters. */
  readonly gradients: readonly string[];
  readonly batchNorms: readonly BatchStatistics[];
}

/** The network in training mode at one batch size, with its loss and the gradients by every weight. */
function trainingGraph(
  { graph, state, objective, norms }: StepParts,
  size: number,
  teacherShapes: (name: string) => readonly number[],
): TrainingGraph {
  const names = state.parameters.parts.map(({ name }) => name);
  const fixed = staticGraph(graph, { batch: size });
  const mode = norms === "batch" ? trainingMode(fixed) : { graph: fixed, batchNorms: [] };
  const lossy = addLoss(mode.graph, objective, teacherShapes);
  const made = differentiate(lossy.graph, { loss: lossy.loss, withRespectTo: names });
  const fed = parametersAsInputs(made.graph, names);
  const wanted = new Set([
    lossy.loss,
    ...lossy.parts.values(),
    ...made.gradients.values(),
    ...mode.batchNorms.flatMap(({ batchMean, batchVariance }) => [batchMean, batchVariance]),
    ...(objective.scores === null ? [] : [objective.scores.name]),
  ]);
  const known = new Map(fed.outputs.map((output) => [output.name, output]));
  // The scores before a softmax (or a renaming) at the end are no output of the network.
  const outputs = [...wanted].map(
    (name) => known.get(name) ?? { name, type: "float32" as const, shape: null },
  );
  return {
    ...lossy,
    graph: { ...fed, outputs },
    gradients: names.map((name) => made.gradients.get(name) ?? ""),
    batchNorms: mode.batchNorms,
  };
}

async function runStep(
  { session, teacher, training }: OpenedStep,
  batch: TrainingBatch,
  state: TrainingState,
  { inputs, scores, loss, target }: Objective,
): Promise<StepResult> {
  const fed = bindFeeds(inputs, batch, "training data");
  const feeds: Record<string, Feed> = { ...fed, ...(target?.feeds(batch) ?? {}) };
  if (training.targets !== null && scores !== null) {
    const data = softTargets(batch, scores.classes, loss.labelSmoothing);
    feeds[training.targets] = { type: "float32", shape: [batch.size, scores.classes], data };
  }
  for (const { name, start, end, shape } of state.parameters.parts) {
    feeds[name] = { type: "float32", shape, data: state.weights.subarray(start, end) };
  }
  const began = performance.now();
  if (teacher !== null) {
    const wanted = await teacher.run(fed);
    for (const [name, as] of training.fromTeacher) feeds[as] = wanted[name] as Feed;
  }
  const outputs = await session.run(feeds);
  const runMilliseconds = performance.now() - began;
  const numbers = (name: string): Float32Array => floatsIn(outputs, name);
  return {
    loss: numbers(training.loss)[0] ?? Number.NaN,
    parts: Object.fromEntries(
      [...training.parts].map(([part, name]) => [part, numbers(name)[0] ?? Number.NaN]),
    ),
    hits:
      scores === null || training.targets === null
        ? null
        : hitsOf(numbers(scores.name), batch.labels, scores.classes),
    gradients: training.gradients.map(numbers),
    batchNorms: training.batchNorms.map((norm) => ({
      norm,
      mean: numbers(norm.batchMean),
      variance: numbers(norm.batchVariance),
    })),
    runMilliseconds,
  };
}

function floatsIn(outputs: Feeds, name: string): Float32Array {
  const output = outputs[name];
  if (output?.type === "float32") return output.data;
  throw new InternalError({
    code: "training/no-output",
    message: `The training step gave no '${name}'.`,
  });
}
