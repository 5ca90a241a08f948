import type { Bucket, Plan } from "./plan.ts";
import { basesAt, costAt, eachOutCell, type Point, pointAt, sumSlots } from "./sweep.ts";

/** What label setting needs to know. The plan's last sweep was made with this multiplier. */
export interface LabelQuestion {
  readonly plan: Plan;
  /** What that sweep returned. */
  readonly total: number;
  readonly resource: number;
  readonly multiplier: number;
  readonly limit: number;
  /** Bound less incumbent: a point that loses more is of no use. */
  readonly gap: number;
  /** Differences below this are rounding errors. */
  readonly rounding: number;
  readonly maxLabels: number;
  readonly mustStop: () => boolean;
}

/** `point` gains most within the limit; `none` says that no point loses less than the gap; `stopped` says nothing. */
export type LabelAnswer =
  | { readonly kind: "point"; readonly point: Point; readonly labels: number }
  | { readonly kind: "none"; readonly labels: number }
  | { readonly kind: "stopped"; readonly labels: number };

/**
 * The best point within one limit. With V the sweep's maximum, each state of a variable, given those of the variables that
 * go later, loses what its best completion lacks to the bucket's maximum; a point's losses add up, and
 *
 *     bound - gain(x) = loss(x) + multiplier * (limit - cost(x))
 *
 * so that points within `reach` of the bound have a loss of at most that. They are built from the last bucket back, as labels
 * (cost, loss) per choice of the variables still needed; of two labels with one such choice the one that
 * costs no less and gains no more goes. `reach` grows fourfold until a point within the limit lies within it.
 */
export function bestWithin(question: LabelQuestion): LabelAnswer {
  const { gap, total, multiplier, limit, maxLabels, rounding } = question;
  const bound = total + multiplier * limit;
  const steps = stepsOf(question.plan);
  if (steps === null) return { kind: "stopped", labels: 0 };
  let reach = Math.min(gap, Math.max(1e-8 * Math.abs(bound), gap / 4096));
  let labels = 0;
  for (;;) {
    const pass = labelPass(question, steps, reach, maxLabels - labels);
    labels += pass.labels;
    if (pass.isStopped) return { kind: "stopped", labels };
    if (pass.point !== null) {
      const distance = bound - pass.point.gain;
      // Every point that is nearer to the bound than this one had its label, too.
      const isBest = distance + rounding <= reach || reach >= gap;
      if (isBest) return { kind: "point", point: pass.point, labels };
      reach = Math.min(gap, distance + rounding);
    } else if (reach >= gap) return { kind: "none", labels };
    else reach = Math.min(gap, reach * 4);
  }
}

/** A bucket in the order of labelling, and which variables are still needed after it. */
interface Step {
  readonly bucket: Bucket;
  readonly frontier: readonly number[];
}

/** Parents before children, small branches first, so that few variables are needed at a time. Null where they are too many. */
function stepsOf(plan: Plan): Step[] | null {
  const { buckets } = plan;
  const bucketOf = new Map(buckets.map(({ variable }, at) => [variable, at]));
  const children = buckets.map((): number[] => []);
  const weight = buckets.map(() => 1);
  const stack: number[] = [];
  buckets.forEach(({ out }, at) => {
    const parent = bucketOf.get(out.at(-1) ?? -1);
    if (parent === undefined) stack.push(at);
    else {
      children[parent]?.push(at);
      weight[parent] = (weight[parent] ?? 0) + (weight[at] ?? 0);
    }
  });
  const order: Bucket[] = [];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const bucket = buckets[at];
    if (bucket !== undefined) order.push(bucket);
    const mine = children[at] ?? [];
    mine.sort((one, other) => (weight[other] ?? 0) - (weight[one] ?? 0));
    for (const child of mine) stack.push(child);
  }
  const lastUse = new Map<number, number>();
  order.forEach(({ out }, step) => {
    for (const variable of out) lastUse.set(variable, step);
  });
  const steps: Step[] = [];
  let frontier: number[] = [];
  for (const [step, bucket] of order.entries()) {
    const isNeeded = (variable: number): boolean => (lastUse.get(variable) ?? -1) > step;
    frontier = [...frontier, bucket.variable].filter(isNeeded);
    const combinations = frontier.reduce(
      (product, variable) => product * (plan.graph.variables[variable]?.states.length ?? 1),
      1,
    );
    if (combinations > 2 ** 52) return null;
    steps.push({ bucket, frontier });
  }
  return steps;
}

/** Labels of one choice of the needed variables, cheapest first; each gains more than those before it. */
interface Group {
  readonly positions: readonly number[];
  readonly cost: Float64Array;
  readonly loss: Float64Array;
  readonly leastLoss: number;
  /** Number of its first label in its step. */
  readonly first: number;
}

