import type { Argv } from "yargs";

/** The options that say what a subnet must keep to, besides its budget. */
export interface LimitOptions {
  readonly limit: string[] | undefined;
  readonly soft: string[] | undefined;
  readonly penalty: string[] | undefined;
  readonly minimize: string | undefined;
  readonly component: string[] | undefined;
  readonly components: unknown;
}

/** Those of them that may come more than once. */
export const REPEATABLE_LIMITS = ["limit", "soft", "penalty", "component"] as const;

/** Adds the options. Each takes one expression; it may come several times, or be a list in a config file. */
export function limitOptions<Before>(yargs: Argv<Before>): Argv<Before & LimitOptions> {
  const several = { type: "string", array: true, nargs: 1, requiresArg: true } as const;
  return yargs
    .option("limit", {
      ...several,
      describe: 'Constraint: "params <= 50%", "latency(\'jetson-nano\') <= 12 ms" (repeatable)',
    })
    .option("soft", {
      ...several,
      describe: "Constraint that may be exceeded at the price of its --penalty (repeatable)",
    })
    .option("penalty", {
      ...several,
      describe: 'Importance lost beyond a --soft: "2% per 0.1M" (repeatable)',
    })
    .option("minimize", {
      type: "string",
      requiresArg: true,
      describe: "Quantity to minimize within the limits: latency, params, macs, bytes or memory",
    })
    .option("component", {
      ...several,
      describe: "Name a component by a regular expression of its layers: head=fc.* (repeatable)",
    })
    .option("components", { hidden: true, describe: "Components as an object, in a config file" });
}
