import { readInstance } from "../../authors/read-instance.ts";
import type { ExplainReport } from "../../documents/explain.ts";
import { subnetSelection } from "../../formulation/explain/subnet-selection.ts";
import { latencyBudget } from "../../formulation/network/latency-budget.ts";
import type { NetworkProblem } from "../../formulation/network/network-problem.ts";
import { evaluate } from "../../formulation/problem/evaluate.ts";
import type { Problem, Selection } from "../../formulation/problem/problem.ts";
import type { Answer } from "../../formulation/solve/answer.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { TableSource } from "../tables/table-source.ts";
import {
  everything,
  type SolvedNetwork,
  type SolveNetworkOptions,
  withBudget,
} from "./asked-network.ts";
import type { RememberedSubnet } from "./remembered-subnet.ts";
import { prepareNetwork } from "./solve-network.ts";
import { headOf } from "./solved-report.ts";

/** What is explained: a network's program or an instance, and the subnet where one is given. */
export interface ExplainSubject {
  readonly about: Pick<
    ExplainReport,
    "name" | "head" | "options" | "goal" | "dense" | "dims" | "notes"
  >;
  readonly problem: Problem;
  readonly selection: Selection | undefined;
  /** Where it is known already. */
  readonly answer?: Answer | undefined;
}

/** @throws InputError for the file */
export function instanceToExplain(path: string): ExplainSubject {
  const { problem } = readInstance(path);
  const { objective } = evaluate(problem, everything(problem));
  return {
    about: {
      name: problem.name,
      head: null,
      options: null,
      goal: "importance",
      dense: { objective },
      dims: problem.dims.map(() => ({ unitChannels: 1, whole: "one width only" })),
      notes: [],
    },
    problem,
    selection: undefined,
  };
}

const OTHER_UNITS =
  "The subnet keeps other units than those that rank best by this importance; it is explained as if it kept the best.";

/**
 * @param remembered the subnet to explain, with notes about its options; null explains the best one
 * @throws as `prepareNetwork` and `subnetSelection`
 */
export async function networkToExplain(
  open: OpenNetwork,
  source: TableSource,
  wanted: SolveNetworkOptions,
  remembered: Pick<RememberedSubnet, "subnet" | "notes" | "densities"> | null,
): Promise<ExplainSubject> {
  const prepared = await prepareNetwork(open, source, wanted);
  const { network, dense, importance } = prepared;
  const budgetMs = await latencyBudget(wanted.budget, dense);
  const given =
    remembered === null ? null : subnetSelection(network, remembered.subnet, remembered.densities);
  return {
    about: {
      name: open.name,
      head: headOf(open, source, importance),
      options: optionsOf(wanted),
      goal: prepared.objective?.text ?? "importance",
      dense: { objective: prepared.objective?.dense ?? dense.importance },
      dims: dimsOf(open, network),
      notes: [
        ...(remembered?.notes ?? []),
        ...(given === null || given.keepsBest ? [] : [OTHER_UNITS]),
      ],
    },
    problem: withBudget(network.problem, budgetMs),
    selection: given?.selection,
  };
}

/** An answer that was just found, with the problem that it answers. */
export function solvedToExplain(
  open: OpenNetwork,
  source: TableSource,
  wanted: SolveNetworkOptions,
  { answer, network, importance, importanceKept, minimised }: SolvedNetwork,
): ExplainSubject {
  return {
    about: {
      name: open.name,
      head: headOf(open, source, importance),
      options: optionsOf(wanted),
      goal: minimised?.text ?? "importance",
      dense: { objective: minimised?.dense ?? importanceKept.dense },
      dims: dimsOf(open, network),
      notes: [],
    },
    problem: network.problem,
    selection: answer.selection,
    answer,
  };
}

function optionsOf(wanted: SolveNetworkOptions): ExplainReport["options"] {
  const { budget, step, countFrom, maxPrune, protect, blocks, layers } = wanted;
  return { budget, step, countFrom, maxPrune, protect: protect?.text ?? null, blocks, layers };
}

/** Behind the network's dims, those of densities. */
function dimsOf(
  { structure }: OpenNetwork,
  { problem, choices }: NetworkProblem,
): ExplainReport["dims"] {
  return problem.dims.map((_, dim) => ({
    unitChannels: structure.dims[dim]?.unitChannels ?? 1,
    whole: choices[dim]?.whole ?? null,
  }));
}
