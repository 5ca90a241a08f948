import { readInstance } from "../../authors/read-instance.ts";
import type { ExplainReport } from "../../documents/explain.ts";
import { subnetSelection } from "../../formulation/explain/subnet-selection.ts";
import { latencyBudget } from "../../formulation/network/latency-budget.ts";
import { evaluate } from "../../formulation/problem/evaluate.ts";
import type { Problem, Selection } from "../../formulation/problem/problem.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { TableSource } from "../tables/table-source.ts";
import { everything, type SolveNetworkOptions, withBudget } from "./asked-network.ts";
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
  const { budget, step, countFrom, maxPrune, protect, blocks, layers } = wanted;
  return {
    about: {
      name: open.name,
      head: headOf(open, source, importance),
      options: {
        budget,
        step,
        countFrom,
        maxPrune,
        protect: protect?.text ?? null,
        blocks,
        layers,
      },
      goal: prepared.objective?.text ?? "importance",
      dense: { objective: prepared.objective?.dense ?? dense.importance },
      // Behind the network's dims, those of densities.
      dims: network.problem.dims.map((_, dim) => ({
        unitChannels: open.structure.dims[dim]?.unitChannels ?? 1,
        whole: network.choices[dim]?.whole ?? null,
      })),
      notes: [
        ...(remembered?.notes ?? []),
        ...(given === null || given.keepsBest ? [] : [OTHER_UNITS]),
      ],
    },
    problem: withBudget(network.problem, budgetMs),
    selection: given?.selection,
  };
}
