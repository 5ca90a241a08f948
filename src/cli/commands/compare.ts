import { join } from "node:path";
import { EXIT, type ExitCode, UsageError } from "../../core/errors.ts";
import { checkWritable, writeFileAtomic } from "../../core/files.ts";
import type { CompareReport } from "../../documents/compare.ts";
import type { ComparedMetrics } from "../../documents/metrics.ts";
import { METHOD_NAMES, type Method, parseMethod } from "../../formulation/baselines/method.ts";
import { readCoefficients } from "../../pipeline/coefficients/coefficients-report.ts";
import { compareByMetrics } from "../../pipeline/coefficients/compare-by-metrics.ts";
import { openNetwork } from "../../pipeline/open/network.ts";
import { compareInstance, compareNetwork } from "../../pipeline/solve/compare-methods.ts";
import {
  checkSolveOptions,
  type GivenSettings,
  solveNetworkOptions,
} from "../../pipeline/solve/solve-settings.ts";
import { type CompareRatesSettings, compareRates } from "../../pipeline/sparsify/compare-rates.ts";
import { areZerosAlone } from "../../pipeline/sparsify/zeros-subjects.ts";
import { noTable, tableFor } from "../../pipeline/tables/table-source.ts";
import { compareText } from "../../report/compare-report.ts";
import { compareSvg } from "../../report/figures/compare-chart.ts";
import { methodsText } from "../../report/methods-report.ts";
import { ratesText } from "../../report/rates-report.ts";
import { type Command, type Context, command } from "../command.ts";
import { REPEATABLE_LIMITS } from "../options/limit-options.ts";
import { type SearchOptions, searchOptions } from "../options/metrics-options.ts";
import { solvedModelOptions } from "../options/solve-options.ts";

export const compareCommand: Command = command({
  name: "compare [model]",
  describe: "Compare ways to choose a subnet at one true latency",
  examples: [
    ["mdp compare --device jetson --budget 30%", "the embedded default, every method"],
    [
      "mdp compare net.onnx --table t.json --methods mdp,linear-latency:30,uniform --out DIR",
      "HALP in 30 steps; each subnet is written",
    ],
    [
      "mdp compare net.onnx --damages damages.json --sparsity 80%",
      "zeros alone: the program's rates beside global, uniform, ERK and LAMP",
    ],
    ["mdp compare --instance FILE.json", "a published instance, at its own budget"],
  ],
  options: (yargs) =>
    searchOptions(solvedModelOptions(yargs))
      .option("seed", {
        type: "number",
        requiresArg: true,
        default: 1,
        describe: "Random seed of the search",
      })
      .option("threads", {
        type: "number",
        requiresArg: true,
        default: 1,
        describe: "With --metrics: threads of the runtime",
      })
      .option("methods", {
        type: "string",
        requiresArg: true,
        default: METHOD_NAMES.join(","),
        describe: "Methods to compare, separated by commas; linear-latency:30 takes 30 steps",
      })
      .option("instance", {
        type: "string",
        array: true,
        requiresArg: true,
        describe:
          "Published instances to compare on instead of a network; they bring their own budgets",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        describe: "Folder for the subnets and the figures",
      })
      .conflicts("instance", ["model", "device", "table", "importance", "damages"])
      .conflicts("instance", ["limit", "soft", "penalty", "minimize", "component"]),
  repeatable: ["instance", "coefficients", ...REPEATABLE_LIMITS],
  run: async (options, context) => {
    await checkSolveOptions(options);
    const { metrics } = options;
    if (metrics !== undefined) return await byMetrics({ ...options, metrics }, context);
    if (areZerosAlone(options)) return await byRates(options, context);
    const methods = methodsOf(options.methods);
    const out = options.out ?? null;
    if (out !== null) checkWritable(join(out, "compare.json"));
    const wanted = {
      methods,
      timeLimitSeconds: options.timeLimit,
      relativeGap: options.gap,
      presolve: options.presolve,
      out,
    };
    const reports: CompareReport[] = [];
    if (options.instance !== undefined) {
      for (const path of options.instance) {
        if (context.signal.aborted) break;
        const budget = instanceBudget(options.budget);
        reports.push(await compareInstance(path, budget, wanted, context));
      }
    } else {
      const open = await openNetwork(options.model, context);
      const source = tableFor(open, { ...options, commandLine: context.commandLine });
      const asked = solveNetworkOptions(options, source.table.step);
      reports.push(await compareNetwork(open, source, asked, wanted, context));
    }
    context.json(reports.length === 1 ? reports[0] : { schema: "mdp-compares/1", reports });
    context.print(reports.map(compareText).join("\n\n\n"));
    if (out !== null) {
      const figures = await drawFigures(reports, out);
      context.print(
        `\nWritten to ${out}: reports, subnets${figures > 0 ? " and figures (.svg)" : ""}`,
      );
    }
    return exitCode(reports, context.signal.aborted);
  },
});

