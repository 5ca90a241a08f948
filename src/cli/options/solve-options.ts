import type { Argv } from "yargs";
import { PRECISIONS, type Precision } from "../../latency/predict/device.ts";
import { SOLVE_DEFAULTS } from "../../pipeline/solve/solve-settings.ts";
import type { CommonOptions } from "../command.ts";
import { type LimitOptions, limitOptions } from "./limit-options.ts";

/** The options that `solve` and `prune` share: which program is put together, and how long it may take. */
export interface SolveOptions extends CommonOptions, LimitOptions {
  readonly importance: string | undefined;
  readonly device: string | undefined;
  readonly "power-mode": string | undefined;
  readonly table: string | undefined;
  readonly batch: number | undefined;
  readonly precision: Precision | undefined;
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
  readonly damages: string | undefined;
  readonly sparsity: string | undefined;
}

/** Without this, an option whose value was forgotten would quietly be its default. */
const NEED_A_VALUE = [
  "importance",
  "device",
  "power-mode",
  "table",
  "batch",
  "precision",
  "budget",
  "damages",
  "sparsity",
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
      describe: "Device whose latencies are used; mdp devices lists them",
    })
    .option("power-mode", {
      type: "string",
      describe: "Power mode of a predicted device: 15w, maxn; mdp devices lists them",
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
      choices: PRECISIONS,
      describe: "Precision of a predicted table",
    })
    .option("budget", {
      type: "string",
      describe: "Latency budget: 50% of the dense, 12ms, none [50% unless a limit names an amount]",
    });
  return limitOptions(before)
    .option("damages", {
      type: "string",
      describe: "damages.json of mdp damages: single weights may go too, in the same program",
    })
    .option("sparsity", {
      type: "string",
      describe: "Share of all weights that is to go, by channels and as zeros: 80%",
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
      describe: "Keep all units of a component (@head) or of dims that match a regular expression",
    })
    .option("max-prune", {
      type: "number",
      default: SOLVE_DEFAULTS.maxPrune as number,
      describe: "Largest fraction of a dim that may be pruned",
    })
    .option("blocks", {
      type: "boolean",
      default: SOLVE_DEFAULTS.blocks as boolean,
      describe: "Allow blocks to be dropped; --no-blocks keeps them",
    })
    .option("layers", {
      type: "boolean",
      default: SOLVE_DEFAULTS.layers as boolean,
      describe: "Allow single layers to be dropped; --no-layers keeps them",
    })
    .option("time-limit", {
      type: "number",
      describe: "Time limit in seconds; then the best answer so far is given with its gap",
    })
    .option("presolve", {
      type: "boolean",
      default: SOLVE_DEFAULTS.presolve as boolean,
      describe: "Shrink the program exactly before the solver; --no-presolve skips it",
    })
    .option("gap", {
      type: "number",
      default: SOLVE_DEFAULTS.gap as number,
      describe: "Relative gap at which the solver stops",
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
