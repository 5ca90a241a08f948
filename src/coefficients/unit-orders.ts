/**
 * Which units of a dim go first. A unit's worth is what the network's answers change by when it alone is taken away from, or given
 * back to, the network around it:
 *
 *     worth(u) = D(S without u) - D(S with u),   D(S) = sum over outputs of |z_S - z|^2 / |z - mean z|^2
 *
 * with z the whole network's answers. Around the whole network it ranks units as they are; around a pruned one it finds units that
 * have become the more important, or of no use, since others are gone.
 */
import type { Progress } from "../core/progress.ts";
import type { Importance } from "../importance/importance.ts";
import { unitOrder } from "../importance/importance.ts";
import type { SampleBatch } from "../runtime/batches.ts";
import type { Feeds } from "../runtime/session.ts";
import type { Structure } from "../structure/structure.ts";
import { keepAll, type Subnet } from "../subnet/subnet.ts";
import type { MaskedRuns } from "./masked-runs.ts";

export interface UnitOrderOptions {
  readonly runs: MaskedRuns;
  readonly batch: SampleBatch;
  /** Outputs that count; all where left out. */
  readonly outputs?: readonly string[] | undefined;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Units of every dim from the most to the least worth around a subnet; equal ones as the importance ranks them.
 * @returns by dim of the structure
 */
export async function unitOrders(
  structure: Structure,
  importance: Importance,
  around: Subnet,
  options: UnitOrderOptions,
): Promise<readonly (readonly number[])[]> {
  const { runs, batch, progress } = options;
  const outputs = options.outputs ?? structure.graph.outputs.map(({ name }) => name);
  const whole = await runs.answers(keepAll(structure), batch);
  const damage = async (subnet: Subnet): Promise<number> =>
    damageOf(await runs.answers(subnet, batch), whole, outputs);
  const base = await damage(around);
  const known = new Map(importance.dims.map((dim) => [dim.dim, dim]));
  const total = structure.dims.reduce((sum, dim) => sum + (dim.pinned === null ? dim.size : 0), 0);
  let done = 0;
  const orders: (readonly number[])[] = [];
  for (const dim of structure.dims) {
    const scored = known.get(dim.name);
    const first =
      scored === undefined ? Array.from({ length: dim.size }, (_, u) => u) : unitOrder(scored);
    const kept = new Set(around.kept[dim.index]);
    if (dim.pinned !== null || kept.size === 0) {
      orders.push(first);
      continue;
    }
    const worth = new Float64Array(dim.size);
    for (let unit = 0; unit < dim.size; unit += 1) {
      if (options.signal?.aborted === true) return orders;
      const isKept = kept.has(unit);
      // A dim never runs empty: its last unit is worth all there is.
      if (isKept && kept.size === 1) worth[unit] = Number.POSITIVE_INFINITY;
      else {
        const list = isKept
          ? (around.kept[dim.index] ?? []).filter((other) => other !== unit)
          : [...kept, unit].sort((a, b) => a - b);
        const other = await damage({ ...around, kept: around.kept.with(dim.index, list) });
        worth[unit] = isKept ? other - base : base - other;
      }
      done += 1;
      progress.step("ranking units", done, total);
    }
    const rank = new Map(first.map((unit, at) => [unit, at]));
    orders.push(
      first.toSorted(
        (a, b) => (worth[b] ?? 0) - (worth[a] ?? 0) || (rank.get(a) ?? 0) - (rank.get(b) ?? 0),
      ),
    );
  }
  return orders;
}

/** The importance with units ranked otherwise; what they are worth stays. */
export function withOrders(
  importance: Importance,
  structure: Structure,
  orders: readonly (readonly number[])[],
): Importance {
  const byName = new Map(structure.dims.map(({ name, index }) => [name, orders[index]]));
  return {
    ...importance,
    dims: importance.dims.map((dim) => ({ ...dim, order: byName.get(dim.dim) ?? dim.order })),
  };
}

/** Squared change of the answers over their variance, summed over outputs. */
function damageOf(answers: Feeds, whole: Feeds, outputs: readonly string[]): number {
  let sum = 0;
  for (const name of outputs) {
    const [own, dense] = [answers[name], whole[name]];
    if (own?.type !== "float32" || dense?.type !== "float32") continue;
    const mean = dense.data.reduce((total, value) => total + value, 0) / dense.data.length;
    let [difference, size] = [0, 0];
    for (const [index, value] of dense.data.entries()) {
      difference += ((own.data[index] ?? 0) - value) ** 2;
      size += (value - mean) ** 2;
    }
    sum += difference / (size || 1);
  }
  return sum;
}