/** A figure beside every report that has anything to show. @returns how many were drawn */
async function drawFigures(reports: readonly CompareReport[], out: string): Promise<number> {
  let drawn = 0;
  for (const report of reports) {
    const svg = await compareSvg(report);
    if (svg === null) continue;
    writeFileAtomic(join(out, `${report.name.replaceAll(/[^\w.-]+/g, "-")}.compare.svg`), svg);
    drawn += 1;
  }
  return drawn;
}

/** The user's metrics of every way to choose a subnet, on items that no search saw. */
async function byMetrics(
  options: GivenSettings &
    SearchOptions & {
      readonly metrics: string;
      readonly model: string | undefined;
      readonly device?: string | undefined;
      readonly table?: string | undefined;
      readonly seed: number;
      readonly threads: number;
    },
  context: Context,
): Promise<(typeof EXIT)["done"]> {
  if (options.device === undefined && options.table === undefined) throw noTable();
  const open = await openNetwork(options.model);
  const source = tableFor(open, { ...options, commandLine: context.commandLine });
  const settings = solveNetworkOptions(options, source.table.step);
  const { evaluations, granularity, search, units, seed, threads } = options;
  const from = options.from === undefined ? undefined : readCoefficients(options.from, open);
  const asked = { evaluations, granularity, search, units, seed, threads, from };
  const methods = await compareByMetrics(
    ...([open, source, settings] as const),
    {
      metrics: options.metrics,
      search: { ...asked, maxMinutes: undefined, logPath: undefined },
    },
    context,
  );
  const report: ComparedMetrics = {
    ...{ schema: "mdp-compared-metrics/1", network: open.name, methods: [...methods] },
  };
  context.json(report);
  context.print(methodsText(methods));
  return EXIT.done;
}

/** The program's rates beside those of rules, for zeros alone. */
async function byRates(
  options: CompareRatesSettings & {
    readonly model: string | undefined;
    readonly out?: string | undefined;
  },
  context: Context,
): Promise<ExitCode> {
  const { out } = options;
  if (out !== undefined) checkWritable(join(out, "program.subnet.json"));
  const open = await openNetwork(options.model, context);
  const fileOf = out === undefined ? null : (rates: string) => join(out, `${rates}.subnet.json`);
  const report = await compareRates(open, options, fileOf, context);
  context.json(report);
  context.print(ratesText(report));
  if (out !== undefined) context.print(`\nWritten to ${out}: densities, for mdp sparsify --subnet`);
  return report.rows.every(({ failed }) => failed !== null) ? EXIT.infeasible : EXIT.done;
}

/** No method has a subnet: as a solve without one would end. */
function exitCode(
  reports: readonly CompareReport[],
  isAborted: boolean,
): (typeof EXIT)[keyof typeof EXIT] {
  if (isAborted) return EXIT.interrupted;
  const rows = reports.flatMap((report) => report.rows);
  return rows.every(({ result }) => result === null) ? EXIT.infeasible : EXIT.done;
}

/**
 * Instances say their unit of time in words, so that only a share can be meant for all of them.
 * @throws UsageError `cli/instance-budget`
 */
function instanceBudget(budget: string | undefined): string | null {
  if (budget === undefined) return null;
  if (budget.trim().endsWith("%")) return budget;
  throw new UsageError({
    code: "cli/instance-budget",
    message: `The budget of an instance is a share of its dense latency, not '${budget}'.`,
    where: "--budget",
    hint: "Write --budget 50%, or leave it out for the instance's own.",
  });
}

/** @throws UsageError `formulation/method`, `cli/methods` */
function methodsOf(text: string): readonly Method[] {
  const methods = text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "")
    .map((name) => parseMethod(name, "--methods"));
  const texts = new Set(methods.map(({ name, steps }) => `${name}:${steps}`));
  if (methods.length > 0 && texts.size === methods.length) return methods;
  throw new UsageError({
    code: "cli/methods",
    message:
      methods.length === 0 ? "--methods names no method." : "--methods names a method twice.",
    where: "--methods",
    hint: `Choose from ${METHOD_NAMES.join(", ")}.`,
  });
}
