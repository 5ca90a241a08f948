/**
 * Rates for the network that they make. Damages of one layer at a time, measured in the dense network, add up where they are small; at
 * high sparsity each layer works behind others that are sparse, and its fit makes up for them. So the program is solved again with
 * damages that are measured around its own answer:
 *
 *   1. make the network at the present rates, sparse and fitted: N, and what it loses as a whole, D(N)
 *   2. vary each layer's rate within a reach, all others as in N, and measure what the whole network loses
 *   3. solve the program over these options; the present rates are among them, so that it has an answer
 *   4. make the network at the new rates. Where it loses less, go on from there; else halve the reach and go on from N
 *
 * The first rates are the best of the given ones by D: those of the program, and, where one total is all that is asked for, those of
 * the usual rules.
 */
import { InternalError } from "../../core/errors.ts";
import { levelsWithin } from "../../formulation/sparsity/levels.ts";
import type { LevelledWeight } from "../../formulation/sparsity/sparse-problem.ts";
import { answerDamages } from "../../importance/sparse/answers.ts";
import { sparsityDamages, type WeightDamages } from "../../importance/sparse/damages.ts";
import { keptByPattern } from "../../subnet/sparse/mask.ts";
import type { Pattern } from "../../subnet/sparse/pattern.ts";
import type { ScoreOf } from "../../subnet/sparse/search.ts";
import type { SparseNetwork } from "../../subnet/sparse/sparsify.ts";
import { type SparseWeight, weightCount } from "../../subnet/sparse/weights.ts";
import type { RunContext } from "../run-context.ts";
import { type ChosenDensities, solveDensities } from "./choose-densities.ts";
import { choicesOf, makeSparse, type Whole } from "./make-network.ts";
import type { CheckedRequest } from "./request.ts";
import type { Subject } from "./subject.ts";

/** Rates, with the network that they make where it was made already. */
export interface RefinedDensities {
  readonly chosen: ChosenDensities;
  readonly made: SparseNetwork | null;
  readonly refinement: Refinement | null;
}

/** What was tried: damages of whole networks, sparse and fitted. */
export interface Refinement {
  readonly starts: readonly { readonly rates: string; readonly damage: number }[];
  readonly rounds: readonly RefinementRound[];
  readonly damage: number;
}

export interface RefinementRound {
  /** Densities could change by this factor. */
  readonly reach: number;
  /** By how much the program expected the damage to change. */
  readonly expected: number;
  readonly damage: number;
  readonly accepted: boolean;
}

/** Rates to begin with. */
export interface NamedDensities {
  readonly name: string;
  readonly chosen: ChosenDensities;
}

interface Made {
  readonly chosen: ChosenDensities;
  readonly made: SparseNetwork;
  readonly damage: number;
}

const FIRST_REACH = 1.6;
/** Rates that change by less change nothing that can be measured. */
const LEAST_REACH = 1.1;

/**
 * @throws as `makeSparse`, `sparsityDamages` and `solveDensities`
 */
export async function refineDensities(
  subject: Subject,
  whole: Whole,
  starts: readonly NamedDensities[],
  score: ScoreOf,
  request: CheckedRequest,
  context: RunContext,
): Promise<RefinedDensities> {
  const { structure, weights } = subject;
  const make = async (chosen: ChosenDensities): Promise<Made> => {
    const choices = choicesOf(subject, chosen, request);
    const made = await makeSparse(subject, whole, choices, score, request, context);
    return { chosen, made, damage: await damageOf(made, subject, whole, request) };
  };
  const tried: { rates: string; damage: number }[] = [];
  let best: Made | null = null;
  for (const { name, chosen } of starts) {
    const next = await make(chosen);
    tried.push({ rates: name, damage: next.damage });
    if (best === null || next.damage < best.damage) best = next;
  }
  if (best === null) {
    throw new InternalError({
      code: "sparsify/no-start",
      message: "There are no rates to begin with.",
      where: "rates",
      hint: "Please report this, with the command.",
    });
  }
  const rounds: RefinementRound[] = [];
  let reach = FIRST_REACH;
  let around: readonly WeightDamages[] | null = null;
  while (rounds.length < request.refine && reach >= LEAST_REACH) {
    around ??= await damagesAround(best, subject, whole, reach, score, request, context);
    const levelled = levelledAround(weights, around, best.chosen, request, reach);
    const solved = await solveDensities(structure, levelled, request, context);
    const next = await make(solved);
    const accepted = next.damage < best.damage;
    const expected = -(solved.program?.answer.objective ?? 0);
    rounds.push({ reach, expected, damage: next.damage, accepted });
    context.progress.note(
      `rates, round ${rounds.length}: damage ${next.damage.toPrecision(3)} (${accepted ? "better" : "no better"} than ${best.damage.toPrecision(3)}), rates within a factor of ${reach.toFixed(2)}`,
    );
    if (accepted) [best, around] = [next, null];
    else reach = Math.sqrt(reach);
  }
  const { chosen, made, damage } = best;
  return { chosen, made, refinement: { starts: tried, rounds, damage } };
}