/** A group with one state of the next variable. */
interface Source {
  readonly group: Group;
  readonly state: number;
  readonly cost: number;
  readonly loss: number;
}

/** Where the labels of a step come from. */
interface Trace {
  readonly parents: Int32Array;
  readonly states: Int32Array;
}

interface Pass {
  readonly point: Point | null;
  readonly labels: number;
  readonly isStopped: boolean;
}

/** What a label may still become: its cost must end between these. */
interface Window {
  readonly least: number;
  readonly most: number;
}

function labelPass(
  question: LabelQuestion,
  steps: readonly Step[],
  reach: number,
  maxLabels: number,
): Pass {
  const { plan, resource } = question;
  const windows = windowsOf(question, steps, reach);
  const positions = new Int32Array(plan.graph.variables.length);
  const traces: Trace[] = [];
  const start = plan.constantCost[resource] ?? 0;
  let groups: Group[] = [
    {
      positions: [],
      cost: Float64Array.of(start),
      loss: Float64Array.of(0),
      leastLoss: 0,
      first: 0,
    },
  ];
  let frontier: readonly number[] = [];
  let labels = 0;
  for (const [at, step] of steps.entries()) {
    const targets = new Map<number, { positions: number[]; sources: Source[] }>();
    for (const group of groups) {
      frontier.forEach((variable, index) => {
        positions[variable] = group.positions[index] ?? 0;
      });
      expand(question, step, group, reach, positions, targets);
    }
    const merger = new Merger(question.multiplier, reach, windows[at] ?? { least: 0, most: 0 });
    groups = [];
    for (const target of targets.values()) {
      const group = merger.merge(target.positions, target.sources);
      if (group !== null) groups.push(group);
    }
    traces.push(merger.trace());
    labels += merger.count;
    if (labels > maxLabels || question.mustStop()) return { point: null, labels, isStopped: true };
    if (groups.length === 0) return { point: null, labels, isStopped: false };
    frontier = step.frontier;
  }
  const point = groups[0] === undefined ? null : lastWithin(question, steps, groups[0], traces);
  return { point, labels, isStopped: false };
}

/** Per step, what a label's cost may be after it, from the least and the most that each later bucket can cost. */
function windowsOf(question: LabelQuestion, steps: readonly Step[], reach: number): Window[] {
  const { limit, multiplier, resource, rounding } = question;
  const slack = 1e-12 * Math.abs(limit);
  let least = limit - (reach + rounding) / multiplier - slack;
  let most = limit + slack;
  const windows: Window[] = [];
  for (let at = steps.length - 1; at >= 0; at -= 1) {
    windows[at] = { least, most };
    const bucket = steps[at]?.bucket;
    if (bucket === undefined) continue;
    const range = costRange(bucket, resource, reach);
    // A relative 1e-12 for the rounding of the sums.
    least -= range.most + 1e-12 * Math.abs(range.most);
    most -= range.least - 1e-12 * Math.abs(range.least);
  }
  return windows;
}

function costRange(
  bucket: Bucket,
  resource: number,
  reach: number,
): { least: number; most: number } {
  const sums = new Float64Array(bucket.size);
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  eachOutCell(bucket, (cell, bases) => {
    const best = bucket.message[cell] as number;
    if (best === Number.NEGATIVE_INFINITY) return;
    sumSlots(bucket, bases, sums);
    for (let k = 0; k < bucket.size; k += 1) {
      if (!(best - (sums[k] as number) <= reach)) continue;
      const cost = costAt(bucket, bases, k, resource);
      if (cost < least) least = cost;
      if (cost > most) most = cost;
    }
  });
  return { least, most };
}

function expand(
  { plan, resource }: LabelQuestion,
  { bucket, frontier }: Step,
  group: Group,
  reach: number,
  positions: Int32Array,
  targets: Map<number, { positions: number[]; sources: Source[] }>,
): void {
  const bases = new Int32Array(bucket.slots.length);
  const sums = new Float64Array(bucket.size);
  basesAt(bucket, positions, bases);
  sumSlots(bucket, bases, sums);
  let best = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < bucket.size; k += 1) best = Math.max(best, sums[k] as number);
  if (bucket.slots.length === 0) best = 0;
  for (let k = 0; k < bucket.size; k += 1) {
    const loss = best - (sums[k] as number);
    if (!(group.leastLoss + loss <= reach)) continue;
    positions[bucket.variable] = k;
    let key = 0;
    for (const variable of frontier) {
      key =
        key * (plan.graph.variables[variable]?.states.length ?? 1) +
        (positions[variable] as number);
    }
    let target = targets.get(key);
    if (target === undefined) {
      target = {
        positions: frontier.map((variable) => positions[variable] as number),
        sources: [],
      };
      targets.set(key, target);
    }
    target.sources.push({ group, state: k, cost: costAt(bucket, bases, k, resource), loss });
  }
}

