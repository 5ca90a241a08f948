/** Labels of one choice of the needed variables. */
export interface Group {
  /** Per variable of the frontier. */
  readonly positions: readonly number[];
  /** Per priced resource, and in it per label. */
  readonly cost: readonly Float64Array[];
  readonly loss: Float64Array;
  readonly leastLoss: number;
  /** Number of its first label in its step. */
  readonly first: number;
}

/** A group with one state of the next variable. */
export interface Source {
  readonly group: Group;
  readonly state: number;
  /** What the state adds, per priced resource. */
  readonly cost: readonly number[];
  readonly loss: number;
}

/** Where the labels of a step come from. */
export interface Trace {
  readonly parents: Int32Array;
  readonly states: Int32Array;
}

/** What a label may still become: its costs must end between these, per priced resource, its loss at most at `reach`. */
export interface Window {
  readonly least: readonly number[];
  readonly most: readonly number[];
  readonly reach: number;
}

/** Makes the groups of one step. */
export interface Merger {
  /** The labels of all sources without those that another one dominates; null for none. */
  readonly merge: (positions: readonly number[], sources: readonly Source[]) => Group | null;
  /** Labels so far. */
  readonly count: () => number;
  readonly trace: () => Trace;
}

/** @param multipliers of the priced resources */
export function mergerFor(multipliers: readonly number[], window: Window): Merger {
  const all = new LabelList(multipliers.length);
  const mergeIn =
    multipliers.length === 1
      ? sortedMerge(multipliers[0] ?? 0, window)
      : plainMerge(multipliers, window);
  return {
    merge: (positions, sources) => {
      const labels = mergeIn(sources);
      if (labels.length === 0) return null;
      const first = all.length;
      all.append(labels);
      const loss = labels.loss.slice(0, labels.length);
      return {
        positions,
        cost: labels.cost.map((each) => each.slice(0, labels.length)),
        loss,
        leastLoss: loss.reduce((least, each) => Math.min(least, each), Number.POSITIVE_INFINITY),
        first,
      };
    },
    count: () => all.length,
    trace: () => ({
      parents: all.parent.slice(0, all.length),
      states: all.state.slice(0, all.length),
    }),
  };
}

/** Labels in growing arrays. */
class LabelList {
  cost: Float64Array[];
  loss = new Float64Array(256);
  parent = new Int32Array(256);
  state = new Int32Array(256);
  length = 0;

  constructor(resources: number) {
    this.cost = Array.from({ length: resources }, () => new Float64Array(256));
  }

  /** Adds a label whose costs are yet to be set; returns where. */
  push(loss: number, parent: number, state: number): number {
    const at = this.length;
    if (at === this.loss.length) this.#grow(at + 1);
    this.loss[at] = loss;
    this.parent[at] = parent;
    this.state[at] = state;
    this.length = at + 1;
    return at;
  }

  append(other: LabelList): void {
    const at = this.length;
    this.#grow(at + other.length);
    this.cost.forEach((each, r) => {
      each.set(other.cost[r]?.subarray(0, other.length) ?? [], at);
    });
    this.loss.set(other.loss.subarray(0, other.length), at);
    this.parent.set(other.parent.subarray(0, other.length), at);
    this.state.set(other.state.subarray(0, other.length), at);
    this.length = at + other.length;
  }

  #grow(least: number): void {
    let size = this.loss.length;
    if (least <= size) return;
    while (size < least) size *= 2;
    const larger = (array: Float64Array): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(size);
      grown.set(array);
      return grown;
    };
    const largerInts = (array: Int32Array): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(size);
      grown.set(array);
      return grown;
    };
    this.cost = this.cost.map(larger);
    this.loss = larger(this.loss);
    this.parent = largerInts(this.parent);
    this.state = largerInts(this.state);
  }
}

/**
 * For one resource: sources are sorted by cost, and merged one after another. A label goes unless it gains more than all
 * that cost no more, where gain = multiplier * cost - loss, but for a constant.
 */
function sortedMerge(
  multiplier: number,
  { least: [least = 0], most: [most = 0], reach }: Window,
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
  const addSource = ({ group, state, cost: [more = 0], loss: moreLoss }: Source): void => {
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

/** For several resources: all labels, cheapest first in the first resource, each compared with those that were kept. */
function plainMerge(
  multipliers: readonly number[],
  { least, most, reach }: Window,
): (sources: readonly Source[]) => LabelList {
  const resources = multipliers.length;
  const gather = (sources: readonly Source[]): LabelList => {
    const found = new LabelList(resources);
    const cost = new Float64Array(resources);
    for (const { group, state, cost: more, loss: moreLoss } of sources) {
      for (let j = 0; j < group.loss.length; j += 1) {
        const loss = (group.loss[j] as number) + moreLoss;
        let isOut = loss > reach;
        for (let r = 0; r < resources; r += 1) {
          const next = (group.cost[r]?.[j] ?? 0) + (more[r] ?? 0);
          cost[r] = next;
          if (next < (least[r] ?? 0) || next > (most[r] ?? 0)) isOut = true;
        }
        if (isOut) continue;
        const at = found.push(loss, group.first + j, state);
        for (let r = 0; r < resources; r += 1)
          (found.cost[r] as Float64Array)[at] = cost[r] as number;
      }
    }
    return found;
  };
  return (sources) => undominated(gather(sources), multipliers);
}

function undominated(labels: LabelList, multipliers: readonly number[]): LabelList {
  const { cost, loss, parent, state, length } = labels;
  const gain = new Float64Array(length);
  for (let at = 0; at < length; at += 1) {
    gain[at] = multipliers.reduce(
      (sum, m, r) => sum + m * (cost[r]?.[at] ?? 0),
      -(loss[at] as number),
    );
  }
  const order = Int32Array.from({ length }, (_, at) => at).sort((one, other) => {
    for (const each of cost) {
      const difference = (each[one] as number) - (each[other] as number);
      if (difference !== 0) return difference;
    }
    return (gain[other] as number) - (gain[one] as number);
  });
  const kept: number[] = [];
  const result = new LabelList(multipliers.length);
  const dominates = (one: number, other: number): boolean => {
    if ((gain[one] as number) < (gain[other] as number)) return false;
    // The order takes care of the first resource.
    for (let r = 1; r < cost.length; r += 1) {
      const each = cost[r] as Float64Array;
      if ((each[one] as number) > (each[other] as number)) return false;
    }
    return true;
  };
  for (const at of order) {
    if (kept.some((one) => dominates(one, at))) continue;
    kept.push(at);
    const place = result.push(loss[at] as number, parent[at] as number, state[at] as number);
    for (const [r, each] of cost.entries())
      (result.cost[r] as Float64Array)[place] = each[at] as number;
  }
  return result;
}
