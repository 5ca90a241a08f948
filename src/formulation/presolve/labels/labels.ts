import { at as entryAt } from "../../../core/at.ts";
import { type Limit, NO_LIMIT, priceLeft, worthOf } from "../search-state.ts";
import type { Bucket, Plan } from "../sweeps/plan.ts";
import { eachNearBest, type Point, pointAt } from "../sweeps/point.ts";
import { type Expansion, expandGroups, type Targets } from "./label-expand.ts";
import type { Group, Trace, Window } from "./label-list.ts";
import { type Merger, mergerFor } from "./label-merge.ts";
import { labelOrder, type Step } from "./label-order.ts";
import { lineOf, type Roof, type RoofLine } from "./roofs.ts";

/** What label setting needs to know. The plan's last sweep was made with its multipliers. */
export interface LabelQuestion {
  readonly plan: Plan;
  /** The bound that they prove. */
  readonly bound: number;
  readonly multipliers: readonly number[];
  readonly limits: readonly Limit[];
  /** Those with a limit. */
  readonly resources: readonly number[];
  /** Bound less incumbent: a point that loses more is of no use. Without an incumbent, more than any point loses. */
  readonly gap: number;
  /** No point loses at most this. */
  readonly empty: number;
  /** Differences below this are rounding errors. */
  readonly rounding: number;
  readonly maxLabels: number;
  /** Labels per choice of the needed variables; Infinity for all, without which nothing is proven. */
  readonly width: number;
  /** What sweeps with other multipliers prove; none is needed. */
  readonly roofs: readonly Roof[];
  readonly rest: () => Promise<void>;
}

/** `point` is worth most within the limits; `none` says that no point loses less than the gap; `stopped` says that none loses at
 * most `empty`. */
export type LabelAnswer =
  | {
      readonly kind: "point";
      readonly point: Point;
      readonly worth: number;
      readonly labels: number;
    }
  | { readonly kind: "none"; readonly labels: number }
  | { readonly kind: "stopped"; readonly labels: number; readonly empty: number };

/**
 * The best point within the limits. With V the sweep's maximum, each state of a variable, given those of the variables that
 * go later, loses what its best completion lacks to the bucket's maximum; a point's losses add up, and
 *
 *     bound - gain(x) = loss(x) + sum over r of multiplier[r] * (limit[r] - cost[r](x))
 *
 * so that points within `reach` of the bound have a loss of at most that. Beyond a soft limit each unit costs the penalty
 * less the multiplier, which is not negative either. Points are built from the last bucket back, as labels (costs, loss) per
 * choice of the variables still needed; of two labels with one such choice the one that costs no less and gains no more
 * goes. `reach` grows until a point within the limits lies within it.
 */
export async function bestWithin(question: LabelQuestion): Promise<LabelAnswer> {
  const { gap, bound, maxLabels, rounding } = question;
  const steps = labelOrder(question.plan);
  if (steps === null) return { kind: "stopped", labels: 0, empty: question.empty };
  let { empty } = question;
  // A reach of 0 would never grow.
  const least = Math.max(1e-8 * Math.abs(bound), gap / 4096, Number.MIN_VALUE);
  let reach = Math.min(gap, Math.max(least, 2 * empty));
  // Roofs tell most of what windows do, so that those of the largest reach will do.
  const ranges =
    question.roofs.length === 0
      ? null
      : steps.map(({ bucket }) => costRanges(bucket, question.resources, gap));
  let labels = 0;
  for (;;) {
    const pass = await labelPass(question, steps, ranges, reach, maxLabels - labels);
    labels += pass.labels;
    if (pass.isStopped) return { kind: "stopped", labels, empty };
    if (pass.point !== null) {
      const distance = bound - pass.worth;
      // Every point that is nearer to the bound than this one had its label, too.
      const isBest = distance + rounding <= reach || reach >= gap;
      if (isBest) return { kind: "point", point: pass.point, worth: pass.worth, labels };
      reach = Math.min(gap, distance + rounding);
    } else if (reach >= gap) return { kind: "none", labels };
    else {
      empty = reach;
      reach = Math.min(gap, reach * growthAfter(pass));
    }
  }
}

