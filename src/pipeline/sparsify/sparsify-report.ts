import { gzipSync } from "node:zlib";
import { finiteOrNull } from "../../documents/finite.ts";
import type { SparsifyReport } from "../../documents/sparsify.ts";
import { floatsOf } from "../../graph/tensor.ts";
import { type KeptKnowledge, knowledgeKept } from "../../importance/knowledge/knowledge.ts";
import { serializeModel } from "../../onnx/write.ts";
import type { Proof } from "../../subnet/prove.ts";
import { patternText } from "../../subnet/sparse/pattern.ts";
import type { SparseProof } from "../../subnet/sparse/prove.ts";
import type { SparseNetwork } from "../../subnet/sparse/sparsify.ts";
import { type SparseWeight, weightCount, weightLabel } from "../../subnet/sparse/weights.ts";
import type { ProgramAnswer } from "./choose-densities.ts";
import type { Knowledge } from "./knowledge-kept.ts";
import type { RefinedDensities } from "./refine-densities.ts";
import type { CheckedRequest } from "./request.ts";
import type { Subject } from "./subject.ts";

/** What `mdp sparsify` has to say of a network, but for what it is judged by. */
export type SparseReport = Omit<SparsifyReport, "out" | "accuracy" | "judgedOn">;

/** What a report is made from, by subject. */
export interface ReportParts {
  /** Path of the dense network, and what was asked of it. */
  readonly asked: {
    readonly path: string;
    readonly request: CheckedRequest;
    /** Whether a subnet's file said the densities. */
    readonly isGiven: boolean;
  };
  readonly subject: Subject;
  readonly rates: RefinedDensities;
  /** The sparse network, its file, and what was proven of it. */
  readonly network: {
    readonly made: SparseNetwork;
    readonly file: Uint8Array;
    readonly proof: SparseProof;
    readonly surgery: Proof | null;
  };
  readonly knowledge: Knowledge;
  readonly seconds: SparsifyReport["seconds"];
}

export function sparseReport(parts: ReportParts): SparseReport {
  const { subject, knowledge } = parts;
  const { path, request, isGiven } = parts.asked;
  const { chosen, refinement } = parts.rates;
  const { made, file, proof, surgery } = parts.network;
  const layers = subject.weights.map((weight) => layerOf(weight, parts));
  const { program } = chosen;
  const dense = Buffer.concat(serializeModel(subject.model));
  return {
    schema: "mdp-sparsify/1",
    model: path,
    data: request.data ?? null,
    sparsity: request.sparsity,
    pattern: patternText(request.pattern),
    score: request.score,
    rates: isGiven ? "subnet" : ratesOf(parts),
    repair: request.repair,
    format: request.format,
    images: made.images,
    raisedRidges: new Set(
      made.layers.filter(({ ridge }) => ridge > request.ridge).map(({ label }) => label),
    ).size,
    layers,
    left: subject.left.map(({ label, count, reason }) => ({ label, count, reason })),
    total: {
      weights: layers.reduce((sum, { count }) => sum + count, 0),
      nonzeros: layers.reduce((sum, { nonzeros }) => sum + nonzeros, 0),
      bytes: { dense: dense.byteLength, sparse: file.byteLength },
      gzip: { dense: gzipSync(dense).byteLength, sparse: gzipSync(file).byteLength },
      knowledgeOfWeights: knowledgeKept(knowledge.weights),
      knowledgeOfOutputs: knowledge.outputs === null ? null : knowledgeKept(knowledge.outputs),
    },
    program: program === null ? null : programOf(program),
    refinement,
    surgery,
    proof,
    seconds: parts.seconds,
  };
}

function ratesOf({ asked: { request }, rates, network: { made } }: ReportParts): string {
  const isByPattern =
    made.masks.size > 0 &&
    rates.chosen.program === null &&
    rates.refinement === null &&
    request.rates === "program";
  return isByPattern ? "pattern" : request.rates;
}

function programOf({ answer, limits }: ProgramAnswer): NonNullable<SparseReport["program"]> {
  return {
    status: answer.status,
    damage: -answer.objective,
    bound: finiteOrNull(-answer.bound),
    gap: finiteOrNull(answer.gap),
    solver: answer.solver,
    seconds: answer.seconds,
    notes: answer.notes,
    limits,
  };
}

function layerOf(
  weight: SparseWeight,
  { rates: { chosen }, network: { made }, knowledge }: ReportParts,
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
