import { join } from "node:path";
import { checkWritable, sha256, writeFileAtomic } from "../../core/files.ts";
import { writeDocument } from "../../documents/document.ts";
import { PROOF } from "../../documents/proof.ts";
import type { TrainingReport } from "../../documents/training.ts";
import { latencyBudget } from "../../formulation/network/latency-budget.ts";
import type { Graph } from "../../graph/graph.ts";
import { type ImportanceMethod, importanceText } from "../../importance/importance.ts";
import { predictNetwork } from "../../latency/predict-network.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import { readModel } from "../../onnx/read.ts";
import { writeModel } from "../../onnx/write.ts";
import { findStructure } from "../../structure/find-structure.ts";
import { cutGraph } from "../../subnet/cut.ts";
import { proveCut } from "../../subnet/prove.ts";
import { keepAll, type Subnet } from "../../subnet/subnet.ts";
import { objectiveOf, trainedValues } from "../../training/objective.ts";
import { gather, layOut, scatter, trainableParameters } from "../../training/parameters.ts";
import type { Recipe } from "../../training/recipe.ts";
import { applyMask, keptWeights } from "../../training/soft-mask.ts";
import { RUN_FILES } from "../../training/train.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import { SCORE_DEFAULTS, scoreOpened } from "../score/score-network.ts";
import { solveNetwork } from "../solve/solve-network.ts";
import { solveNetworkOptions } from "../solve/solve-settings.ts";
import { reportOf, writeSubnet } from "../solve/solved-report.ts";
import { type TableSource, tableFor } from "../tables/table-source.ts";
import { type OpenTraining, planned, runJob, withTraining } from "./run-training.ts";
import type { TrainingSettings } from "./training-settings.ts";

/** The options of `mdp finetune --schedule`. */
export interface ScheduleOptions extends TrainingSettings {
  readonly schedule: number;
  readonly budget: string;
  readonly device: string | undefined;
  readonly table: string | undefined;
  readonly method: ImportanceMethod;
}

/**
 * Soft pruning while training, as HALP and MDP do it: in each of `--schedule` steps units are scored again on the network as it
 * is by now, a subnet is chosen within a budget that falls from the whole latency to the one asked for, what it leaves out is
 * set to zero, and the whole network is trained on. Then the last subnet is cut out, and trained for the epochs that are left.
 * Every step is a folder that resumes on its own.
 */
export function pruneWhileTraining(
  open: OpenNetwork,
  options: ScheduleOptions,
  context: RunContext,
): Promise<TrainingReport> {
  const startedAt = performance.now();
  const source = tableFor(open, { ...options, batch: undefined, commandLine: context.commandLine });
  return withTraining(
    "finetune",
    open,
    options,
    context,
    async (training) => {
      context.onEvent({ kind: "training", plan: training.plan, validates: true });
      const epochs = epochsOf(options);
      const dense = predictNetwork(source.table, open.structure, keepAll(open.structure)).ms;
      const target = await latencyBudget(options.budget, dense);
      let model = training.job.model;
      let subnet = keepAll(open.structure);
      for (let step = 1; step <= options.schedule; step += 1) {
        // Equal factors, so that each step takes the same share of what is left.
        const budgetMs = dense * (target / dense) ** (step / options.schedule);
        const folder = join(options.out, `step-${step}`);
        const stage = { open: withModel(open, model), source, folder, budgetMs };
        subnet = await chooseSubnet(stage, training, options, context);
        context.progress.note(
          `step ${step} of ${options.schedule}: ${subnetText(subnet, budgetMs)}`,
        );
        const soft = { ...training.job.recipe, epochs: epochs.soft };
        const first = (step - 1) * epochs.soft;
        model = await trainSoftly(
          stage,
          subnet,
          { training, recipe: soft, first },
          options,
          context,
        );
      }
      const cut = await cutOut(withModel(open, model), subnet, options);
      const last: Recipe = { ...training.job.recipe, epochs: epochs.last };
      const rest = laterEpochs(training, options.schedule * epochs.soft);
      const plan = {
        ...training.plan,
        ...planned(cut.graph, objectiveOf(cut.graph, rest.teacher?.graph ?? null, last.loss, rest)),
        network: { ...training.plan.network, hash: hashOfWeights(cut) },
        recipe: last,
      };
      const job = { ...rest, model: cut, recipe: last };
      return runJob(plan, job, training.validation, options, context, startedAt);
    },
    { opens: false },
  );
}

