import { copyLabel, LabelList, type Source, type Window } from "./label-list.ts";
import type { RoofLine } from "./roofs.ts";

/**
 * For several resources: all labels, cheapest first in the first resource, each compared with those that were kept. A label
 * goes unless it gains more than all that cost no more of any resource.
 *
 * @param compared counts the comparisons
 */
export function paretoMerge(
  multipliers: readonly number[],
  window: Window,
  compared: { count: number },
): (sources: readonly Source[]) => LabelList {
  return (sources) => {
    const labels = gather(sources, multipliers.length, window);
    const gain = gainsOf(labels, multipliers);
    const order = cheapestFirst(labels, gain);
    const kept =
      labels.cost.length === 2 ? keptOfTwo(labels, gain) : keptOfMany(labels, gain, compared);
    const result = new LabelList(multipliers.length);
    for (const at of order) if (kept(at)) copyLabel(labels, at, result);
    compared.count += labels.length;
    return result;
  };
}

/** The labels of all sources that are in the window. */
function gather(
  sources: readonly Source[],
  resources: number,
  { least, most, reach, lines }: Window,
): LabelList {
  const found = new LabelList(resources);
  const cost = new Float64Array(resources);
  const isWithin = (source: Source, label: number): boolean => {
    for (let r = 0; r < resources; r += 1) {
      const next = (source.group.cost[r]?.[label] ?? 0) + (source.cost[r] ?? 0);
      cost[r] = next;
      if (next < (least[r] ?? 0) || next > (most[r] ?? 0)) return false;
    }
    return true;
  };
  const isUnder = (loss: number, bases: Float64Array): boolean => {
    for (let k = 0; k < lines.length; k += 1) {
      const { room, slopes } = lines[k] as RoofLine;
      let sum = loss + (bases[k] as number);
      for (let r = 0; r < resources; r += 1) sum += (slopes[r] as number) * (cost[r] as number);
      if (!(sum <= room)) return false;
    }
    return true;
  };
  for (const source of sources) {
    const { group, state, loss: more, bases } = source;
    for (let label = 0; label < group.loss.length; label += 1) {
      const loss = (group.loss[label] as number) + more;
      if (loss > reach || !isWithin(source, label) || !isUnder(loss, bases)) continue;
      const at = found.push(loss, group.first + label, state);
      found.cost.forEach((each, r) => {
        each[at] = cost[r] as number;
      });
    }
  }
  return found;
}

/** But for a constant. */
function gainsOf({ cost, loss, length }: LabelList, multipliers: readonly number[]): Float64Array {
  const gain = new Float64Array(length);
  for (let at = 0; at < length; at += 1) {
    let sum = -(loss[at] as number);
    for (let r = 0; r < cost.length; r += 1)
      sum += (multipliers[r] ?? 0) * (cost[r]?.[at] as number);
    gain[at] = sum;
  }
  return gain;
}

function cheapestFirst({ cost, length }: LabelList, gain: Float64Array): Int32Array {
  return Int32Array.from({ length }, (_, at) => at).sort((one, other) => {
    for (const each of cost) {
      const difference = (each[one] as number) - (each[other] as number);
      if (difference !== 0) return difference;
    }
    return (gain[other] as number) - (gain[one] as number);
  });
}

/** Of two resources, the second: a staircase of those kept, by cost, on which the gain rises with every step. */
function keptOfTwo({ cost: [, second] }: LabelList, gain: Float64Array): (at: number) => boolean {
  const stairs: number[] = [];
  const costOf = (at: number): number => second?.[at] as number;
  return (at) => {
    const cost = costOf(at);
    const own = gain[at] as number;
    // The number of stairs that cost no more.
    let low = 0;
    let high = stairs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (costOf(stairs[middle] as number) <= cost) low = middle + 1;
      else high = middle;
    }
    const below = stairs[low - 1];
    if (below !== undefined && (gain[below] as number) >= own) return false;
    let end = low;
    while (end < stairs.length && (gain[stairs[end] as number] as number) <= own) end += 1;
    stairs.splice(low, end - low, at);
    return true;
  };
}

/** The order takes care of the first resource; the others are compared with all that were kept. */
function keptOfMany(
  { cost }: LabelList,
  gain: Float64Array,
  compared: { count: number },
): (at: number) => boolean {
  const kept: number[] = [];
  const others = cost.slice(1);
  const dominates = (one: number, at: number): boolean =>
    (gain[one] as number) >= (gain[at] as number) &&
    others.every((each) => (each[one] as number) <= (each[at] as number));
  return (at) => {
    compared.count += kept.length;
    if (kept.some((one) => dominates(one, at))) return false;
    kept.push(at);
    return true;
  };
}
