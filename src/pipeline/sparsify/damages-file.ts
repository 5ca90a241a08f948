import { InputError, UsageError } from "../../core/errors.ts";
import { DAMAGES, type DamagesReport } from "../../documents/damages.ts";
import { readDocument } from "../../documents/document.ts";
import type { SparseChoice, SparseFormat } from "../../formulation/sparsity/sparse-problem.ts";
import type { Importance } from "../../importance/importance.ts";
import type { Structure } from "../../structure/structure.ts";
import { parsePattern } from "../../subnet/sparse/pattern.ts";
import { sparseWeights, weightCount } from "../../subnet/sparse/weights.ts";
import { levelledWeights } from "./choose-densities.ts";

/** What `mdp damages` wrote, as choices of a program. */
export interface ReadDamages {
  readonly damages: DamagesReport;
  readonly sparse: SparseChoice;
}

/**
 * Weights that the file doesn't name stay whole, and are counted.
 * @throws InputError as `readDocument`, `sparsify/other-network` where a weight of the file is not one of the network
 */
export function readDamages(
  path: string,
  structure: Structure,
  format: SparseFormat = "zeros",
): ReadDamages {
  const damages = readDocument(DAMAGES, path);
  return { damages, sparse: { weights: levelsIn(damages, structure, path), format } };
}

function levelsIn(damages: DamagesReport, structure: Structure, where: string) {
  const { weights } = sparseWeights(structure);
  const known = new Map(weights.map((weight) => [weight.name, weight]));
  const pattern = parsePattern(damages.pattern);
  const measured = damages.weights.map(({ name, count, options, label }) => {
    const weight = known.get(name);
    const most = Math.max(0, ...options.map(({ kept }) => kept));
    if (weight === undefined || weightCount(weight) !== count || most >= count) {
      throw new InputError({
        code: "sparsify/other-network",
        message: `The damages were measured on another network: weight '${name}' of '${label}' has ${count} elements there${weight === undefined ? " and is none of this network" : `, ${weightCount(weight)} here`}.`,
        where,
        hint: "Measure them again with mdp damages on this network.",
      });
    }
    return {
      ...{ weight, damages: options.map(({ damage }) => damage), repaired: true },
      options: options.map(({ kept }) => ({ kept, pattern })),
    };
  });
  return levelledWeights(weights, measured, pattern);
}

/**
 * Channels and zeros can be weighed against each other where both are what the network's answers lose.
 * @throws UsageError `sparsify/importance-unit`, `sparsify/damage-unit`
 */
export function checkOneUnit(
  { used, path }: { readonly used: Importance; readonly path: string | null },
  { damage, pattern }: DamagesReport,
): void {
  if (used.method !== "sensitivity") {
    throw new UsageError({
      code: "sparsify/importance-unit",
      message: `Scores of '${used.method}' are not in the unit of damages, so that one program can't weigh channels against zeros.`,
      where: path ?? "--importance",
      hint: "Score the units with mdp score --method sensitivity --data ... and name the file with --importance.",
    });
  }
  if (damage !== "squares" || pattern !== "none") {
    throw new UsageError({
      code: "sparsify/damage-unit",
      message: `Beside channels, damages must be squared differences of single weights; these are '${damage}' of pattern '${pattern}'.`,
      where: "--damages",
      hint: "Measure them with mdp damages --data ..., without --damage and --pattern.",
    });
  }
}
