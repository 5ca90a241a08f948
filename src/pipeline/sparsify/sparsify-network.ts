import { gzipSync } from "node:zlib";
import { InputError } from "../../core/errors.ts";
import type { SparsifyReport } from "../../documents/sparsify.ts";
import type { Graph } from "../../graph/graph.ts";
import { elementCount, floatsOf } from "../../graph/tensor.ts";
import {
  type KeptKnowledge,
  keptKnowledge,
  knowledgeKept,
  outputSpectra,
  weightSpectra,
} from "../../importance/knowledge/knowledge.ts";
import { scoreOf } from "../../importance/sparse/scores.ts";
import { type Model, modelLabel, withGraph } from "../../onnx/model.ts";
import { serializeModel } from "../../onnx/write.ts";
import { findStructure } from "../../structure/find-structure.ts";
import type { Structure } from "../../structure/structure.ts";
import { openProducts, type Products } from "../../subnet/correct/products.ts";
import { cutGraph } from "../../subnet/cut.ts";
import { type Proof, proveCut } from "../../subnet/prove.ts";
import { keptByPattern, type Masks } from "../../subnet/sparse/mask.ts";
import { patternText } from "../../subnet/sparse/pattern.ts";
import { proveSparse, type SparseProof } from "../../subnet/sparse/prove.ts";
import type { ScoreOf } from "../../subnet/sparse/search.ts";
import type { SparseNetwork, WeightChoice } from "../../subnet/sparse/sparsify.ts";
import {
  type DenseWeight,
  patternMisfit,
  type SparseWeight,
  sparseWeights,
  weightCount,
  weightLabel,
} from "../../subnet/sparse/weights.ts";
import type { Subnet } from "../../subnet/subnet.ts";
import { openImages } from "../open/images.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import { type ChosenDensities, densitiesByProgram, densitiesByRule } from "./choose-densities.ts";
import { choicesOf, makeSparse, type Whole, wholeNetwork } from "./make-network.ts";
import { damagesOf, gradientScores, type Subject, weightOptions } from "./measure.ts";
import { type RefinedDensities, type Refinement, refineDensities } from "./refine-densities.ts";
import { type CheckedRequest, checkRequest, type SparsifyRequest } from "./request.ts";

/** A sparse network, proven, with what was done. */
export interface Sparsified {
  readonly model: Model;
  /** The dense network with the weights that were made sparse as initializers. */
  readonly dense: Model;
  readonly masks: Masks;
  readonly report: Omit<SparsifyReport, "out" | "accuracy" | "judgedOn">;
}

/**
 * What `mdp sparsify` does: rates, masks, repair, proof. Nothing is written. With a subnet the network is cut first, which is proven
 * on its own, and one repair, towards the dense network, makes up for both.
 * @param chosenSubnet what a structured choice keeps of the network
 * @throws UsageError as `checkRequest` and limits; InputError `sparsify/no-weights`, `sparsify/no-fit` and as reading images
 * @throws InfeasibleLimitsError `formulation/infeasible`; VerificationError as `proveSparse`
 */
export async function sparsifyOpened(
  open: OpenNetwork,
  wanted: SparsifyRequest,
  context: RunContext,
  chosenSubnet: Subnet | null = null,
): Promise<Sparsified> {
  const started = performance.now();
  const request = checkRequest(wanted);
  const whole = wholeNetwork(open, chosenSubnet);
  const { subnet } = whole;
  // What is made sparse: the dense network, or what the structured choice has left of it.
  const graph = chosenSubnet === null ? whole.structure.graph : cutGraph(whole.structure, subnet);
  const model = withGraph(open.model, graph);
  const structure = chosenSubnet === null ? whole.structure : findStructure(graph);
  const { weights, dense } = sparseWeights(structure);
  const left = [...dense, ...leftWhole(weights, request, graph)];
  checkAny(model, weights, left);
  const stays = new Set(left.map(({ name }) => name));
  const dataset = request.data === undefined ? null : await openImages(open, request, context);
  const subject: Subject = { model, structure, weights, dataset };
  const products = await openProducts(request.threads);
  try {
    const fixed = await gradientScores(subject, request, context);
    const score = scoreOf(request.score, products, fixed);
    const scored = performance.now();
    const {
      chosen,
      made: known,
      refinement,
    } = await choose(subject, whole, stays, score, products, request, context);
    const decided = performance.now();
    const choices = choicesOf(weights, stays, chosen, request);
    const surgery =
      chosenSubnet === null
        ? null
        : await proveCut(open.model, whole.structure, subnet, graph, { seed: request.seed });
    const made = known ?? (await makeSparse(subject, whole, choices, score, request, context));
    const finished = { ...model, graph: stored(made, weights, request) };
    const file = Buffer.concat(serializeModel(finished));
    const proof = await prove(finished, file, subject, made, request);
    const knowledge = await knowledgeOf(subject, made.graph, products, request);
    const report = reportOf({
      ...{
        open,
        request,
        subject,
        surgery,
        left,
        chosen,
        refinement,
        choices,
        made,
        proof,
        knowledge,
        file,
      },
      seconds: {
        scores: (scored - started) / 1000,
        rates: (decided - scored) / 1000,
        total: (performance.now() - started) / 1000,
      },
    });
    return { model: finished, dense: model, masks: made.masks, report };
  } finally {
    await products.close();
  }
}