/** Few labels are soon made again; a reach that is too large makes many times as many. */
function growthAfter({ labels }: Pass): number {
  return labels < FEW_LABELS ? 4 : 2;
}

const FEW_LABELS = 1000;
/** Labels after which the rest of the process may have its turn. */
const LABELS_PER_REST = 5000;

interface Pass {
  readonly point: Point | null;
  readonly worth: number;
  readonly labels: number;
  readonly isStopped: boolean;
}

async function labelPass(
  question: LabelQuestion,
  steps: readonly Step[],
  ranges: readonly CostRange[] | null,
  reach: number,
  maxLabels: number,
): Promise<Pass> {
  const { plan, resources, rest } = question;
  const nothing = { point: null, worth: Number.NaN };
  const multipliers = resources.map((r) => entryAt(question.multipliers, r));
  const windows = windowsOf(question, steps, ranges, reach);
  const lines = linesOf(question, reach);
  const expansion: Expansion = { plan, resources, reach, roofs: question.roofs, lines };
  const traces: Trace[] = [];
  let groups: readonly Group[] = [firstGroup(plan, resources, lines)];
  let frontier: readonly number[] = [];
  let labels = 0;
  let effort = 0;
  for (const [at, step] of steps.entries()) {
    const targets = expandGroups(expansion, step, groups, frontier);
    const window = { ...(windows[at] ?? { least: [], most: [] }), reach, lines };
    const merger = mergerFor(multipliers, window, question.width);
    const merged = await mergeAll(merger, targets, maxLabels - effort, rest);
    labels += merger.count();
    effort += merger.effort();
    if (merged === null) return { ...nothing, labels, isStopped: true };
    if (merged.length === 0) return { ...nothing, labels, isStopped: false };
    groups = merged;
    traces.push(merger.trace());
    frontier = step.frontier;
  }
  const last = groups[0] === undefined ? null : bestOf(question, groups[0]);
  if (last === null) return { ...nothing, labels, isStopped: false };
  const point = traceBack(plan, steps, last, traces);
  return {
    point,
    worth: worthOf(question.limits, point.gain, point.cost),
    labels,
    isStopped: false,
  };
}

/** The groups of one step; null where they take more than they may. */
async function mergeAll(
  merger: Merger,
  targets: Targets,
  maxEffort: number,
  rest: () => Promise<void>,
): Promise<Group[] | null> {
  const groups: Group[] = [];
  let rested = 0;
  for (const { positions, sources } of targets.values()) {
    const group = merger.merge(positions, sources);
    if (group !== null) groups.push(group);
    const effort = merger.effort();
    if (effort > maxEffort) return null;
    if (effort - rested < LABELS_PER_REST) continue;
    rested = effort;
    await rest();
  }
  await rest();
  return groups;
}

function firstGroup(
  { constantCost }: Plan,
  resources: readonly number[],
  lines: readonly RoofLine[],
): Group {
  const constants = resources.map((r) => entryAt(constantCost, r));
  // Nothing is chosen, so that nothing is lost.
  const bases = Float64Array.from(lines, ({ slopes }) =>
    constants.reduce((sum, each, r) => sum - (slopes[r] as number) * each, 0),
  );
  const cost = constants.map((each) => Float64Array.of(each));
  const leastUnder = new Float64Array(lines.length);
  return {
    positions: [],
    cost,
    loss: Float64Array.of(0),
    leastLoss: 0,
    bases,
    leastUnder,
    first: 0,
  };
}

function linesOf(question: LabelQuestion, reach: number): RoofLine[] {
  const { roofs, resources, bound, rounding } = question;
  return roofs.map((roof) => {
    const slack = 4 * rounding + 1e-12 * (Math.abs(roof.bound) + Math.abs(bound));
    return lineOf(roof, question, resources, reach, slack);
  });
}