/** Half of the epochs, and at least one per step, go to the steps; at least one is left for the end. */
function epochsOf({ epochs, schedule }: ScheduleOptions): {
  readonly soft: number;
  readonly last: number;
} {
  const soft = Math.max(1, Math.floor(epochs / 2 / schedule));
  return { soft, last: Math.max(1, epochs - soft * schedule) };
}

interface Stage {
  readonly open: OpenNetwork;
  readonly source: TableSource;
  readonly folder: string;
  readonly budgetMs: number;
}

function withModel(open: OpenNetwork, model: Model): OpenNetwork {
  return {
    ...open,
    model,
    structure: findStructure(model.graph, { bind: open.structure.bind }),
    hash: hashOfWeights(model),
  };
}

function hashOfWeights({ graph }: Model): string {
  const parts = [...graph.initializers].map(
    ([name, tensor]) => `${name} ${sha256(tensor.bytes())}`,
  );
  return sha256(parts.join("\n"));
}

async function chooseSubnet(
  { open, source, folder, budgetMs }: Stage,
  { train }: OpenTraining,
  options: ScheduleOptions,
  context: RunContext,
): Promise<Subnet> {
  const path = join(folder, "importance.json");
  checkWritable(path);
  const importance = await scoreOpened(
    open,
    {
      ...SCORE_DEFAULTS,
      method: options.method,
      seed: options.seed,
      threads: options.threads,
      data: train.path,
      dataConfig: options.dataConfig,
      split: train.split,
    },
    context,
  );
  writeFileAtomic(path, importanceText(importance));
  const started = performance.now();
  const wanted = solveNetworkOptions(
    {
      ...{ budget: `${budgetMs}ms`, importance: path, maxPrune: 0.95, gap: 0 },
      // A bypassed layer can't be trained as if it were still there.
      ...{ blocks: true, layers: false },
    },
    source.table.step,
  );
  const solved = await solveNetwork(open, source, wanted, context);
  const total = (performance.now() - started) / 1000;
  const report = reportOf({ open, source, wanted, solved, read: 0, total });
  writeSubnet(join(folder, "subnet.json"), open, solved, report);
  return solved.subnet;
}

interface SoftPart {
  readonly training: OpenTraining;
  readonly recipe: Recipe;
  /** Epochs that other steps have taken. */
  readonly first: number;
}

async function trainSoftly(
  { open, folder }: Stage,
  subnet: Subnet,
  { training, recipe, first }: SoftPart,
  options: ScheduleOptions,
  context: RunContext,
): Promise<Model> {
  const { graph } = open.model;
  const job = laterEpochs(training, first);
  const objective = objectiveOf(graph, job.teacher?.graph ?? null, recipe.loss, job);
  const layout = layOut(trainableParameters(graph, trainedValues(objective)));
  const mask = keptWeights(open.structure, subnet, layout);
  const weights = gather(graph, layout);
  applyMask(weights, mask);
  const model = withGraph(open.model, scatter(graph, layout, weights));
  const plan = {
    ...training.plan,
    recipe,
    network: { ...training.plan.network, hash: sha256(open.hash + sha256(mask)) },
  };
  await runJob(
    plan,
    { ...job, model, recipe, afterStep: (state) => applyMask(state.weights, mask) },
    training.validation,
    { ...options, out: folder },
    context,
  );
  return readModel(join(folder, RUN_FILES.last));
}

/** The job's images, counted on from the epochs that are over, so that they are varied again. */
function laterEpochs({ job }: OpenTraining, first: number): OpenTraining["job"] {
  const { data } = job;
  return {
    ...job,
    data: { ...data, epoch: (epoch, size, from) => data.epoch(first + epoch, size, from) },
  };
}

/** Cuts the last subnet out of the trained network, proven like any other. */
async function cutOut(open: OpenNetwork, subnet: Subnet, options: ScheduleOptions): Promise<Model> {
  const cut: Graph = cutGraph(open.structure, subnet);
  const proof = await proveCut(open.model, open.structure, subnet, cut, { seed: options.seed });
  const model = withGraph(open.model, cut);
  writeModel(model, join(options.out, "pruned.onnx"));
  writeDocument(PROOF, join(options.out, "proof.json"), { schema: "mdp-proof/1", ...proof });
  return model;
}

function subnetText(subnet: Subnet, budgetMs: number): string {
  const units = subnet.kept.reduce((sum, kept) => sum + kept.length, 0);
  return `${units} units and all but ${subnet.droppedBlocks.length} blocks stay within ${budgetMs.toPrecision(4)} ms`;
}
