import { measuredCounts } from "../../formulation/sparsity/levels.ts";
import { LARGEST_GRAM, mean, singularValues } from "../../importance/knowledge/spectrum.ts";
import {
  type SparseOption,
  sparsityDamages,
  type WeightDamages,
  type WeightOptions,
} from "../../importance/sparse/damages.ts";
import { gradientSums, standardisedSum } from "../../importance/sparse/gradient-scores.ts";
import { checkGoing } from "../../importance/sparse/interrupted.ts";
import type { FixedScores } from "../../importance/sparse/scores.ts";
import { GRADIENT_SCORES } from "../../importance/sparse/scores.ts";
import type { Products } from "../../subnet/correct/products.ts";
import { keptByPattern, maskOf } from "../../subnet/sparse/mask.ts";
import type { ScoreOf } from "../../subnet/sparse/search.ts";
import { matrixOf, weightCount, weightLabel } from "../../subnet/sparse/weights.ts";
import { keepAll } from "../../subnet/subnet.ts";
import type { RunContext } from "../run-context.ts";
import type { CheckedRequest } from "./request.ts";
import type { Subject } from "./subject.ts";

/** Scores that are made from gradients; none for the others. */
export async function gradientScores(
  { model, structure, weights, dataset }: Subject,
  request: CheckedRequest,
  { progress, signal }: RunContext,
): Promise<FixedScores> {
  const { score, batch, labels, threads, seed } = request;
  if (!GRADIENT_SCORES.has(score) || dataset === null) return new Map();
  const limit = Math.min(request.images, dataset.count);
  const options = { batch, images: limit, labels, threads, progress, signal };
  const sums = async (loss: "labels" | "knowledge"): Promise<FixedScores> => {
    const batches = dataset.batches(batch, { limit, seed });
    return (await gradientSums(model, structure, weights, loss, batches, options)).magnitudes;
  };
  if (score === "snip") return sums("labels");
  const refer = await sums("knowledge");
  return score === "refer" ? refer : standardisedSum(refer, await sums("labels"));
}

/** The options of every weight that may be sparse. */
export function weightOptions(
  { weights, stays }: Pick<Subject, "weights" | "stays">,
  { pattern, sparsity }: Pick<CheckedRequest, "pattern" | "sparsity">,
): readonly WeightOptions[] {
  return weights
    .filter(({ name }) => !stays.has(name))
    .map((weight) => {
      const count = weightCount(weight);
      const counts =
        pattern.kind === "n:m"
          ? [keptByPattern(weight, pattern, 0)]
          : [
              ...new Set(
                measuredCounts(count, sparsity).map((wanted) =>
                  keptByPattern(weight, pattern, wanted),
                ),
              ),
            ].filter((kept) => kept > 0 && kept < count);
      return { weight, options: counts.map((kept): SparseOption => ({ kept, pattern })) };
    });
}

/**
 * What each option of each weight costs the network: measured on images, or, without any, the share of the weights' own knowledge
 * that goes, 1 - K_w.
 */
export async function damagesOf(
  subject: Subject,
  options: readonly WeightOptions[],
  scoreOf: ScoreOf,
  products: Products,
  request: CheckedRequest,
  { progress, signal }: RunContext,
): Promise<readonly WeightDamages[]> {
  const { model, structure, dataset } = subject;
  const { images, measured, rounds, ridge, seed, threads, repair } = request;
  if (dataset === null) return knowledgeLosses(options, scoreOf, products, { progress, signal });
  const around = { structure, subnet: keepAll(structure), graph: structure.graph };
  const limit = Math.min(images, dataset.count);
  return sparsityDamages(model, around, options, dataset.batches(100, { limit, seed }), {
    ...{ scoreOf, rounds, ridge, seed, threads, progress, signal, measured },
    ...{ repair: repair !== "none", images: limit, damage: request.damage },
  });
}

async function knowledgeLosses(
  options: readonly WeightOptions[],
  scoreOf: ScoreOf,
  products: Products,
  { progress, signal }: Pick<RunContext, "progress" | "signal">,
): Promise<readonly WeightDamages[]> {
  const found: WeightDamages[] = [];
  for (const [index, each] of options.entries()) {
    const { weight } = each;
    checkGoing(signal, index, options.length);
    progress.step("spectra of masked weights", index, options.length, weightLabel(weight));
    const { rows, columns } = weight;
    const values = matrixOf(weight);
    const scores = await scoreOf(weight, values, null);
    const knowledge = async (mask: Uint8Array | null): Promise<number> => {
      const matrix = Float64Array.from(values, (value, at) => (mask?.[at] === 0 ? 0 : value));
      // The square root of the sum of squares bounds the sum of singular values where these take too long.
      if (Math.min(rows, columns) > LARGEST_GRAM) return Math.hypot(...norms(matrix));
      return mean(await singularValues(matrix, rows, columns, products));
    };
    const dense = await knowledge(null);
    const damages: number[] = [];
    for (const { kept, pattern } of each.options) {
      const mask = maskOf(weight, pattern, scores, kept);
      damages.push(dense > 0 ? Math.max(0, 1 - (await knowledge(mask)) / dense) : 0);
    }
    found.push({ ...each, damages, repaired: false });
  }
  progress.step("spectra of masked weights", options.length, options.length);
  return found;
}

/** The norm of a long list in two steps, so that no call has a million arguments. */
function norms(values: Float64Array): readonly number[] {
  const sums = new Float64Array(64);
  for (const [at, value] of values.entries()) sums[at % 64] = (sums[at % 64] ?? 0) + value ** 2;
  return Array.from(sums, Math.sqrt);
}
