import { readInstance } from "../../authors/read-instance.ts";
import { UsageError } from "../../core/errors.ts";
import type { SolveReport } from "../../documents/solve.ts";
import type { SweepPoint, SweepReport } from "../../documents/sweep.ts";
import { evaluate } from "../../formulation/problem/evaluate.ts";
import type { Problem } from "../../formulation/problem/problem.ts";
import type { Answer } from "../../formulation/solve/answer.ts";
import { macCount, parameterCount } from "../../structure/counts.ts";
import type { OpenNetwork } from "../open/network.ts";
import {
  everything,
  type SolvedNetwork,
  type SolveNetworkOptions,
  solvedNetwork,
  withBudget,
} from "../solve/asked-network.ts";
import { prepareNetwork } from "../solve/solve-network.ts";
import { headOf, reportOf, writeSubnet } from "../solve/solved-report.ts";
import type { TableSource } from "../tables/table-source.ts";

/** What a sweep is over: a network or an instance. */
export interface SweepSubject {
  readonly about: Pick<
    SweepReport,
    "name" | "head" | "swept" | "damage" | "unit" | "dense" | "notes"
  >;
  readonly problem: Problem;
  /** Index of the resource whose limit the sweep sets: 0, the latency, unless zeros alone are chosen. */
  readonly resource: number;
  /** What is known of an answer within a budget. */
  readonly details: (answer: Answer, limit: number) => PointDetails;
  /** Which program it was, but for the budget. */
  readonly options: (answer: Answer, limit: number) => SweepReport["options"];
  /** Null where there are no subnets to write. */
  readonly write: ((path: string, answer: Answer, limit: number, budget: string) => void) | null;
}

export type PointDetails = Pick<
  SweepPoint,
  "importance" | "damage" | "parameters" | "macs" | "droppedBlocks" | "droppedLayers"
>;

/** @throws InputError for the file */
export function instanceSubject(path: string): SweepSubject {
  const { problem } = readInstance(path);
  const { objective, usage } = evaluate(problem, everything(problem));
  return {
    about: {
      name: problem.name,
      head: null,
      unit: problem.resources[0]?.unit ?? "",
      dense: {
        latency: usage[0] ?? Number.NaN,
        importance: objective,
        parameters: null,
        macs: null,
      },
      notes: [],
    },
    problem,
    resource: 0,
    details: ({ selection, objective: importance }) => ({
      importance,
      parameters: null,
      macs: null,
      droppedBlocks: [...selection.droppedBlocks].map((block) => problem.blocks[block]?.name ?? ""),
      droppedLayers: [],
    }),
    options: () => null,
    write: null,
  };
}

/** @throws as `prepareNetwork` */
export async function networkSubject(
  open: OpenNetwork,
  source: TableSource,
  wanted: SolveNetworkOptions,
): Promise<SweepSubject> {
  const prepared = await prepareNetwork(open, source, wanted);
  const { structure } = open;
  const { problem } = prepared.network;
  refuseLimitedLatency(problem);
  const reportFor = (
    answer: Answer,
    limit: number,
    budget: string,
  ): { readonly solved: SolvedNetwork; readonly report: SolveReport } => {
    const solved = solvedNetwork(prepared, withBudget(problem, limit), answer);
    const report = reportOf({
      open,
      source,
      wanted: { ...wanted, budget },
      solved,
      read: 0,
      total: 0,
    });
    return { solved, report };
  };
  return {
    about: {
      name: open.name,
      head: headOf(open, source, prepared.importance),
      unit: "ms",
      dense: {
        latency: prepared.dense.latencyMs,
        importance: prepared.dense.importance,
        parameters: parameterCount(structure),
        macs: macCount(structure),
      },
      notes: [...source.notes, ...source.table.notes],
    },
    problem,
    resource: 0,
    details: (answer, limit) => {
      const { report } = reportFor(answer, limit, "");
      const { importanceKept, parameters, macs, droppedBlocks, droppedLayers } = report;
      return {
        importance: importanceKept.chosen,
        parameters: parameters.chosen,
        macs: macs.chosen,
        droppedBlocks,
        droppedLayers,
      };
    },
    options: (answer, limit) => {
      const { budget: _, ...options } = reportFor(answer, limit, "").report.options;
      return options;
    },
    write: (path, answer, limit, budget) => {
      const { solved, report } = reportFor(answer, limit, budget);
      writeSubnet(path, open, solved, report);
    },
  };
}

/** A limit on the same latency would end the sweep where nobody sees why. */
function refuseLimitedLatency({ resources }: Problem): void {
  const { limit = Number.POSITIVE_INFINITY } = resources[0] ?? {};
  if (limit === Number.POSITIVE_INFINITY) return;
  throw new UsageError({
    code: "cli/latency-swept",
    message: "mdp sweep sets the limit on this device's latency itself.",
    where: "--limit",
    hint: "Say with --from and --to, or with --budgets, where it is to end; limits on other devices and amounts may stay.",
  });
}
