/**
 * Units by what the knowledge of the layers' outputs loses with them (2607.08027). With v the products w dK/dw of a unit's weights,
 * summed over batches with their sign,
 *
 *   refer[unit] = |mean of v without its smallest and largest tenth|
 *   afr[unit]   = z(refer) + z(snip), z over all units of all layers, less the least so that none is below zero
 *
 * and snip the same with the cross entropy. Extreme weights say more of a batch than of a unit, which is why they are left out.
 */
import { InputError } from "../../core/errors.ts";
import type { Model } from "../../onnx/model.ts";
import type { Structure } from "../../structure/structure.ts";
import { type SparseWeight, sparseWeights } from "../../subnet/sparse/weights.ts";
import type { LabelSource } from "../importance.ts";
import { perUnit } from "../per-unit.ts";
import { type OpenGradients, openGradients, standardisedSum } from "../sparse/gradient-scores.ts";
import type { FixedScores } from "../sparse/scores.ts";
import type { Scorer } from "./collect.ts";

/** Share of a unit's weights that is left out at either end. */
const TRIM = 0.1;
const LARGEST_BATCH = 64;

export interface KnowledgeScoreOptions {
  readonly method: "refer" | "afr";
  readonly batch: number;
  readonly labels: LabelSource;
  readonly threads: number;
}

/** @throws InputError `importance/knowledge-batch`; as `openGradients` */
export async function knowledgeScorer(
  model: Model,
  structure: Structure,
  options: KnowledgeScoreOptions,
): Promise<Scorer> {
  const { method, batch } = options;
  if (batch < 2 || batch > LARGEST_BATCH) {
    throw new InputError({
      code: "importance/knowledge-batch",
      message: `--method ${method} takes the singular values of a layer's outputs on one batch; ${batch} images are no batch for it.`,
      where: "--batch",
      hint: `Give --batch 32, say: 2 to ${LARGEST_BATCH} are possible.`,
    });
  }
  const { weights } = sparseWeights(structure);
  const knowledge = await openGradients(model, structure, weights, "knowledge", options);
  const labels =
    method === "afr" ? await openGradients(model, structure, weights, "labels", options) : null;
  const opened = [knowledge, ...(labels === null ? [] : [labels])];
  let made: FixedScores | null = null;
  return {
    sums: new Map(
      opened.flatMap(({ sums }, index) =>
        [...sums.signed].map(([name, values]): [string, Float64Array] => [
          `${index} ${name}`,
          values,
        ]),
      ),
    ),
    add: async (samples) => {
      for (const each of opened) await each.add(samples);
    },
    scoresOf: (index) => {
      made ??= unitScores(weights, knowledge, labels);
      const layer = structure.layers[index];
      const scores = layer === undefined ? undefined : made.get(layer.weight.name);
      if (layer === undefined || scores === undefined) return null;
      const { name, outputAxis } = layer.weight;
      return perUnit(structure, structure.axis(name, outputAxis), scores);
    },
    close: async () => {
      for (const each of opened) await each.close();
    },
  };
}

function unitScores(
  weights: readonly SparseWeight[],
  knowledge: OpenGradients,
  labels: OpenGradients | null,
): FixedScores {
  const refer = trimmedMeans(weights, knowledge.sums.signed);
  if (labels === null) return refer;
  const sum = standardisedSum(refer, trimmedMeans(weights, labels.sums.signed));
  let least = Number.POSITIVE_INFINITY;
  for (const values of sum.values()) for (const value of values) least = Math.min(least, value);
  return new Map([...sum].map(([name, values]) => [name, values.map((value) => value - least)]));
}

/** |trimmed mean| of each row of each weight. */
function trimmedMeans(weights: readonly SparseWeight[], signed: FixedScores): FixedScores {
  return new Map(
    weights.map(({ name, rows, columns }) => {
      const values = signed.get(name) ?? new Float64Array(rows * columns);
      const means = Float64Array.from({ length: rows }, (_, row) =>
        Math.abs(trimmedMean(values.slice(row * columns, (row + 1) * columns))),
      );
      return [name, means];
    }),
  );
}

/** Mean without the smallest and the largest tenth. */
export function trimmedMean(values: Float64Array): number {
  const cut = Math.floor(TRIM * values.length);
  const middle = values
    .slice()
    .sort()
    .subarray(cut, values.length - cut);
  return middle.reduce((sum, value) => sum + value, 0) / Math.max(1, middle.length);
}
