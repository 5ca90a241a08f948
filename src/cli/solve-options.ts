import type { Argv } from "yargs";
import { UsageError } from "../core/errors.ts";
import { type LimitRequest, namesAmount, parseRequest } from "../formulation/limits/request.ts";
import { latencyBudget } from "../formulation/network/latency-budget.ts";
import type { CommonOptions } from "./command.ts";
import {
  componentsOf,
  type GivenLimits,
  type LimitOptions,
  limitOptions,
  limitRequest,
} from "./limit-options.ts";
import { regularExpression } from "./network.ts";
import { checkPositive, checkWhole } from "./numbers.ts";
import { robustProbability } from "./robust-option.ts";
import type { SolveNetworkOptions } from "./solve-network.ts";

/** The options that `solve` and `prune` share: which program is put together, and how long it may take. */
export interface SolveOptions extends CommonOptions, LimitOptions {
  readonly importance: string | undefined;
  readonly device: string | undefined;
  readonly table: string | undefined;
  readonly batch: number | undefined;
  readonly precision: "float16" | "float32" | undefined;
  readonly budget: string | undefined;
  readonly step: number | undefined;
  readonly "multiple-of": number | undefined;
  readonly protect: string | undefined;
  readonly "max-prune": number;
  readonly blocks: boolean;
  readonly layers: boolean;
  readonly "time-limit": number | undefined;
  readonly gap: number;
  readonly presolve: boolean;
}

/** Without this, an option whose value was forgotten would quietly be its default. */
const NEED_A_VALUE = [
  "importance",
  "device",
  "table",
  "batch",
  "precision",
  "budget",
  "step",
  "multiple-of",
  "protect",
  "max-prune",
  "time-limit",
  "gap",
];

export function solveOptions(yargs: Argv<CommonOptions>): Argv<SolveOptions> {
  const before = yargs
    .option("importance", {
      type: "string",
      describe: "importance.json of mdp score",
    })
    .option("device", {
      type: "string",
      describe: "Device whose latencies count; see mdp devices",
    })
    .option("table", {
      type: "string",
      describe: "Latency table of mdp profile",
    })
    .option("batch", {
      type: "number",
      describe: "Images per run that the table is for",
    })
    .option("precision", {
      choices: ["float16", "float32"] as const,
      describe: "Of a predicted table",
    })
    .option("budget", {
      type: "string",
      describe: "Latency: 50% of the dense, 12ms, none [50% unless a limit names an amount]",
    });
  return limitOptions(before)
    .option("step", {
      type: "number",
      describe: "Kept channels: full width less multiples of this",
    })
    .option("multiple-of", {
      type: "number",
      describe: "Kept channels: multiples of this [the table's step]",
    })
    .option("protect", {
      type: "string",
      describe: "Regular expression of dims that stay whole",
    })
    .option("max-prune", {
      type: "number",
      default: 0.95,
      describe: "Most that may go of a dim, as a share",
    })
    .option("blocks", {
      type: "boolean",
      default: true,
      describe: "May blocks be dropped? (--no-blocks)",
    })
    .option("layers", {
      type: "boolean",
      default: true,
      describe: "May single layers be dropped? (--no-layers)",
    })
    .option("time-limit", {
      type: "number",
      describe: "Seconds; then the best answer so far, with its gap",
    })
    .option("presolve", {
      type: "boolean",
      default: true,
      describe: "Shrink the program exactly first? (--no-presolve)",
    })
    .option("gap", {
      type: "number",
      default: 0,
      describe: "Relative gap that is good enough",
    })
    .conflicts("step", "multiple-of")
    .requiresArg(NEED_A_VALUE)
    .conflicts("device", "table");
}

/** Those, with the network they are for: by its place or as an option. */
export function solvedModelOptions(
  yargs: Argv<CommonOptions>,
): Argv<SolveOptions & { readonly model: string | undefined }> {
  return solveOptions(yargs)
    .positional("model", {
      type: "string",
      describe: "ONNX file; the embedded default without it",
    })
    .option("model", {
      type: "string",
      requiresArg: true,
      describe: "ONNX file; the embedded default without it. Also as --model",
    });
}

/** What yargs hands over: its camel-case names. */
interface Given extends GivenLimits {
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
}

/**
 * Refuses what can be known to be wrong before any work begins.
 * @throws UsageError `cli/not-a-count`, `cli/not-positive`, `cli/share`, `cli/regular-expression`, `formulation/budget`, `cli/component`,
 * and as `parseRequest`
 */
export async function checkSolveOptions(options: Given): Promise<void> {
  checkWhole(options.step, "--step", 1);
  checkWhole(options.multipleOf, "--multiple-of", 1);
  checkWhole(options.batch, "--batch", 1);
  checkPositive(options.timeLimit, "--time-limit");
  checkShare(options.gap, "--gap");
  checkShare(options.maxPrune, "--max-prune");
  regularExpression(options.protect, "--protect");
  robustProbability(options.robust);
  const limits = limitRequest(options);
  await latencyBudget(budgetFor(options.budget, limits), 1);
  await parseRequest(limits);
  componentsOf(options);
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
export function solveNetworkOptions(options: Given, tableStep: number): SolveNetworkOptions {
  const limits = limitRequest(options);
  return {
    budget: budgetFor(options.budget, limits),
    limits,
    components: componentsOf(options),
    step: options.step ?? options.multipleOf ?? tableStep,
    countFrom: options.step === undefined ? "zero" : "full",
    maxPrune: options.maxPrune,
    protect: regularExpression(options.protect, "--protect"),
    blocks: options.blocks,
    layers: options.layers,
    importancePath: options.importance,
    timeLimitSeconds: options.timeLimit,
    relativeGap: options.gap,
    presolve: options.presolve !== false,
    robust: robustProbability(options.robust),
    writeLp: undefined,
  };
}
