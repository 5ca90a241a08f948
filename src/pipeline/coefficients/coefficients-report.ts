import { conflictsAmong } from "../../coefficients/goals/conflicts.ts";
import type { Stand } from "../../coefficients/goals/goal.ts";
import type { Candidate, Optimised } from "../../coefficients/optimise.ts";
import type { Evaluation } from "../../coefficients/search/evaluation.ts";
import { InputError } from "../../core/errors.ts";
import { COEFFICIENTS, type CoefficientsReport } from "../../documents/coefficients.ts";
import { readDocument } from "../../documents/document.ts";
import { finiteOrNull } from "../../documents/finite.ts";
import { predictNetwork } from "../../latency/predict-network.ts";
import { parameterCount } from "../../structure/counts.ts";
import { structureHash } from "../../structure/structure-json.ts";
import { keepAll, type Subnet, unitCounts } from "../../subnet/subnet.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { SolveNetworkOptions } from "../solve/asked-network.ts";
import type { TableSource } from "../tables/table-source.ts";
import type { RepairedChoice } from "./repair-best.ts";
import { type Bench, methodOf, type SearchSettings } from "./search-network.ts";

/** Stands as a document holds them. */
export function standsJson(stands: readonly Stand[]): CoefficientsReport["found"]["stands"] {
  return stands.map(({ name, value, dense, limit, margin }) => ({
    name,
    value: finiteOrNull(value),
    dense: finiteOrNull(dense),
    limit,
    margin: margin === null ? null : finiteOrNull(margin),
  }));
}

/** The subnet that a search ends with: the best of the best five by the lower ends of their intervals. */
export function chosenOf({ candidates }: Optimised): Candidate {
  const [first, ...others] = candidates.filter(({ evaluation }) => !evaluation.isDropped);
  if (first === undefined) throw new RangeError("a search without candidates");
  const safest = [first, ...others.slice(0, BEST - 1)].reduce((best, candidate) =>
    candidate.evaluation.lower > best.evaluation.lower ? candidate : best,
  );
  // Where no lower end meets the limits, the value itself says more.
  return Number.isFinite(safest.evaluation.lower) ? safest : first;
}

const BEST = 5;

/** Size of a subnet beside the whole network. */
export function sizesOf(
  { structure }: OpenNetwork,
  { table }: TableSource,
  subnet: Subnet,
): CoefficientsReport["size"] {
  const kept = {
    units: unitCounts(subnet),
    droppedBlocks: subnet.droppedBlocks,
    droppedLayers: subnet.droppedLayers,
  };
  return {
    parameters: { dense: parameterCount(structure), kept: parameterCount(structure, kept) },
    latencyMs: {
      dense: predictNetwork(table, structure, keepAll(structure)).ms,
      kept: predictNetwork(table, structure, subnet).ms,
    },
  };
}

export function coefficientsReport(
  bench: Bench,
  found: Optimised,
  chosen: Candidate,
  about: {
    readonly settings: SolveNetworkOptions;
    readonly search: SearchSettings;
    readonly seconds: number;
    readonly choice?: RepairedChoice | null | undefined;
  },
): CoefficientsReport {
  const { open, source, metrics } = bench;
  const { structure } = open;
  const { settings, search, seconds, choice = null } = about;
  const { evaluation, subnet, coefficients } = chosen;
  return {
    schema: "mdp-coefficients/1",
    network: open.name,
    networkHash: open.hash,
    structureHash: structureHash(structure),
    metricsHash: metrics.hash,
    limits: [
      ...(settings.budget === "none" ? [] : [`latency <= ${settings.budget}`]),
      ...(settings.limits?.limit ?? []),
    ],
    groups: found.groups.map(({ name, component, dims }, index) => {
      const units = dims.reduce((sum, dim) => sum + (structure.dims[dim]?.size ?? 0), 0);
      const kept = dims.reduce((sum, dim) => sum + (subnet.kept[dim]?.length ?? 0), 0);
      return {
        ...{ name, component, dims: dims.map((dim) => structure.dims[dim]?.name ?? "") },
        coefficient: Number((coefficients[index] ?? 1).toPrecision(5)),
        ...{ units, kept, removed: 1 - kept / units },
      };
    }),
    search: {
      method: methodOf(search.search, metrics),
      seed: search.seed,
      evaluations: found.evaluations,
      unitRuns: found.unitRuns,
      stopped: found.stopped,
      seconds,
      score: finiteOrNull(evaluation.score),
      history: found.history.map(finiteOrNull),
    },
    conflicts: conflictsAmong(
      found.candidates
        .filter(({ evaluation: each }) => !each.isDropped)
        .map(({ evaluation: each }) => each.stands),
    ).map((pair) => [...pair]),
    found: {
      from: evaluation.from,
      score: finiteOrNull(evaluation.score),
      lower: finiteOrNull(evaluation.lower),
      stands: standsJson(evaluation.stands),
    },
    starts: found.baselines.map(({ evaluation: each }) => ({
      name: each.from,
      score: finiteOrNull(each.score),
      stands: standsJson(each.stands),
    })),
    size: sizesOf(open, source, subnet),
    ...(choice === null ? {} : { repair: repairJson(choice) }),
  };
}

function repairJson(choice: RepairedChoice): NonNullable<CoefficientsReport["repair"]> {
  const { tried, chosen, isRepaired, items, samples } = choice;
  const told = (each: Evaluation) => ({
    score: finiteOrNull(each.score),
    lower: finiteOrNull(each.lower),
    stands: standsJson(each.stands),
  });
  return {
    ...{ items, samples, isRepaired, chosen: tried.indexOf(chosen) + 1 },
    candidates: tried.map(({ candidate, before, after }) => ({
      from: candidate.evaluation.from,
      searched: finiteOrNull(candidate.evaluation.score),
      before: told(before),
      after: after === null ? null : told(after),
    })),
  };
}

/**
 * Coefficients by group from a file, for a network of the same structure.
 * @throws InputError `coefficients/other-network`, and as `readDocument`
 */
export function readCoefficients(path: string, open: OpenNetwork): ReadonlyMap<string, number> {
  const file = readDocument(COEFFICIENTS, path);
  if (file.structureHash !== structureHash(open.structure)) {
    throw new InputError({
      code: "coefficients/other-network",
      message: `The coefficients were found for '${file.network}', a network of another structure.`,
      where: path,
      hint: "Give a file that was written for this network; its weights may differ, its layers may not.",
    });
  }
  return new Map(file.groups.map(({ name, coefficient }) => [name, coefficient]));
}