/** Labels in growing arrays. */
class LabelList {
  cost = new Float64Array(256);
  loss = new Float64Array(256);
  parent = new Int32Array(256);
  state = new Int32Array(256);
  length = 0;

  push(cost: number, loss: number, parent: number, state: number): void {
    const at = this.length;
    if (at === this.cost.length) this.#grow();
    this.cost[at] = cost;
    this.loss[at] = loss;
    this.parent[at] = parent;
    this.state[at] = state;
    this.length = at + 1;
  }

  #grow(): void {
    const size = this.cost.length * 2;
    const { cost, loss, parent, state } = this;
    this.cost = new Float64Array(size);
    this.cost.set(cost);
    this.loss = new Float64Array(size);
    this.loss.set(loss);
    this.parent = new Int32Array(size);
    this.parent.set(parent);
    this.state = new Int32Array(size);
    this.state.set(state);
  }
}

/** Merges the sorted labels of several sources into one group, without the dominated ones. */
class Merger {
  readonly #multiplier: number;
  readonly #reach: number;
  readonly #window: Window;
  readonly #all = new LabelList();
  #one = new LabelList();
  #other = new LabelList();
  #lastGain = Number.NEGATIVE_INFINITY;

  constructor(multiplier: number, reach: number, window: Window) {
    this.#multiplier = multiplier;
    this.#reach = reach;
    this.#window = window;
  }

  get count(): number {
    return this.#all.length;
  }

  trace(): Trace {
    const { parent, state, length } = this.#all;
    return { parents: parent.slice(0, length), states: state.slice(0, length) };
  }

  merge(positions: readonly number[], sources: readonly Source[]): Group | null {
    this.#one.length = 0;
    for (const source of sources) {
      this.#mergeIn(source);
      [this.#one, this.#other] = [this.#other, this.#one];
    }
    const { cost, loss, parent, state, length } = this.#one;
    if (length === 0) return null;
    const first = this.#all.length;
    let leastLoss = Number.POSITIVE_INFINITY;
    for (let at = 0; at < length; at += 1) {
      const own = loss[at] as number;
      leastLoss = Math.min(leastLoss, own);
      this.#all.push(cost[at] as number, own, parent[at] as number, state[at] as number);
    }
    return {
      positions,
      cost: cost.slice(0, length),
      loss: loss.slice(0, length),
      leastLoss,
      first,
    };
  }

  /** #other = #one and the source's labels, by cost. */
  #mergeIn({ group, state, cost: moreCost, loss: moreLoss }: Source): void {
    const { cost, loss, parent, state: states, length } = this.#one;
    const { least, most } = this.#window;
    this.#other.length = 0;
    this.#lastGain = Number.NEGATIVE_INFINITY;
    let i = 0;
    const count = group.cost.length;
    for (let j = 0; j < count; j += 1) {
      const nextCost = (group.cost[j] as number) + moreCost;
      const nextLoss = (group.loss[j] as number) + moreLoss;
      while (i < length && (cost[i] as number) <= nextCost) {
        this.#keep(cost[i] as number, loss[i] as number, parent[i] as number, states[i] as number);
        i += 1;
      }
      if (nextLoss > this.#reach || nextCost < least || nextCost > most) continue;
      this.#keep(nextCost, nextLoss, group.first + j, state);
    }
    for (; i < length; i += 1) {
      this.#keep(cost[i] as number, loss[i] as number, parent[i] as number, states[i] as number);
    }
  }

  #keep(cost: number, loss: number, parent: number, state: number): void {
    const gain = this.#multiplier * cost - loss;
    if (gain <= this.#lastGain) return;
    this.#lastGain = gain;
    this.#other.push(cost, loss, parent, state);
  }
}

/** The last label within the limit gains most; its point is traced back. */
function lastWithin(
  { plan, limit }: LabelQuestion,
  steps: readonly Step[],
  group: Group,
  traces: readonly Trace[],
): Point | null {
  let at = group.cost.length - 1;
  while (at >= 0 && (group.cost[at] as number) > limit) at -= 1;
  if (at < 0) return null;
  const positions = new Int32Array(plan.graph.variables.length);
  let label = group.first + at;
  for (let step = steps.length - 1; step >= 0; step -= 1) {
    const trace = traces[step];
    const bucket = steps[step]?.bucket;
    if (trace === undefined || bucket === undefined) continue;
    positions[bucket.variable] = trace.states[label] ?? 0;
    label = trace.parents[label] ?? 0;
  }
  return pointAt(plan, positions);
}
