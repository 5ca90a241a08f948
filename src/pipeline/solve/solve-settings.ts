import { UsageError } from "../../core/errors.ts";
import { type LimitRequest, namesAmount, parseRequest } from "../../formulation/limits/request.ts";
import { latencyBudget } from "../../formulation/network/latency-budget.ts";
import { checkPositive, checkWhole, sparsityOf } from "../checks.ts";
import type { SolveNetworkOptions } from "./asked-network.ts";
import { componentsOf, type GivenLimits, limitRequest, withShareOfZeros } from "./given-limits.ts";
import { protectionOf } from "./given-protection.ts";
import { robustProbability } from "./robust-probability.ts";

/** What a solve does where nobody says otherwise. */
export const SOLVE_DEFAULTS = {
  maxPrune: 0.95,
  blocks: true,
  layers: true,
  gap: 0,
  presolve: true,
} as const;

/** The settings of a solve as they are given. */
export interface GivenSettings extends GivenLimits {
  readonly budget?: string | undefined;
  readonly step?: number | undefined;
  readonly multipleOf?: number | undefined;
  readonly maxPrune: number;
  readonly protect?: string | undefined;
  readonly blocks: boolean;
  readonly layers: boolean;
  readonly importance?: string | undefined;
  readonly batch?: number | undefined;
  readonly timeLimit?: number | undefined;
  readonly gap: number;
  readonly presolve?: boolean | undefined;
  readonly robust?: string | undefined;
  /** File of damages of single weights: these may go too. */
  readonly damages?: string | undefined;
  /** Share of zeros and of weights that go with channels, of all that layers have. */
  readonly sparsity?: string | undefined;
}

/**
 * Refuses what can be known to be wrong before any work begins.
 * @throws UsageError `cli/not-a-count`, `cli/not-positive`, `cli/share`, `cli/regular-expression`, `formulation/budget`, `cli/component`,
 * and as `parseRequest`
 */
export async function checkSolveOptions(options: GivenSettings): Promise<void> {
  checkWhole(options.step, "--step", 1);
  checkWhole(options.multipleOf, "--multiple-of", 1);
  checkWhole(options.batch, "--batch", 1);
  checkPositive(options.timeLimit, "--time-limit");
  checkShare(options.gap, "--gap");
  checkShare(options.maxPrune, "--max-prune");
  protectionOf(options.protect);
  robustProbability(options.robust);
  const limits = limitsAsked(options);
  await latencyBudget(budgetFor(options.budget, limits), { latencyMs: 1, unchangeableMs: 0 });
  await parseRequest(limits);
  componentsOf(options);
}

/**
 * Limits, a share of zeros among them.
 * @throws UsageError `sparsify/sparsity`, `sparsify/needs-damages`
 */
export function limitsAsked(options: GivenSettings): LimitRequest {
  const { sparsity, damages } = options;
  const limits = limitRequest(options);
  if (sparsity === undefined) return limits;
  if (damages === undefined) {
    throw new UsageError({
      code: "sparsify/needs-damages",
      message: "Nothing says what zeros in each layer cost.",
      where: "--sparsity",
      hint: "Measure it with mdp damages --out damages.json, and name that file with --damages.",
    });
  }
  return withShareOfZeros(limits, sparsityOf(sparsity));
}

/** Half the dense latency, where neither a budget nor a limit says how much the network may take. */
function budgetFor(budget: string | undefined, limits: LimitRequest): string {
  return budget ?? (namesAmount(limits) ? "none" : "50%");
}

function checkShare(value: number, option: string): void {
  if (value >= 0 && value <= 1) return;
  throw new UsageError({
    code: "cli/share",
    message: `${option} is ${value}; it must lie between 0 and 1.`,
    where: option,
    hint: `Write a share, such as ${option} 0.05 for 5 %.`,
  });
}

/** @throws UsageError `cli/regular-expression` */
export function solveNetworkOptions(
  options: GivenSettings,
  tableStep: number,
): SolveNetworkOptions {
  const limits = limitsAsked(options);
  return {
    budget: budgetFor(options.budget, limits),
    limits,
    components: componentsOf(options),
    step: options.step ?? options.multipleOf ?? tableStep,
    countFrom: options.step === undefined ? "zero" : "full",
    maxPrune: options.maxPrune,
    protect: protectionOf(options.protect),
    blocks: options.blocks,
    layers: options.layers,
    importancePath: options.importance,
    timeLimitSeconds: options.timeLimit,
    relativeGap: options.gap,
    presolve: options.presolve !== false,
    robust: robustProbability(options.robust),
    damagesPath: options.damages,
    writeLp: undefined,
  };
}
