import type { Argv } from "yargs";
import { UsageError } from "../core/errors.ts";
import type { CommonOptions } from "./command.ts";
import { regularExpression } from "./network.ts";
import type { SolveNetworkOptions } from "./solve-network.ts";

/** The options that `solve` and `prune` share: which program is put together, and how long it may take. */
export interface SolveOptions extends CommonOptions {
  readonly importance: string | undefined;
  readonly device: string | undefined;
  readonly table: string | undefined;
  readonly batch: number | undefined;
  readonly precision: "float16" | "float32" | undefined;
  readonly budget: string;
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

export function solveOptions(yargs: Argv<CommonOptions>): Argv<SolveOptions> {
  return yargs
    .option("importance", { type: "string", describe: "importance.json of mdp score" })
    .option("device", { type: "string", describe: "Device whose latencies count; see mdp devices" })
    .option("table", { type: "string", describe: "Latency table of mdp profile" })
    .option("batch", { type: "number", describe: "Images per run that the table is for" })
    .option("precision", {
      choices: ["float16", "float32"] as const,
      describe: "Of a predicted table",
    })
    .option("budget", {
      type: "string",
      default: "50%",
      describe: "50% of the dense latency, or 12ms",
    })
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
    .option("gap", { type: "number", default: 0, describe: "Relative gap that is good enough" })
    .conflicts("step", "multiple-of")
    .conflicts("device", "table");
}

/** What yargs hands over: its camel-case names. */
interface Given {
  readonly budget: string;
  readonly step?: number | undefined;
  readonly multipleOf?: number | undefined;
  readonly maxPrune: number;
  readonly protect?: string | undefined;
  readonly blocks: boolean;
  readonly layers: boolean;
  readonly importance?: string | undefined;
  readonly timeLimit?: number | undefined;
  readonly gap: number;
  readonly presolve?: boolean | undefined;
}

/** @throws UsageError `cli/not-positive`, `cli/regular-expression` */
export function solveNetworkOptions(options: Given, tableStep: number): SolveNetworkOptions {
  return {
    budget: options.budget,
    step: options.step ?? options.multipleOf ?? tableStep,
    countFrom: options.step === undefined ? "zero" : "full",
    maxPrune: options.maxPrune,
    protect: regularExpression(options.protect, "--protect"),
    blocks: options.blocks,
    layers: options.layers,
    importancePath: options.importance,
    timeLimitSeconds: positive(options.timeLimit, "--time-limit"),
    relativeGap: options.gap,
    presolve: options.presolve !== false,
    writeLp: undefined,
  };
}

function positive(value: number | undefined, option: string): number | undefined {
  if (value === undefined || value > 0) return value;
  throw new UsageError({
    code: "cli/not-positive",
    message: `${option} is ${value}; it must be above zero.`,
    where: option,
    hint: `Leave ${option} out for no limit.`,
  });
}
