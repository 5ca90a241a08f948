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
  /** Measure the units that are there, not those that could come back. */
  readonly keptOnly?: boolean | undefined;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What every unit of every dim that can be pruned is worth around a subnet, alone; empty of other dims. Units are measured until the
 * signal stops it.
 */
export async function unitWorths(
  structure: Structure,
  around: Subnet,
  options: UnitOrderOptions,
): Promise<readonly Float64Array[]> {
  const { runs, batch, progress } = options;
  const isGiven = options.keptOnly === true;
  const outputs = options.outputs ?? structure.graph.outputs.map(({ name }) => name);
  const whole = wholeOf(await runs.answers(keepAll(structure), batch), outputs);
  const damage = async (subnet: Subnet): Promise<number> =>
    damageOf(await runs.answers(subnet, batch), whole);
  const base = await damage(around);
  const measured = structure.dims.filter(
    ({ pinned, index }) => pinned === null && (around.kept[index] ?? []).length > 0,
  );
  const total = measured.reduce(
    (sum, { size, index }) => sum + (isGiven ? (around.kept[index] ?? []).length : size),
    0,
  );
  let done = 0;
  const worths = structure.dims.map(() => new Float64Array(0));
  for (const { index, size } of measured) {
    const kept = new Set(around.kept[index]);
    const worth = new Float64Array(size);
    for (let unit = 0; unit < size; unit += 1) {
      if (options.signal?.aborted === true) return worths;
      const isKept = kept.has(unit);
      if (!isKept && isGiven) continue;
      // A dim never runs empty: its last unit is worth all there is.
      if (isKept && kept.size === 1) worth[unit] = Number.POSITIVE_INFINITY;
      else {
        const list = isKept
          ? (around.kept[index] ?? []).filter((other) => other !== unit)
          : [...kept, unit].sort((a, b) => a - b);
        const other = await damage({ ...around, kept: around.kept.with(index, list) });
        worth[unit] = isKept ? other - base : base - other;
      }
      done += 1;
      progress.step("ranking units", done, total);
    }
    worths[index] = worth;
  }
  return worths;
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
  return ordersBy(structure, importance, await unitWorths(structure, around, options));
}

/**
 * Units of every dim from the most to the least worth; equal ones as the importance ranks them.
 * @param first a subnet whose units come before all others
 */
export function ordersBy(
  structure: Structure,
  importance: Importance,
  worths: readonly Float64Array[],
  first?: Subnet,
): readonly (readonly number[])[] {
  const known = new Map(importance.dims.map((dim) => [dim.dim, dim]));
  return structure.dims.map((dim) => {
    const scored = known.get(dim.name);
    const plain =
      scored === undefined ? Array.from({ length: dim.size }, (_, u) => u) : unitOrder(scored);
    const worth = worths[dim.index];
    if (worth === undefined || worth.length === 0) return plain;
    const rank = new Map(plain.map((unit, at) => [unit, at]));
    const kept = new Set(first?.kept[dim.index]);
    return plain.toSorted(
      (a, b) =>
        Number(kept.has(b)) - Number(kept.has(a)) ||
        (worth[b] ?? 0) - (worth[a] ?? 0) ||
        (rank.get(a) ?? 0) - (rank.get(b) ?? 0),
    );
  });
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

/** An output of the whole network, with its variance times its length. */
interface Whole {
  readonly name: string;
  readonly data: Float32Array;
  readonly spread: number;
}

function wholeOf(answers: Feeds, outputs: readonly string[]): readonly Whole[] {
  return outputs.flatMap((name) => {
    const dense = answers[name];
    if (dense?.type !== "float32") return [];
    const { data } = dense;
    const mean = data.reduce((total, value) => total + value, 0) / data.length;
    const spread = data.reduce((total, value) => total + (value - mean) ** 2, 0);
    return [{ name, data, spread: spread || 1 }];
  });
}

/** Squared change of the answers over their variance, summed over outputs. */
function damageOf(answers: Feeds, whole: readonly Whole[]): number {
  let sum = 0;
  for (const { name, data, spread } of whole) {
    const own = answers[name];
    if (own?.type !== "float32") continue;
    let difference = 0;
    for (let index = 0; index < data.length; index += 1) {
      difference += ((own.data[index] ?? 0) - (data[index] ?? 0)) ** 2;
    }
    sum += difference / spread;
  }
  return sum;
}
