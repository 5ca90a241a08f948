import { GRANULARITIES, type Granularity } from "../../coefficients/groups.ts";
import { EXIT, type ExitCode } from "../../core/errors.ts";
import type { ReasonsReport } from "../../documents/coefficients.ts";
import type { ConflictReport, ExplainReport } from "../../documents/explain.ts";
import { explainConflict } from "../../formulation/explain/conflict.ts";
import { type ExplainOptions, explain } from "../../formulation/explain/explain.ts";
import { InfeasibleLimitsError } from "../../formulation/solve/answer.ts";
import { explainByMetrics } from "../../pipeline/coefficients/explain-by-metrics.ts";
import { openNetwork } from "../../pipeline/open/network.ts";
import {
  type ExplainSubject,
  instanceToExplain,
  networkToExplain,
} from "../../pipeline/solve/explain-subject.ts";
import {
  type GivenOptions,
  rememberedSubnet,
  withRemembered,
} from "../../pipeline/solve/remembered-subnet.ts";
import { solveProgressNotes } from "../../pipeline/solve/solve-notes.ts";
import { checkSolveOptions, solveNetworkOptions } from "../../pipeline/solve/solve-settings.ts";
import { withSolvers } from "../../pipeline/solve/solvers.ts";
import { areZerosAlone, zerosToExplain } from "../../pipeline/sparsify/zeros-subjects.ts";
import { noTable, tableFor } from "../../pipeline/tables/table-source.ts";
import { reasonsText } from "../../report/coefficients-report.ts";
import { conflictText, explainText } from "../../report/explain-report.ts";
import { painter } from "../../report/painter.ts";
import { type Command, type Context, command } from "../command.ts";
import { REPEATABLE_LIMITS } from "../options/limit-options.ts";
import { solvedModelOptions } from "../options/solve-options.ts";

/** Explaining is for people who wait: what is not exact by then is said to lie between two losses. */
const DEFAULT_SECONDS = 60;

export const explainCommand: Command = command({
  name: "explain [model]",
  describe: "Explain why a subnet was chosen, and what every other choice would cost",
  examples: [
    ["mdp explain --device jetson --budget 50%", "the best subnet at half the latency"],
    [
      "mdp explain net.onnx --subnet subnet.json",
      "a subnet of mdp solve, with the options it was solved with",
    ],
    [
      "mdp explain net.onnx --table t.json --budget 3ms",
      "an infeasible budget: what stands in the way",
    ],
    [
      'mdp explain net.onnx --damages damages.json --sparsity 80% --limit "bytes <= 25%"',
      "the densities of zeros alone, and what the limits are worth",
    ],
    ["mdp explain --instance FILE.json", "a published instance of the program"],
  ],
  repeatable: REPEATABLE_LIMITS,
  options: (yargs) =>
    solvedModelOptions(yargs)
      .option("subnet", {
        type: "string",
        requiresArg: true,
        describe: "subnet.json to explain; its options are used where none are given",
      })
      .option("instance", {
        type: "string",
        requiresArg: true,
        describe: "Published instance to explain instead of a network",
      })
      .option("metrics", {
        type: "string",
        requiresArg: true,
        describe: "Explain the subnet by these metrics instead: metrics.json",
      })
      .option("coefficients", {
        type: "string",
        requiresArg: true,
        describe: "With --metrics: coefficients.json of the search",
      })
      .option("granularity", {
        choices: GRANULARITIES,
        default: "auto" as const,
        describe: "With --metrics: what a group is",
      })
      .option("threads", {
        type: "number",
        requiresArg: true,
        default: 1,
        describe: "With --metrics: threads of the runtime",
      })
      .implies("metrics", "subnet")
      // A subnet file may say these, so that they have no default before it is read.
      .default({ "max-prune": undefined, blocks: undefined, layers: undefined })
      .conflicts("instance", ["model", "device", "table", "importance", "subnet", "damages"]),
  run: async (options, context) => {
    const { instance, subnet = null, metrics } = options;
    if (metrics !== undefined && subnet !== null) {
      const report = await reasons({ ...options, metrics, subnet }, context);
      context.json(report);
      context.print(reasonsText(report));
      return EXIT.done;
    }
    const subject =
      instance === undefined ? await openSubject(options, context) : instanceToExplain(instance);
    return await explainSubject(subject, subnet, options, context);
  },
});

type Options = GivenOptions & {
  readonly model?: string | undefined;
  readonly subnet?: string | undefined;
  readonly timeLimit?: number | undefined;
  readonly gap: number;
  readonly presolve: boolean;
};

/** Why a subnet is as it is by the user's metrics; a search's subnet remembers no table, so that one is named. */
async function reasons(
  given: Options & {
    readonly metrics: string;
    readonly subnet: string;
    readonly coefficients?: string | undefined;
    readonly granularity: Granularity;
    readonly threads: number;
  },
  context: Context,
): Promise<ReasonsReport> {
  const options = withRemembered(given, {});
  await checkSolveOptions(options);
  if (options.device === undefined && options.table === undefined) throw noTable();
  const open = await openNetwork(given.model);
  const source = tableFor(open, { ...options, commandLine: context.commandLine });
  const settings = { ...solveNetworkOptions(options, source.table.step), budget: "none" };
  const { metrics, subnet, coefficients, granularity, threads } = given;
  const request = { metrics, subnet, coefficients, granularity, threads };
  return explainByMetrics(open, source, settings, request, context);
}

async function openSubject(given: Options, context: Context): Promise<ExplainSubject> {
  const open = await openNetwork(given.model, { bind: context.bind, subnet: given.subnet });
  const remembered =
    given.subnet === undefined ? null : rememberedSubnet(given.subnet, open.structure);
  const options = withRemembered(given, remembered?.options ?? {});
  await checkSolveOptions(options);
  if (areZerosAlone(options)) return zerosToExplain(open, options, remembered);
  const source = tableFor(open, { ...options, commandLine: context.commandLine });
  const wanted = solveNetworkOptions(options, source.table.step);
  return networkToExplain(open, source, wanted, remembered);
}

async function explainSubject(
  { about, problem, selection }: ExplainSubject,
  subnet: string | null,
  { timeLimit, presolve }: Pick<Options, "timeLimit" | "presolve">,
  context: Context,
): Promise<ExitCode> {
  const seconds = timeLimit ?? DEFAULT_SECONDS;
  const { signal } = context;
  const asked: ExplainOptions = {
    selection,
    timeLimitSeconds: seconds,
    presolve: presolve ? undefined : false,
    signal,
    onProgress: solveProgressNotes(context.progress),
    onStep: (done, total) => context.progress.step("losses", done, total),
  };
  const paint = painter(process.stdout.isTTY);
  return await withSolvers(async (solvers) => {
    try {
      const explanation = await explain(problem, solvers, asked);
      const report: ExplainReport = { schema: "mdp-explain/1", ...about, subnet, explanation };
      context.json(report);
      context.print(explainText(report, paint));
      return signal.aborted ? EXIT.interrupted : EXIT.done;
    } catch (error) {
      if (!(error instanceof InfeasibleLimitsError)) throw error;
      const search = { solvers, secondsLeft: secondsFrom(performance.now(), seconds), signal };
      const conflict = await explainConflict(problem, search, error);
      const { name, head } = about;
      const report: ConflictReport = { schema: "mdp-conflict/1", name, head, conflict };
      context.json(report);
      context.print(conflictText(report, paint));
      return EXIT.infeasible;
    }
  });
}

/** Seconds that are left of so many after a moment. */
function secondsFrom(began: number, seconds: number): () => number {
  return () => seconds - (performance.now() - began) / 1000;
}