/** Per step, what a label's costs may be after it, from the least and the most that each later bucket can cost. */
function windowsOf(
  question: LabelQuestion,
  steps: readonly Step[],
  known: readonly CostRange[] | null,
  reach: number,
): Pick<Window, "least" | "most">[] {
  const { resources } = question;
  const ends = resources.map((r) => endOf(question, r, reach));
  let least = ends.map((end) => end.least);
  let most = ends.map((end) => end.most);
  const windows: Pick<Window, "least" | "most">[] = [];
  for (let at = steps.length - 1; at >= 0; at -= 1) {
    windows[at] = { least, most };
    const bucket = steps[at]?.bucket;
    if (bucket === undefined) continue;
    const ranges = known?.[at] ?? costRanges(bucket, resources, reach);
    // A relative 1e-12 for the rounding of the sums.
    least = least.map((value, r) => value - grown(entryAt(ranges.most, r), 1));
    most = most.map((value, r) => value - grown(entryAt(ranges.least, r), -1));
  }
  return windows;
}

function grown(value: number, sign: number): number {
  return value + sign * 1e-12 * Math.abs(value);
}

/** What a point within reach can cost of a resource. */
function endOf(
  { limits, multipliers, rounding }: LabelQuestion,
  resource: number,
  reach: number,
): { least: number; most: number } {
  const { most } = limits[resource] ?? NO_LIMIT;
  const penalty = priceLeft(limits, multipliers, resource);
  const slack = 1e-12 * Math.abs(most);
  const multiplier = entryAt(multipliers, resource);
  const room = reach + rounding;
  // Infinite where nothing is lost by going further.
  const below = multiplier > 0 ? room / multiplier : Number.POSITIVE_INFINITY;
  const above = penalty > multiplier ? room / (penalty - multiplier) : Number.POSITIVE_INFINITY;
  return { least: most - below - slack, most: most + above + slack };
}

interface CostRange {
  readonly least: readonly number[];
  readonly most: readonly number[];
}

/** The least and the most that a bucket's own states cost, of those that are within reach. */
function costRanges(bucket: Bucket, resources: readonly number[], reach: number): CostRange {
  const least = resources.map(() => Number.POSITIVE_INFINITY);
  const most = resources.map(() => Number.NEGATIVE_INFINITY);
  eachNearBest(bucket, reach, (costOf) => {
    resources.forEach((resource, r) => {
      const cost = costOf(resource);
      if (cost < (least[r] as number)) least[r] = cost;
      if (cost > (most[r] as number)) most[r] = cost;
    });
  });
  return { least, most };
}

/** The label that is worth most; null where every label ends beyond a hard limit. */
function bestOf(
  { limits, multipliers, resources }: LabelQuestion,
  { cost, loss, first }: Group,
): number | null {
  const own = resources.map((r) => limits[r] ?? NO_LIMIT);
  let best: number | null = null;
  let most = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < loss.length; at += 1) {
    const costs = cost.map((each) => each[at] as number);
    // But for a constant.
    const gain = costs.reduce(
      (sum, each, r) => sum + entryAt(multipliers, entryAt(resources, r)) * each,
      -(loss[at] as number),
    );
    const worth = worthOf(own, gain, costs);
    if (worth <= most) continue;
    most = worth;
    best = first + at;
  }
  return best;
}

function traceBack(
  plan: Plan,
  steps: readonly Step[],
  last: number,
  traces: readonly Trace[],
): Point {
  const positions = new Int32Array(plan.graph.variables.length);
  let label = last;
  for (let step = steps.length - 1; step >= 0; step -= 1) {
    const trace = traces[step];
    const bucket = steps[step]?.bucket;
    if (trace === undefined || bucket === undefined) continue;
    positions[bucket.variable] = entryAt(trace.states, label);
    label = entryAt(trace.parents, label);
  }
  return pointAt(plan, positions);
}
