import {
  copyLabel,
  type Group,
  LabelList,
  type Source,
  type Trace,
  type Window,
} from "./label-list.ts";
import { paretoMerge } from "./label-pareto.ts";
import type { RoofLine } from "./roofs.ts";

/** Makes the groups of one step. */
export interface Merger {
  /** The labels of all sources without those that another one dominates; null for none. */
  readonly merge: (positions: readonly number[], sources: readonly Source[]) => Group | null;
  /** Labels so far. */
  readonly count: () => number;
  /** What they took, in labels: comparisons count too. */
  readonly effort: () => number;
  readonly trace: () => Trace;
}

/** So many comparisons take as long as a label. */
const COMPARISONS_PER_LABEL = 32;

/**
 * @param multipliers of the priced resources
 * @param width labels per group that are kept; Infinity for all
 */
export function mergerFor(multipliers: readonly number[], window: Window, width: number): Merger {
  const all = new LabelList(multipliers.length);
  const compared = { count: 0 };
  const mergeIn =
    multipliers.length === 1
      ? sortedMerge(multipliers[0] ?? 0, window)
      : paretoMerge(multipliers, window, compared);
  return {
    merge: (positions, sources) => {
      const labels = thinned(mergeIn(sources), width);
      if (labels.length === 0) return null;
      const first = all.length;
      all.append(labels);
      const loss = labels.loss.slice(0, labels.length);
      const cost = labels.cost.map((each) => each.slice(0, labels.length));
      const bases = sources[0]?.bases ?? new Float64Array(0);
      return {
        ...{ positions, cost, loss, bases },
        leastUnder: bases.map((base, k) => base + leastUnder(window.lines[k], loss, cost)),
        leastLoss: loss.reduce((least, each) => Math.min(least, each), Number.POSITIVE_INFINITY),
        first,
      };
    },
    count: () => all.length,
    effort: () => all.length + compared.count / COMPARISONS_PER_LABEL,
    trace: () => ({
      parents: all.parent.slice(0, all.length),
      states: all.state.slice(0, all.length),
    }),
  };
}

/** The least loss + slopes * cost. */
function leastUnder(
  line: RoofLine | undefined,
  loss: Float64Array,
  cost: readonly Float64Array[],
): number {
  let least = Number.POSITIVE_INFINITY;
  for (let at = 0; at < loss.length; at += 1) {
    let sum = loss[at] as number;
    for (let r = 0; r < cost.length; r += 1) {
      sum += (line?.slopes[r] ?? 0) * (cost[r]?.[at] as number);
    }
    if (sum < least) least = sum;
  }
  return least;
}

/** In each of `width` equal ranges of the first resource's cost the label that loses least. */
function thinned(labels: LabelList, width: number): LabelList {
  if (labels.length <= width) return labels;
  const cost = labels.cost[0] as Float64Array;
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let at = 0; at < labels.length; at += 1) {
    least = Math.min(least, cost[at] as number);
    most = Math.max(most, cost[at] as number);
  }
  const best = new Int32Array(width).fill(-1);
  for (let at = 0; at < labels.length; at += 1) {
    const share = most > least ? ((cost[at] as number) - least) / (most - least) : 0;
    const range = Math.min(width - 1, Math.floor(share * width));
    const other = best[range] as number;
    const loses = labels.loss[at] as number;
    if (other < 0 || loses < (labels.loss[other] as number)) best[range] = at;
  }
  const result = new LabelList(labels.cost.length);
  for (const at of best) if (at >= 0) copyLabel(labels, at, result);
  return result;
}

/**
 * For one resource: sources are sorted by cost, and merged one after another. A label goes unless it gains more than all
 * that cost no more, where gain = multiplier * cost - loss, but for a constant.
 */
function sortedMerge(
  multiplier: number,
  { least: [least = 0], most: [most = 0], reach, lines }: Window,
): (sources: readonly Source[]) => LabelList {
  let one = new LabelList(1);
  let other = new LabelList(1);
  let lastGain = Number.NEGATIVE_INFINITY;
  const keep = (cost: number, loss: number, parent: number, state: number): void => {
    const gain = multiplier * cost - loss;
    if (gain <= lastGain) return;
    lastGain = gain;
    const at = other.push(loss, parent, state);
    (other.cost[0] as Float64Array)[at] = cost;
  };
  const slopes = Float64Array.from(lines, (line) => line.slopes[0] ?? 0);
  const rooms = new Float64Array(lines.length);
  const isUnder = (ownCost: number, ownLoss: number): boolean => {
    for (let k = 0; k < rooms.length; k += 1) {
      if (!(ownLoss + (slopes[k] as number) * ownCost <= (rooms[k] as number))) return false;
    }
    return true;
  };
  const addSource = ({ group, state, bases, ...adds }: Source): void => {
    const {
      cost: [more = 0],
      loss: moreLoss,
    } = adds;
    lines.forEach(({ room }, k) => {
      rooms[k] = room - (bases[k] as number);
    });
    const { loss, parent, state: states, length } = one;
    const cost = one.cost[0] as Float64Array;
    const groupCost = group.cost[0] as Float64Array;
    const keepOld = (at: number): void =>
      keep(cost[at] as number, loss[at] as number, parent[at] as number, states[at] as number);
    other.length = 0;
    lastGain = Number.NEGATIVE_INFINITY;
    let i = 0;
    for (let j = 0; j < groupCost.length; j += 1) {
      const nextCost = (groupCost[j] as number) + more;
      const nextLoss = (group.loss[j] as number) + moreLoss;
      for (; i < length && (cost[i] as number) <= nextCost; i += 1) keepOld(i);
      if (nextLoss > reach || nextCost < least || nextCost > most) continue;
      if (!isUnder(nextCost, nextLoss)) continue;
      keep(nextCost, nextLoss, group.first + j, state);
    }
    for (; i < length; i += 1) keepOld(i);
  };
  return (sources) => {
    one.length = 0;
    for (const source of sources) {
      addSource(source);
      [one, other] = [other, one];
    }
    return one;
  };
}