function leftWhole(
  weights: readonly SparseWeight[],
  { keepDense, pattern }: CheckedRequest,
  graph: Graph,
): readonly DenseWeight[] {
  return weights.flatMap((weight) => {
    const named = weight.layers.some(({ name }) => keepDense?.test(name) ?? false);
    const reason = named ? "--keep-dense names it" : patternMisfit(weight, pattern, graph);
    const { name } = weight;
    return reason === null
      ? []
      : [{ name, label: weightLabel(weight), count: weightCount(weight), reason }];
  });
}

function checkAny(
  model: Model,
  weights: readonly SparseWeight[],
  left: readonly DenseWeight[],
): void {
  if (weights.some(({ name }) => !left.some((each) => each.name === name))) return;
  const reasons = left.slice(0, 3).map(({ label, reason }) => `'${label}': ${reason}`);
  throw new InputError({
    code: weights.length === 0 ? "sparsify/no-weights" : "sparsify/no-fit",
    message: `No weight of the network can be made sparse that way. ${reasons.join("; ")}${left.length > 3 ? `; ${left.length - 3} more` : ""}.`,
    where: modelLabel(model),
    hint:
      weights.length === 0
        ? "Convolutions and matrix products with float32 weights can be; sparsify the network before it is quantised or converted."
        : "Use --pattern none, another N:M, or a narrower --keep-dense.",
  });
}

async function choose(
  subject: Subject,
  whole: Whole,
  stays: ReadonlySet<string>,
  score: ScoreOf,
  products: Products,
  request: CheckedRequest,
  context: RunContext,
): Promise<RefinedDensities> {
  const { structure, weights, dataset } = subject;
  const { rates, pattern, sparsity, limits } = request;
  const isFixed =
    pattern.kind === "n:m" && sparsity === null && limits.limit.length + limits.soft.length === 0;
  if (isFixed) {
    const keptOf = (weight: SparseWeight): number =>
      stays.has(weight.name) ? weightCount(weight) : keptByPattern(weight, pattern, 0);
    const kept = new Map(weights.map((weight) => [weight.name, keptOf(weight)]));
    return onlyChosen({ kept, damages: new Map(), program: null });
  }
  if (rates !== "program")
    return onlyChosen(await densitiesByRule(rates, weights, stays, sparsity ?? 0, score));
  const options = weightOptions(weights, stays, request);
  const measured = await damagesOf(subject, options, score, products, request, context);
  const program = await densitiesByProgram(structure, weights, measured, request, context);
  if (dataset === null || request.repair === "none" || request.refine === 0)
    return onlyChosen(program);
  const hasOneTotal = sparsity !== null && limits.limit.length + limits.soft.length === 0;
  const starts = [{ name: "program", chosen: program }];
  if (hasOneTotal && pattern.kind === "none") {
    // Scores of some kinds compare within a layer only.
    const byMagnitude = scoreOf("magnitude", products);
    const chosen = await densitiesByRule("global", weights, stays, sparsity, byMagnitude);
    starts.push({ name: "global", chosen });
  }
  return refineDensities(subject, whole, stays, starts, score, request, context);
}

function onlyChosen(chosen: ChosenDensities): RefinedDensities {
  return { chosen, made: null, refinement: null };
}

/** Sparse initializers where these are smaller. */
function stored(
  { graph, masks }: SparseNetwork,
  weights: readonly SparseWeight[],
  { format }: CheckedRequest,
): Graph {
  if (format === "zeros") return graph;
  const initializers = new Map(graph.initializers);
  for (const { name } of weights) {
    const tensor = initializers.get(name);
    if (tensor === undefined || !masks.has(name)) continue;
    const count = elementCount(tensor.shape);
    const nonzeros = floatsOf(tensor).reduce((sum, value) => sum + (value === 0 ? 0 : 1), 0);
    if (BYTES_PER_PLACE * nonzeros < 4 * count) initializers.set(name, { ...tensor, sparse: true });
  }
  return { ...graph, initializers };
}

/** A float32 and its int64 place. */
const BYTES_PER_PLACE = 12;

function prove(
  model: Model,
  file: Uint8Array,
  { structure, weights }: Subject,
  { masks }: SparseNetwork,
  { seed, threads }: CheckedRequest,
): Promise<SparseProof> {
  const original = structure.graph.initializers;
  const options = { seed, threads };
  return proveSparse(model, file, model.graph, original, weights, masks, structure, options);
}

