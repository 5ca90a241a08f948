import { standOf } from "../../coefficients/goals/goal.ts";
import { type Granularity, type Group, groupsOf } from "../../coefficients/groups.ts";
import {
  damageShares,
  type Narrowed,
  narrowed,
  shareOf,
  stepped,
} from "../../coefficients/narrowed.ts";
import type { Evaluation } from "../../coefficients/search/evaluation.ts";
import { evaluateSubnet } from "../../coefficients/search/evaluation.ts";
import type { GroupsReport, ReasonsReport } from "../../documents/coefficients.ts";
import { finiteOrNull } from "../../documents/finite.ts";
import type { NetworkProblem } from "../../formulation/network/network-problem.ts";
import { protectedIn } from "../../structure/components/protection.ts";
import type { Subnet } from "../../subnet/subnet.ts";
import { keepAll } from "../../subnet/subnet.ts";
import { measure } from "../../tasks/measure.ts";
import type { RunContext } from "../run-context.ts";
import type { SolveNetworkOptions } from "../solve/asked-network.ts";
import { sizesOf, standsJson } from "./coefficients-report.ts";
import type { Bench } from "./search-network.ts";

/** Every group at several widths, the rest of the network whole: each metric with its interval, and what is saved. */
export async function groupWidths(
  bench: Bench,
  options: { readonly granularity: Granularity; readonly levels: number },
  context: RunContext,
): Promise<GroupsReport> {
  const { open, goals, judge, yardstick, source } = bench;
  const network = await bench.program(bench.importance);
  const groups = groupsOf(network, options.granularity);
  const shares = damageShares(options.levels);
  const dense = sizesOf(open, source, keepAll(open.structure));
  const total = groups.length * shares.length;
  let done = 0;
  const measured: GroupsReport["groups"][number][] = [];
  for (const [index, group] of groups.entries()) {
    const widths: GroupsReport["groups"][number]["widths"][number][] = [];
    const seen = new Set<string>();
    for (const share of shares) {
      if (context.signal.aborted) break;
      const own = narrowed(network, groups, index, share);
      const key = own.selection.options.join();
      done += 1;
      // Widths come in steps: two shares may lead to the same one, and a share near 1 to the whole group.
      if (seen.has(key) || shareOf(network, groups, index, own.selection) === 1) continue;
      seen.add(key);
      const evidence = await judge.whole(own.subnet);
      const size = sizesOf(open, source, own.subnet);
      widths.push({
        share: shareOf(network, groups, index, own.selection),
        kept: unitsOf(group, own.subnet),
        parametersSaved: dense.parameters.kept - size.parameters.kept,
        latencySavedMs: dense.latencyMs.kept - size.latencyMs.kept,
        metrics: goals.map((goal, at) => {
          const { value, low, high } = measure(goal.metric, evidence[at] ?? []);
          const searched = yardstick.values[at]?.searched ?? Number.NaN;
          const { margin } = standOf(goal, value, searched, yardstick.limits[at] ?? null);
          return {
            name: goal.metric.name,
            ...{ value: finiteOrNull(value), low: finiteOrNull(low), high: finiteOrNull(high) },
            margin: margin === null ? null : finiteOrNull(margin),
          };
        }),
      });
      context.progress.step("measuring groups", done, total);
    }
    measured.push({
      ...{ name: group.name, component: group.component },
      dims: group.dims.map((dim) => open.structure.dims[dim]?.name ?? ""),
      units: group.dims.reduce((sum, dim) => sum + (open.structure.dims[dim]?.size ?? 0), 0),
      widths,
    });
  }
  const whole = goals.map((goal, at) => {
    const value = yardstick.values[at]?.searched ?? Number.NaN;
    return standOf(goal, value, value, yardstick.limits[at] ?? null);
  });
  return {
    schema: "mdp-groups/1",
    network: open.name,
    items: bench.metrics.dealt.search.length,
    dense: standsJson(whole),
    groups: measured,
  };
}

/**
 * Why each group is as wide as it is in a subnet: what every metric does one step narrower and wider, and which metric a step narrower
 * harms most. The subnet's own units where a group stays; the importance's order decides which unit goes or comes.
 */