/** The options that were measured and those between them, within the reach. */
function levelledAround(
  weights: readonly SparseWeight[],
  measured: readonly WeightDamages[],
  { kept: present }: ChosenDensities,
  { pattern }: CheckedRequest,
  reach: number,
): readonly LevelledWeight[] {
  const byName = new Map(measured.map((each) => [each.weight.name, each]));
  return weights.map((weight): LevelledWeight => {
    const count = weightCount(weight);
    const now = present.get(weight.name) ?? count;
    const found = byName.get(weight.name);
    // Without a measurement it stays as it is.
    if (found === undefined) return { weight, levels: [{ kept: now, damage: 0 }] };
    const points = found.options.map(({ kept }, index) => ({
      kept,
      damage: found.damages[index] ?? 0,
    }));
    if (pattern.kind === "n:m") return { weight, levels: points };
    const levels = levelsWithin(points, (kept) => keptByPattern(weight, pattern, kept));
    const near = levels.filter(({ kept }) => kept <= now * reach + 1 && kept >= now / reach - 1);
    return { weight, levels: near };
  });
}

const WHOLE: Pattern = { kind: "none" };

/** Powers of the reach that are measured. */
const STEPS = [-1, -0.5, 0, 0.5, 1] as const;

/** Kept elements of a weight around the present number. */
function countsAround(
  weight: SparseWeight,
  pattern: Pattern,
  present: number,
  reach: number,
): readonly number[] {
  const count = weightCount(weight);
  const counts = STEPS.map((step) => {
    const wanted = Math.min(count, Math.max(1, present * reach ** step));
    return wanted >= count ? count : keptByPattern(weight, pattern, wanted);
  });
  const distinct = new Set([...counts, present, ...(pattern.kind === "n:m" ? [count] : [])]);
  return [...distinct].filter((kept) => kept > 0).sort((a, b) => a - b);
}

async function damagesAround(
  { chosen, made, damage }: Made,
  { model, weights, stays, dataset }: Subject,
  { structure, subnet }: Whole,
  reach: number,
  score: ScoreOf,
  request: CheckedRequest,
  { progress, signal }: RunContext,
): Promise<readonly WeightDamages[]> {
  if (dataset === null) return [];
  const { images, measured, rounds, ridge, seed, threads, pattern } = request;
  const options = weights
    .filter(({ name }) => !stays.has(name))
    .map((weight) => {
      const count = weightCount(weight);
      const present = chosen.kept.get(weight.name) ?? count;
      return {
        weight,
        options: countsAround(weight, pattern, present, reach).map((kept) => ({
          ...{ kept, pattern: kept === count ? WHOLE : pattern },
        })),
      };
    });
  const limit = Math.min(images, dataset.count);
  const surroundings = { structure, subnet, graph: made.graph };
  const found = await sparsityDamages(
    model,
    surroundings,
    options,
    dataset.batches(100, { limit, seed }),
    {
      ...{ scoreOf: score, rounds, ridge, seed, threads, progress, signal, measured },
      ...{ repair: request.repair !== "none", images: limit, damage: request.damage },
    },
  );
  return found.map((each) => {
    const present = chosen.kept.get(each.weight.name) ?? weightCount(each.weight);
    const at = each.options.findIndex(({ kept }) => kept === present);
    const own = each.damages[at] ?? damage;
    return { ...each, damages: each.damages.map((value) => value - own) };
  });
}

async function damageOf(
  made: SparseNetwork,
  { model, dataset }: Subject,
  { structure }: Whole,
  { images, seed, threads, damage: by }: CheckedRequest,
): Promise<number> {
  if (dataset === null) return 0;
  const limit = Math.min(images, dataset.count);
  const batches = dataset.batches(100, { limit, seed });
  const [damage = 0] = await answerDamages(model, structure.graph, [made.graph], batches, {
    ...{ images: limit, threads, damage: by },
  });
  return damage;
}
