import { join } from "node:path";
import { at } from "../../src/core/at.ts";
import { countsAt } from "../../src/latency/lookup.ts";
import { predictNetwork } from "../../src/latency/predict-network.ts";
import { type LatencyTable, readTable, writeTable } from "../../src/latency/table.ts";
import { solve } from "../../src/pipeline/library.ts";
import { openNetwork } from "../../src/pipeline/open/network.ts";

/**
 * The table as if every operation took time in proportion to its work, the product of its channel counts; whole operations take
 * what was measured. What MDP (arXiv 2504.02168) calls linear latency: no stairs, no kernel that is slow at a width, no cost of an
 * operation that is there at all.
 */
export function linearTable(table: LatencyTable): LatencyTable {
  const ops = table.ops.map((op) => {
    const workAt = (cell: number): number =>
      countsAt(cell, op.counts).reduce((product, count) => product * count, 1);
    const last = op.ms.length - 1;
    const perWork = at(op.ms, last) / workAt(last);
    const { id, label, kind, axes, counts } = op;
    const ms = op.ms.map((_, cell) => perWork * workAt(cell));
    return { ...{ id, label, kind, axes, counts, ms }, origin: "i".repeat(ms.length) };
  });
  const notes = ["Made linear in the work of each operation, for an ablation."];
  return { ...table, ops, notes, expectedError: null };
}

export interface LinearMatch {
  /** File of the linear table. */
  readonly table: string;
  /** The budget under it whose subnet comes closest to the wanted latency from below, by the measured table. */
  readonly budget: string;
  /** What that subnet takes by the measured table, as a share of the whole network. */
  readonly share: number;
}

const TRIES = 8;

/** The budget for a linear table whose subnet takes `share` of the dense latency by the measured table. */
export async function matchedLinear(
  given: { readonly model: string; readonly importance: string; readonly table: string },
  share: number,
  folder: string,
): Promise<LinearMatch> {
  const measured = readTable(given.table);
  const table = join(folder, "linear-table.json");
  writeTable(table, linearTable(measured));
  const { structure } = await openNetwork(given.model);
  let [low, high] = [share / 3, 1];
  let best: LinearMatch | null = null;
  for (let tried = 0; tried < TRIES; tried += 1) {
    const middle = (low + high) / 2;
    const budget = `${(100 * middle).toFixed(2)}%`;
    const { subnet } = await solve({ ...given, table, budget });
    const truth = predictNetwork(measured, structure, subnet).ms / measured.denseMs;
    if (truth > share) high = middle;
    else {
      low = middle;
      if (best === null || truth > best.share) best = { table, budget, share: truth };
    }
  }
  if (best === null) throw new Error(`no budget of the linear table takes ${share} or less`);
  return best;
}