export async function reasonsFor(
  bench: Bench,
  subject: {
    readonly network: NetworkProblem;
    readonly groups: readonly Group[];
    readonly subnet: Subnet;
    readonly coefficients: ReadonlyMap<string, number> | null;
    readonly settings: SolveNetworkOptions;
  },
  context: RunContext,
): Promise<ReasonsReport> {
  const { open, judge, yardstick, source } = bench;
  const { network, groups, subnet, coefficients, settings } = subject;
  const { structure } = open;
  const evaluated = async (each: Subnet): Promise<Evaluation> =>
    (await evaluateSubnet(each, yardstick, judge, null)).evaluation;
  const now = await evaluated(subnet);
  const selection = selectionOf(network, subnet);
  const stepOf = async (
    group: number,
    step: 1 | -1,
  ): Promise<{ narrow: Narrowed; evaluation: Evaluation } | null> => {
    const narrow = stepped(network, groups, group, step, selection);
    if (narrow === null) return null;
    // Only the group changes: every other dim keeps the units that it has.
    const members = new Set(groups[group]?.dims);
    const kept = subnet.kept.map((units, dim) =>
      members.has(dim) ? nextUnits(units, narrow.subnet.kept[dim] ?? []) : units,
    );
    const changed = { ...subnet, kept };
    return { narrow: { ...narrow, subnet: changed }, evaluation: await evaluated(changed) };
  };
  const list: ReasonsReport["groups"][number][] = [];
  for (const [index, group] of groups.entries()) {
    if (context.signal.aborted) break;
    const narrower = await stepOf(index, -1);
    const wider = await stepOf(index, 1);
    const told = (each: typeof narrower): ReasonsReport["groups"][number]["narrower"] => {
      if (each === null) return null;
      const size = sizesOf(open, source, each.narrow.subnet);
      return {
        share: each.narrow.share,
        score: finiteOrNull(each.evaluation.score),
        stands: standsJson(each.evaluation.stands),
        parameters: size.parameters.kept,
        latencyMs: size.latencyMs.kept,
      };
    };
    const units = group.dims.reduce((sum, dim) => sum + (structure.dims[dim]?.size ?? 0), 0);
    const kept = unitsOf(group, subnet);
    list.push({
      ...{ name: group.name, component: group.component },
      coefficient: coefficients?.get(group.name) ?? null,
      ...{ units, kept, removed: 1 - kept / units },
      narrower: told(narrower),
      wider: told(wider),
      heldBy: narrower === null ? null : mostHarmed(now, narrower.evaluation),
    });
    context.progress.step("one step narrower and wider", index + 1, groups.length);
  }
  const shield = protectedIn(structure, settings.protect);
  return {
    schema: "mdp-reasons/1",
    network: open.name,
    now: { score: finiteOrNull(now.score), stands: standsJson(now.stands) },
    groups: list,
    protected: structure.dims.flatMap((dim) => {
      const by = dim.pinned === null ? shield.dim(dim) : null;
      return by === null ? [] : [{ dim: dim.name, by: `protected by you: ${by}` }];
    }),
  };
}

function unitsOf({ dims }: Group, { kept }: Subnet): number {
  return dims.reduce((sum, dim) => sum + (kept[dim]?.length ?? 0), 0);
}

/** As many units as the other list, of those that are there as many as can be. */
function nextUnits(units: readonly number[], other: readonly number[]): readonly number[] {
  if (other.length >= units.length) {
    const missing = other.filter((unit) => !units.includes(unit));
    return [...units, ...missing.slice(0, other.length - units.length)].sort((a, b) => a - b);
  }
  const stay = units.filter((unit) => other.includes(unit));
  const rest = units.filter((unit) => !other.includes(unit));
  return [...stay, ...rest].slice(0, other.length).sort((a, b) => a - b);
}

/** The options whose counts a subnet has; the nearest where the program doesn't offer them. */
export function selectionOf(
  { problem }: NetworkProblem,
  { kept, droppedBlocks }: Subnet,
): Parameters<typeof stepped>[4] {
  const options = problem.dims.map(({ counts }, dim) => {
    const count = kept[dim]?.length ?? 0;
    if (count === 0) return -1;
    return counts.reduce(
      (best, each, option) =>
        Math.abs(each - count) < Math.abs((counts[best] ?? 0) - count) ? option : best,
      0,
    );
  });
  return { options, droppedBlocks: new Set(droppedBlocks), droppedLayers: new Set() };
}

function mostHarmed(now: Evaluation, narrower: Evaluation): string | null {
  let worst: { name: string; lost: number } | null = null;
  for (const [index, stand] of now.stands.entries()) {
    const after = narrower.stands[index];
    if (after === undefined) continue;
    const lost =
      stand.margin !== null && after.margin !== null
        ? stand.margin - after.margin
        : Math.abs(stand.value - after.value) / (Math.abs(stand.dense) || 1);
    if (worst === null || lost > worst.lost) worst = { name: stand.name, lost };
  }
  return worst?.name ?? null;
}
