import type { Argv } from "yargs";
import { GRANULARITIES, type Granularity } from "../../coefficients/groups.ts";
import { UNIT_RANKINGS, type UnitRanking } from "../../coefficients/optimise.ts";
import { SEARCHES, type SearchMethod } from "../../coefficients/search/search.ts";

/** How a search over coefficients goes. */
export interface SearchOptions {
  readonly metrics: string | undefined;
  readonly evaluations: number;
  readonly granularity: Granularity;
  readonly search: SearchMethod;
  readonly units: UnitRanking;
  readonly from: string | undefined;
  readonly coefficients: string[] | undefined;
}

export function searchOptions<Before>(yargs: Argv<Before>): Argv<Before & SearchOptions> {
  return yargs
    .option("metrics", {
      type: "string",
      requiresArg: true,
      describe: "metrics.json: what the network must still do; see mdp metrics init",
    })
    .option("evaluations", {
      type: "number",
      requiresArg: true,
      default: 150,
      describe: "With --metrics: subnets to measure at most",
    })
    .option("granularity", {
      choices: GRANULARITIES,
      requiresArg: true,
      default: "auto" as const,
      describe: "With --metrics: what has a coefficient of its own",
    })
    .option("search", {
      choices: SEARCHES,
      requiresArg: true,
      default: "auto" as const,
      describe: "With --metrics: how coefficients are searched",
    })
    .option("units", {
      choices: UNIT_RANKINGS,
      requiresArg: true,
      default: "answers" as const,
      describe: "With --metrics: what ranks the units of a group",
    })
    .option("from", {
      type: "string",
      requiresArg: true,
      describe: "With --metrics: coefficients.json to begin at",
    })
    .option("coefficients", {
      type: "string",
      array: true,
      nargs: 1,
      requiresArg: true,
      describe: "With --metrics: share that goes of a group, by hand: encoder=0.4 (repeatable)",
    });
}
