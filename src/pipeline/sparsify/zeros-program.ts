/** The program of zeros alone: every channel stays, and no device is needed. */
import { InputError } from "../../core/errors.ts";
import { applyLimits, type LimitedProblem } from "../../formulation/limits/apply.ts";
import { measuredWhole } from "../../formulation/limits/measure.ts";
import { type LimitRequest, parseRequest } from "../../formulation/limits/request.ts";
import { type SettledLimit, settleLimits } from "../../formulation/limits/settled.ts";
import { type RequestedWidths, requestedWidths } from "../../formulation/limits/width-rules.ts";
import { networkProblem } from "../../formulation/network/network-problem.ts";
import type { Problem } from "../../formulation/problem/problem.ts";
import type { Answer } from "../../formulation/solve/answer.ts";
import {
  type SparseChoice,
  selectedDensities,
  withSparsity,
} from "../../formulation/sparsity/sparse-problem.ts";
import type { Importance } from "../../importance/importance.ts";
import type { Structure } from "../../structure/structure.ts";

/** The program with its limits. */
export interface ZerosProgram {
  readonly network: ReturnType<typeof withSparsity>;
  readonly problem: Problem;
  readonly limited: LimitedProblem;
  readonly widths: RequestedWidths;
}

/** @throws UsageError as `parseRequest` and `applyLimits`; InputError `sparsify/no-latency` */
export async function zerosProgram(
  structure: Structure,
  sparse: SparseChoice,
  limits: LimitRequest,
  components: ReadonlyMap<string, RegExp>,
): Promise<ZerosProgram> {
  const importance = noImportance(structure);
  const channels = networkProblem(structure, importance, null, {
    ...{ step: 1, countFrom: "zero", maxPrune: 0, protect: EVERY, blocks: false, layers: false },
    budgetMs: Number.POSITIVE_INFINITY,
  });
  const network = withSparsity(channels, sparse.weights, sparse.format);
  const asked = await parseRequest(limits);
  // Channels stay as they are, and so there are no widths to choose: what names them finds a single one.
  const widths = requestedWidths(structure, asked, () => 1);
  const sources = { network, importance, table: null, tableOf: noTable, components };
  const limited = applyLimits(sources, asked);
  const problem = { ...limited.problem, name: structure.graph.name };
  return { network, problem, limited, widths };
}

const EVERY = { text: "everything", pattern: /^/, components: [] } as const;

/** Channels have no importance where none can go. */
function noImportance({ dims }: Structure): Importance {
  return {
    ...{ schema: "mdp-importance/1", method: "none", normalisation: "none" },
    ...{ networkHash: null, seed: null },
    dims: dims.map(({ name, size }) => ({ dim: name, units: size, layers: [] })),
  };
}

function noTable(device: string): never {
  throw new InputError({
    code: "sparsify/no-latency",
    message: `Zeros change no latency that a table of '${device}' knows.`,
    where: "--limit",
    hint: "Limit nonzeros or bytes; mdp prune --sparsity chooses channels within a latency and zeros together.",
  });
}

/** What an answer keeps of each weight, and how that stands to the limits, counted on the network itself. */
export function settledZeros(
  { network, problem, limited, widths }: ZerosProgram,
  answer: Answer,
): { readonly densities: ReadonlyMap<string, number>; readonly limits: readonly SettledLimit[] } {
  const densities = selectedDensities(network.sparsity, answer.selection);
  const subnet = { ...measuredWhole(network.structure), densities };
  return {
    densities,
    limits: settleLimits({ ...network, problem }, limited, widths, subnet, answer),
  };
}
