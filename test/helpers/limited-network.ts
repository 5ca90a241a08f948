import { join } from "node:path";
import { packageRoot } from "../../src/core/files.ts";
import { type AppliedLimit, applyLimits } from "../../src/formulation/limits/apply.ts";
import type { AppliedObjective } from "../../src/formulation/limits/objective.ts";
import {
  type LimitRequest,
  NOTHING_ASKED,
  parseRequest,
} from "../../src/formulation/limits/request.ts";
import {
  type RequestedWidths,
  requestedWidths,
  widthRules,
} from "../../src/formulation/limits/width-rules.ts";
import {
  type NetworkProblem,
  networkProblem,
} from "../../src/formulation/network/network-problem.ts";
import type { Problem } from "../../src/formulation/problem/problem.ts";
import type { Graph } from "../../src/graph/graph.ts";
import type { Importance } from "../../src/importance/importance.ts";
import { scoreNetwork } from "../../src/importance/score.ts";
import { resolveDevice } from "../../src/latency/devices.ts";
import { predictTable } from "../../src/latency/predict/predict-table.ts";
import type { LatencyTable } from "../../src/latency/table.ts";
import type { Protection } from "../../src/structure/components/protection.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import type { Structure } from "../../src/structure/structure.ts";

/** A network with random importance and predicted tables of two devices, ready for limits. */
export interface LimitableNetwork {
  readonly structure: Structure;
  readonly importance: Importance;
  readonly table: LatencyTable;
  readonly tableOf: (device: string) => LatencyTable;
}

export function limitable(graph: Graph, step = 4, batch = 2): LimitableNetwork {
  const structure = findStructure(graph);
  const importance = scoreNetwork(structure, { method: "random", seed: 5, networkHash: "none" });
  const folders = [join(packageRoot(), "latency-tables")];
  const tables = new Map<string, LatencyTable>();
  const tableOf = (device: string): LatencyTable => {
    const { description } = resolveDevice(device, folders);
    if (description === null) throw new RangeError(`${device} has no description`);
    const made = predictTable(structure, description, {
      ...{ batch, precision: "float16", step, networkName: "network", command: "test" },
    });
    const table = tables.get(device) ?? made;
    tables.set(device, table);
    return table;
  };
  return { structure, importance, table: tableOf("jetson-xavier"), tableOf };
}

export interface LimitedNetwork extends LimitableNetwork {
  readonly network: NetworkProblem;
  /** Most importance, and no limits. */
  readonly unlimited: Problem;
  readonly limits: readonly AppliedLimit[];
  readonly widths: RequestedWidths;
  readonly objective: AppliedObjective | null;
}

/** The program of the network under what is asked for. */
export async function limited(
  from: LimitableNetwork,
  asked: Partial<LimitRequest>,
  options: {
    step?: number;
    components?: ReadonlyMap<string, RegExp>;
    layers?: boolean;
    protect?: Protection;
  } = {},
): Promise<LimitedNetwork> {
  const { structure, importance, table, tableOf } = from;
  const request = await parseRequest({ ...NOTHING_ASKED, ...asked });
  const widths = requestedWidths(
    structure,
    request,
    (device) => (device === null ? table : tableOf(device)).step,
  );
  const base = networkProblem(structure, importance, table, {
    step: options.step ?? 4,
    countFrom: "full",
    maxPrune: 0.9,
    protect: options.protect ?? null,
    blocks: true,
    layers: options.layers ?? true,
    budgetMs: Number.POSITIVE_INFINITY,
    widths: widthRules(widths),
  });
  const components = options.components ?? new Map<string, RegExp>();
  const applied = applyLimits({ network: base, importance, table, tableOf, components }, request);
  const network = { ...base, problem: applied.problem };
  const { limits, objective } = applied;
  return { ...from, network, unlimited: base.problem, limits, widths, objective };
}
