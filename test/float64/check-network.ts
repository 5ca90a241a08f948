import { MdpError } from "../../src/core/errors.ts";
import { type Random, randomFrom } from "../../src/core/random.ts";
import { selectedSubnet } from "../../src/formulation/network/selected-subnet.ts";
import { checkSelection, evaluate as used } from "../../src/formulation/problem/evaluate.ts";
import type { Problem, Selection } from "../../src/formulation/problem/problem.ts";
import { solveProblem } from "../../src/formulation/solve/solve-problem.ts";
import type { Graph } from "../../src/graph/graph.ts";
import type { Solver } from "../../src/mip/solver.ts";
import { macCount, parameterCount } from "../../src/structure/counts.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import { type Subnet, unitCounts } from "../../src/subnet/subnet.ts";
import { type LimitedNetwork, limitable, limited } from "../helpers/limited-network.ts";
import { randomSelection } from "../helpers/random-selection.ts";
import { drawnNetwork } from "./drawn-network.ts";
import { type Evaluated, evaluate, type Numbers } from "./evaluate.ts";
import { evaluateMasked } from "./masked.ts";
import { macsOf, parametersOf, peakBytesOf } from "./recount.ts";

/** How one network fared. */
export interface Checked {
  readonly subnets: number;
  readonly droppedBlocks: number;
  readonly droppedLayers: number;
  /** Limits that no selection meets. */
  readonly infeasible: number;
  /** Largest difference of an output, relative to its largest value. */
  readonly worst: number;
}

/** Float64 on both sides: what is left is the order of sums. */
const ROUNDING = 1e-9;
/** Of the predicted tables that limits are tried on: float16. */
const BYTES = 2;

/** Makes a right cut wrong, to show that the check can fail. */
export type Sabotage = (cut: Graph, random: Random) => Graph;

/**
 * A network of this seed, solved under limits by chance on a table, and two subnets by chance: what is cut must compute in the
 * evaluator what the masked network computes there, and parameters, MACs and memory must be what is counted on the cut network.
 * @throws Error with what differs
 */
export async function checkNetwork(
  seed: number,
  solver: Solver,
  sabotage: Sabotage | null = null,
): Promise<Checked> {
  const random = randomFrom(seed + 5);
  const ready = limitable(drawnNetwork(seed), 2, 1);
  const quantities = ["params", "macs", "memory", "bytes"].filter(() => random.integer(2) === 0);
  const limit = quantities.map((quantity) => `${quantity} <= ${55 + random.integer(45)}%`);
  const made = await limited(ready, { limit }, { step: 2, layers: random.integer(3) > 0 });
  const budget = ready.table.denseMs * (0.7 + 0.3 * random.next());
  const { problem: free } = made.network;
  const resources = free.resources.map((resource, at) =>
    at === 0 ? { ...resource, limit: budget } : resource,
  );
  const problem = { ...free, resources };
  const solved = await solvedSelection(problem, solver);
  const selections = [
    ...(solved === null ? [] : [solved]),
    ...[0, 1].map(() => randomSelection(problem, random)),
  ];
  let [worst, droppedBlocks, droppedLayers] = [0, 0, 0];
  for (const [at, selection] of selections.entries()) {
    const subnet = selectedSubnet({ ...made.network, problem }, selection);
    const where = `seed ${seed}, subnet ${at}`;
    worst = Math.max(worst, checkSubnet(made, subnet, selection, problem, where, sabotage, random));
    droppedBlocks += subnet.droppedBlocks.length;
    droppedLayers += subnet.droppedLayers.length;
  }
  return {
    subnets: selections.length,
    droppedBlocks,
    droppedLayers,
    infeasible: solved === null ? 1 : 0,
    worst,
  };
}

/** null where nothing meets the limits. */
async function solvedSelection(problem: Problem, solver: Solver): Promise<Selection | null> {
  try {
    const { selection } = await solveProblem(problem, [solver]);
    checkSelection(problem, selection);
    return selection;
  } catch (error) {
    if (error instanceof MdpError && error.exitCode === 4) return null;
    throw error;
  }
}

function checkSubnet(
  made: LimitedNetwork,
  subnet: Subnet,
  selection: Selection,
  problem: Problem,
  where: string,
  sabotage: Sabotage | null,
  random: Random,
): number {
  const { structure } = made;
  const right = cutGraph(structure, subnet);
  const cut = sabotage === null ? right : sabotage(right, random);
  const fed = inputsOf(structure.graph, random);
  const smaller = evaluate(cut, fed);
  const worst = largestDifference(evaluateMasked(structure, subnet, fed), smaller);
  if (!(worst <= ROUNDING)) throw new Error(`${where}: outputs differ by ${worst}`);
  const kept = {
    units: unitCounts(subnet),
    droppedBlocks: subnet.droppedBlocks,
    droppedLayers: subnet.droppedLayers,
  };
  const parameters = parametersOf(cut);
  const macs = macsOf(smaller);
  same(where, "parameters", parameters, parameterCount(structure, kept));
  same(where, "MACs", macs, macCount(structure, kept));
  const peak = peakBytesOf(cut, smaller, BYTES);
  const measured = { params: parameters, macs, memory: peak };
  const { usage } = used(problem, selection);
  for (const { text, isExact, resources, unheld, limit } of made.limits) {
    const name = text.split(" ")[0] as keyof typeof measured;
    if (measured[name] === undefined || resources.length === 0) continue;
    // Points of peak memory that can't exceed the limit have no resource.
    const counted = Math.max(unheld, ...resources.map((index) => usage[index] ?? 0));
    const isMet = resources.every(
      (index) => (usage[index] ?? 0) <= (problem.resources[index]?.limit ?? 0),
    );
    if (isMet && measured[name] > limit * (1 + 1e-9)) {
      throw new Error(`${where}: the program meets ${text}, the cut network has ${measured[name]}`);
    }
    if (
      counted < measured[name] * (1 - 1e-9) ||
      (isExact && name !== "memory" && counted > measured[name] * (1 + 1e-9))
    ) {
      throw new Error(
        `${where}: the program counts ${counted} ${name}, the cut network has ${measured[name]}`,
      );
    }
  }
  return worst;
}

function same(where: string, what: string, counted: number, known: number): void {
  if (counted !== known) throw new Error(`${where}: ${counted} ${what} counted, ${known} said`);
}

function inputsOf(graph: Graph, random: Random): ReadonlyMap<string, Numbers> {
  return new Map(
    graph.inputs.map(({ name, shape }) => {
      const extents = (shape ?? []).map((extent) => (typeof extent === "number" ? extent : 1));
      const length = extents.reduce((a, b) => a * b, 1);
      return [name, { shape: extents, data: Float64Array.from({ length }, random.normal) }];
    }),
  );
}

function largestDifference(dense: Evaluated, cut: Evaluated): number {
  return Math.max(
    ...dense.outputs.map(({ data }, at) => {
      const other = cut.outputs[at]?.data ?? new Float64Array();
      if (other.length !== data.length) return Number.POSITIVE_INFINITY;
      const scale = data.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-300);
      return (
        data.reduce(
          (most, value, index) => Math.max(most, Math.abs(value - (other[index] ?? 0))),
          0,
        ) / scale
      );
    }),
  );
}
