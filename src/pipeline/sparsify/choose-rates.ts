import { scoreOf } from "../../importance/sparse/scores.ts";
import type { Products } from "../../subnet/correct/products.ts";
import { keptByPattern } from "../../subnet/sparse/mask.ts";
import type { ScoreOf } from "../../subnet/sparse/search.ts";
import { type SparseWeight, weightCount } from "../../subnet/sparse/weights.ts";
import type { RunContext } from "../run-context.ts";
import {
  type ChosenDensities,
  densitiesByProgram,
  densitiesByRule,
  solveDensities,
} from "./choose-densities.ts";
import { readDamages } from "./damages-file.ts";
import type { Whole } from "./make-network.ts";
import { damagesOf, weightOptions } from "./measure.ts";
import { type RefinedDensities, refineDensities } from "./refine-densities.ts";
import type { CheckedRequest } from "./request.ts";
import type { Subject } from "./subject.ts";

/** The rates by pattern, rule or program, and, where there are images to fit on, measured again around themselves. */
export async function chooseRates(
  subject: Subject,
  whole: Whole,
  score: ScoreOf,
  products: Products,
  request: CheckedRequest,
  context: RunContext,
): Promise<RefinedDensities> {
  const { weights, stays, dataset } = subject;
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
  const program = await byProgram(subject, score, products, request, context);
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
  return refineDensities(subject, whole, starts, score, request, context);
}

/** By damages that are measured now, or that a file has. */
async function byProgram(
  subject: Subject,
  score: ScoreOf,
  products: Products,
  request: CheckedRequest,
  context: RunContext,
): Promise<ChosenDensities> {
  const { structure, weights, stays } = subject;
  if (request.damages !== undefined) {
    const { sparse } = readDamages(request.damages, structure);
    const isDense = ({ name }: SparseWeight): boolean => stays.has(name);
    const levelled = sparse.weights.map(({ weight, levels }) => ({
      ...{ weight, levels: isDense(weight) ? levels.slice(-1) : levels },
    }));
    return solveDensities(structure, levelled, request, context);
  }
  const options = weightOptions(subject, request);
  const measured = await damagesOf(subject, options, score, products, request, context);
  return densitiesByProgram(structure, weights, measured, request, context);
}

export function onlyChosen(chosen: ChosenDensities): RefinedDensities {
  return { chosen, made: null, refinement: null };
}