interface Knowledge {
  readonly weights: readonly KeptKnowledge[];
  /** Null without images. */
  readonly outputs: readonly KeptKnowledge[] | null;
}

/** Batches of outputs that spectra are averaged over. */
const SPECTRAL_BATCHES = 4;

async function knowledgeOf(
  { model, structure, weights, dataset }: Subject,
  graph: Graph,
  products: Products,
  { batch, seed, threads }: CheckedRequest,
): Promise<Knowledge> {
  const ofWeights = async (each: Graph) => weightSpectra(weights, each, products);
  const kept = keptKnowledge(await ofWeights(structure.graph), await ofWeights(graph));
  if (dataset === null) return { weights: kept, outputs: null };
  const size = Math.min(batch, dataset.count);
  const ofOutputs = (each: Graph) => {
    const batches = dataset.batches(size, { limit: SPECTRAL_BATCHES * size, seed });
    const own: Structure = { ...structure, graph: each };
    return outputSpectra(withGraph(model, each), own, batches, threads);
  };
  return {
    weights: kept,
    outputs: keptKnowledge(await ofOutputs(structure.graph), await ofOutputs(graph)),
  };
}

interface ReportParts {
  readonly open: OpenNetwork;
  readonly request: CheckedRequest;
  readonly subject: Subject;
  readonly surgery: Proof | null;
  readonly left: readonly DenseWeight[];
  readonly chosen: ChosenDensities;
  readonly refinement: Refinement | null;
  readonly choices: readonly WeightChoice[];
  readonly made: SparseNetwork;
  readonly proof: SparseProof;
  readonly knowledge: Knowledge;
  readonly file: Uint8Array;
  readonly seconds: SparsifyReport["seconds"];
}

function reportOf(parts: ReportParts): Sparsified["report"] {
  const {
    open,
    request,
    subject,
    surgery,
    left,
    chosen,
    refinement,
    choices,
    made,
    proof,
    knowledge,
    file,
  } = parts;
  const layers = subject.weights.map((weight) => layerOf(weight, parts));
  const { program } = chosen;
  const dense = Buffer.concat(serializeModel(subject.model));
  return {
    schema: "mdp-sparsify/1",
    model: open.path,
    data: request.data ?? null,
    sparsity: request.sparsity,
    pattern: patternText(request.pattern),
    score: request.score,
    rates:
      choices.length > 0 && program === null && refinement === null && request.rates === "program"
        ? "pattern"
        : request.rates,
    repair: request.repair,
    format: request.format,
    images: made.images,
    raisedRidges: new Set(
      made.layers.filter(({ ridge }) => ridge > request.ridge).map(({ label }) => label),
    ).size,
    layers,
    left: left.map(({ label, count, reason }) => ({ label, count, reason })),
    total: {
      weights: layers.reduce((sum, { count }) => sum + count, 0),
      nonzeros: layers.reduce((sum, { nonzeros }) => sum + nonzeros, 0),
      bytes: { dense: dense.byteLength, sparse: file.byteLength },
      gzip: { dense: gzipSync(dense).byteLength, sparse: gzipSync(file).byteLength },
      knowledgeOfWeights: knowledgeKept(knowledge.weights),
      knowledgeOfOutputs: knowledge.outputs === null ? null : knowledgeKept(knowledge.outputs),
    },
    program:
      program === null
        ? null
        : {
            status: program.answer.status,
            damage: -program.answer.objective,
            bound: finiteOrNull(-program.answer.bound),
            gap: finiteOrNull(program.answer.gap),
            solver: program.answer.solver,
            seconds: program.answer.seconds,
            notes: program.answer.notes,
            limits: program.limits,
          },
    refinement,
    surgery,
    proof,
    seconds: parts.seconds,
  };
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function layerOf(
  weight: SparseWeight,
  { chosen, made, knowledge }: ReportParts,
): SparsifyReport["layers"][number] {
  const label = weightLabel(weight);
  const tensor = made.graph.initializers.get(weight.name);
  const values = tensor === undefined ? new Float32Array() : floatsOf(tensor);
  const nonzeros = values.reduce((sum, value) => sum + (value === 0 ? 0 : 1), 0);
  const keptOf = (list: readonly KeptKnowledge[] | null): number | null =>
    list?.find(({ layer }) => layer === label)?.kept ?? null;
  return {
    label,
    tied: weight.layers.slice(1).map(({ name }) => name),
    count: weightCount(weight),
    nonzeros,
    masked: made.masks.has(weight.name),
    knowledgeOfWeight: keptOf(knowledge.weights),
    knowledgeOfOutput: keptOf(knowledge.outputs),
    damage: chosen.damages.get(weight.name) ?? null,
  };
}
