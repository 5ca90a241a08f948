import { InfeasibleError, LimitError, UsageError } from "../../core/errors.ts";
import type { ComparedRates } from "../../documents/compared-rates.ts";
import { measuredWhole } from "../../formulation/limits/measure.ts";
import { solveProblem } from "../../formulation/solve/solve-problem.ts";
import { startingSelection } from "../../formulation/solve/start.ts";
import { RATES, type Rates, type RuleRates } from "../../formulation/sparsity/rates.ts";
import type { LevelledWeight } from "../../formulation/sparsity/sparse-problem.ts";
import { scoreOf } from "../../importance/sparse/scores.ts";
import { openProducts } from "../../subnet/correct/products.ts";
import { sparseWeights, weightCount } from "../../subnet/sparse/weights.ts";
import { sparsityOf } from "../checks.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import { withSolvers } from "../solve/solvers.ts";
import { densitiesByRule } from "./choose-densities.ts";
import { settledZeros } from "./zeros-program.ts";
import { openZeros, writeZeros, type ZerosSettings } from "./zeros-subjects.ts";

type Row = ComparedRates["rows"][number];

export interface CompareRatesSettings extends ZerosSettings {
  readonly damages: string;
  readonly timeLimit?: number | undefined;
}

/** Relative difference that the order of summation, and whole numbers of elements, may make. */
const ROUNDING = 1e-4;

/**
 * The program's rates beside those of the usual rules at one share of zeros: what each loses by the same measured damages, and which
 * limits it breaks. Rules follow the magnitude of weights.
 * @param fileOf file for the densities of each, by its rates; null writes none
 * @throws as `openZeros`; UsageError `sparsify/needs-sparsity`
 */
export async function compareRates(
  open: OpenNetwork,
  settings: CompareRatesSettings,
  fileOf: ((rates: Rates) => string) | null,
  context: RunContext,
): Promise<ComparedRates> {
  if (settings.sparsity === undefined) throw noSparsity();
  const sparsity = sparsityOf(settings.sparsity);
  const program = await openZeros(open, settings);
  const { measured, network, problem, limited } = program;
  const { weights } = sparseWeights(open.structure);
  const elements = weights.reduce((sum, weight) => sum + weightCount(weight), 0);
  const rowOf = (rates: Rates, densities: ReadonlyMap<string, number>, proven: boolean): Row => {
    const subnet = fileOf === null ? null : fileOf(rates);
    const limits = limited.limits.map(({ text }) => text);
    if (subnet !== null) writeZeros(subnet, open, densities, { damages: settings.damages, limits });
    const counted = { ...measuredWhole(open.structure), densities };
    return {
      ...{ rates, proven, failed: null, subnet },
      damage: network.sparsity.dims.reduce((sum, dim) => sum + damageAt(dim, densities), 0),
      nonzeros: Math.round(
        weights.reduce(
          (sum, weight) => sum + weightCount(weight) * (densities.get(weight.name) ?? 1),
          0,
        ),
      ),
      broken: limited.limits.flatMap(({ text, comparison, limit, measure }) => {
        const used = measure(counted);
        const over = comparison === ">=" ? limit - used : used - limit;
        return over > ROUNDING * Math.abs(limit) ? [text] : [];
      }),
    };
  };
  const failed = (rates: Rates, error: unknown): Row => {
    // That one way has no rates is a result of the comparison.
    const isResult =
      error instanceof InfeasibleError ||
      error instanceof LimitError ||
      error instanceof UsageError;
    if (!isResult) throw error;
    const none = { damage: null, nonzeros: null, broken: [], subnet: null };
    return { rates, proven: false, failed: error.message, ...none };
  };
  const byProgram = async (): Promise<Row> => {
    const answer = await withSolvers((solvers) =>
      solveProblem(problem, solvers, {
        ...{ timeLimitSeconds: settings.timeLimit, signal: context.signal },
        start: startingSelection,
      }),
    );
    const { densities } = settledZeros(program, answer);
    return rowOf("program", densities, answer.status === "optimal");
  };
  const products = await openProducts(1);
  try {
    const byMagnitude = scoreOf("magnitude", products);
    const known = new Set(measured.weights.map(({ name }) => name));
    const stays = new Set(weights.flatMap(({ name }) => (known.has(name) ? [] : [name])));
    const byRule = async (rule: RuleRates): Promise<Row> => {
      const { kept } = await densitiesByRule(
        ...([rule, weights, stays, sparsity, byMagnitude] as const),
      );
      const shares = weights.map((weight): [string, number] => {
        const count = weightCount(weight);
        return [weight.name, (kept.get(weight.name) ?? count) / count];
      });
      return rowOf(rule, new Map(shares), false);
    };
    const rows: Row[] = [];
    for (const rates of RATES) {
      const row = rates === "program" ? byProgram() : byRule(rates);
      rows.push(await row.catch((error: unknown) => failed(rates, error)));
    }
    const { damages } = settings;
    return {
      ...{ schema: "mdp-compared-rates/1", network: open.name, damages },
      ...{ damage: measured.damage, sparsity, weights: elements, rows },
    };
  } finally {
    await products.close();
  }
}

/** On a straight line between the levels around a density; below the sparsest level, its damage. */
function damageAt(
  { weight, levels }: LevelledWeight,
  densities: ReadonlyMap<string, number>,
): number {
  const count = weightCount(weight);
  const kept = (densities.get(weight.name) ?? 1) * count;
  const above = levels.findIndex((level) => level.kept >= kept - ROUNDING);
  const [low, high] = [levels[above - 1], levels[above] ?? levels.at(-1)];
  if (high === undefined) return 0;
  if (low === undefined || high.kept <= low.kept) return high.damage;
  const share = (kept - low.kept) / (high.kept - low.kept);
  return low.damage + (high.damage - low.damage) * Math.min(1, share);
}

function noSparsity(): UsageError {
  return new UsageError({
    code: "sparsify/needs-sparsity",
    message: "Rules for the rates know one share of zeros, and none is named.",
    where: "--sparsity",
    hint: "Give --sparsity 80%; limits may stay beside it, and the rows say which rule breaks them.",
  });
}
