import { InputError } from "../../core/errors.ts";
import type { Dataset } from "../../data/dataset.ts";
import type { Graph } from "../../graph/graph.ts";
import { type Model, modelLabel } from "../../onnx/model.ts";
import type { Structure } from "../../structure/structure.ts";
import {
  type DenseWeight,
  patternMisfit,
  type SparseWeight,
  sparseWeights,
  weightCount,
  weightLabel,
} from "../../subnet/sparse/weights.ts";
import { openImages } from "../open/images.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import type { CheckedRequest } from "./request.ts";

/** What there is to measure with. */
export interface Subject {
  readonly model: Model;
  readonly structure: Structure;
  readonly weights: readonly SparseWeight[];
  /** Weights that stay dense, and why. */
  readonly left: readonly DenseWeight[];
  /** Their names. */
  readonly stays: ReadonlySet<string>;
  /** Null where no images were named. */
  readonly dataset: Dataset | null;
}

/**
 * The weights of a network that may become sparse, and the images.
 * @throws InputError `sparsify/no-weights`, `sparsify/no-fit` and as reading images
 */
export async function sparseSubject(
  open: OpenNetwork,
  { model, structure }: Pick<Subject, "model" | "structure">,
  request: CheckedRequest,
  context: RunContext,
): Promise<Subject> {
  const { weights, dense } = sparseWeights(structure);
  const left = [...dense, ...leftWhole(weights, request, structure.graph)];
  checkAny(model, weights, left);
  const stays = new Set(left.map(({ name }) => name));
  const dataset = request.data === undefined ? null : await openImages(open, request, context);
  return { model, structure, weights, left, stays, dataset };
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
