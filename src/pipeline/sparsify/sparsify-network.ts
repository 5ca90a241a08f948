import type { Graph } from "../../graph/graph.ts";
import { elementCount, floatsOf } from "../../graph/tensor.ts";
import { scoreOf } from "../../importance/sparse/scores.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import { serializeModel } from "../../onnx/write.ts";
import { findStructure } from "../../structure/find-structure.ts";
import { openProducts } from "../../subnet/correct/products.ts";
import { cutGraph } from "../../subnet/cut.ts";
import { proveCut } from "../../subnet/prove.ts";
import type { Masks } from "../../subnet/sparse/mask.ts";
import { proveSparse, type SparseProof } from "../../subnet/sparse/prove.ts";
import type { SparseNetwork } from "../../subnet/sparse/sparsify.ts";
import { type SparseWeight, weightCount } from "../../subnet/sparse/weights.ts";
import type { Subnet } from "../../subnet/subnet.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import type { ChosenDensities } from "./choose-densities.ts";
import { chooseRates, onlyChosen } from "./choose-rates.ts";
import { knowledgeOf } from "./knowledge-kept.ts";
import { choicesOf, makeSparse, wholeNetwork } from "./make-network.ts";
import { gradientScores } from "./measure.ts";
import {
  type CheckedRequest,
  checkRequest,
  checkScoring,
  type SparsifyRequest,
} from "./request.ts";
import { type SparseReport, sparseReport } from "./sparsify-report.ts";
import { type Subject, sparseSubject } from "./subject.ts";

/** A sparse network, proven, with what was done. */
export interface Sparsified {
  readonly model: Model;
  /** The dense network with the weights that were made sparse as initializers. */
  readonly dense: Model;
  readonly masks: Masks;
  readonly report: SparseReport;
}

/** What is kept of a network before single weights go. */
export interface CutFirst {
  readonly subnet: Subnet;
  /** Share of elements that each weight keeps, by initializer, where one program chose both; null: chosen for what the subnet leaves. */
  readonly densities: ReadonlyMap<string, number> | null;
}

/**
 * What `mdp sparsify` does: rates, masks, repair, proof. Nothing is written. With a subnet the network is cut first, which is proven
 * on its own, and one repair, towards the dense network, makes up for both.
 * @param first what a structured choice keeps of the network
 * @throws UsageError as `checkRequest` and limits; InputError as `sparseSubject`
 * @throws InfeasibleLimitsError `formulation/infeasible`; VerificationError as `proveSparse`
 */
export async function sparsifyOpened(
  open: OpenNetwork,
  wanted: SparsifyRequest,
  context: RunContext,
  first: CutFirst | null = null,
): Promise<Sparsified> {
  const started = performance.now();
  const densities = first?.densities ?? null;
  const request = densities === null ? checkRequest(wanted) : checkScoring(wanted);
  const whole = wholeNetwork(open, first?.subnet ?? null);
  const { subnet } = whole;
  // What is made sparse: the dense network, or what the structured choice has left of it.
  const graph = first === null ? whole.structure.graph : cutGraph(whole.structure, subnet);
  const model = withGraph(open.model, graph);
  const structure = first === null ? whole.structure : findStructure(graph);
  const subject = await sparseSubject(open, { model, structure }, request, context);
  const { weights } = subject;
  const products = await openProducts(request.threads);
  try {
    const score = scoreOf(request.score, products, await gradientScores(subject, request, context));
    const scored = performance.now();
    const rates =
      densities === null
        ? await chooseRates(subject, whole, score, products, request, context)
        : onlyChosen(densitiesGiven(weights, densities));
    const decided = performance.now();
    const choices = choicesOf(subject, rates.chosen, request);
    const surgery =
      first === null
        ? null
        : await proveCut(open.model, whole.structure, subnet, graph, { seed: request.seed });
    const made = rates.made ?? (await makeSparse(subject, whole, choices, score, request, context));
    const finished = { ...model, graph: stored(made, weights, request) };
    const file = Buffer.concat(serializeModel(finished));
    const proof = await prove(finished, file, subject, made, request);
    const report = sparseReport({
      asked: { path: open.path, request, isGiven: densities !== null },
      ...{ subject, rates },
      network: { made, file, proof, surgery },
      knowledge: await knowledgeOf(subject, made.graph, products, request),
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

/** Counts in the network that is left; rounded down, so that limits hold. */
function densitiesGiven(
  weights: readonly SparseWeight[],
  shares: ReadonlyMap<string, number>,
): ChosenDensities {
  const kept = weights.map((weight): [string, number] => {
    const count = weightCount(weight);
    // A share is a quotient of whole numbers: what it misses them by is rounding.
    const wanted = Math.floor((shares.get(weight.name) ?? 1) * count * (1 + 1e-12));
    return [weight.name, Math.min(count, Math.max(1, wanted))];
  });
  return { kept: new Map(kept), damages: new Map(), program: null };
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
