import type { NetworkProblem } from "../formulation/network/network-problem.ts";
import { selectedSubnet } from "../formulation/network/selected-subnet.ts";
import type { Selection } from "../formulation/problem/problem.ts";
import type { Subnet } from "../subnet/subnet.ts";
import type { Group } from "./groups.ts";

/** One group narrowed alone. */
export interface Narrowed {
  readonly group: number;
  /** Share of the group's units that stays. */
  readonly share: number;
  readonly selection: Selection;
  readonly subnet: Subnet;
}

/** Everything kept. */
export function wholeSelection({ problem }: Pick<NetworkProblem, "problem">): Selection {
  return {
    options: problem.dims.map(({ counts }) => counts.length - 1),
    droppedBlocks: new Set(),
    droppedLayers: new Set(),
  };
}

/** The group's dims at the widths nearest to a share of their units; the others as they are in `around`. */
export function narrowed(
  network: NetworkProblem,
  groups: readonly Group[],
  group: number,
  share: number,
  around: Selection = wholeSelection(network),
): Narrowed {
  const options = [...around.options];
  for (const dim of groups[group]?.dims ?? []) {
    if ((options[dim] ?? -1) >= 0) options[dim] = nearestOption(network, dim, share);
  }
  const selection = { ...around, options };
  return { group, share, selection, subnet: selectedSubnet(network, selection) };
}

/** The same group one option narrower (-1) or wider (1) in each of its dims. Null where no dim can move. */
export function stepped(
  network: NetworkProblem,
  groups: readonly Group[],
  group: number,
  step: 1 | -1,
  around: Selection,
): Narrowed | null {
  const options = [...around.options];
  let moved = false;
  for (const dim of groups[group]?.dims ?? []) {
    const option = options[dim] ?? -1;
    const last = (network.problem.dims[dim]?.counts.length ?? 1) - 1;
    const next = Math.min(Math.max(option + step, 0), last);
    if (option < 0 || next === option) continue;
    options[dim] = next;
    moved = true;
  }
  if (!moved) return null;
  const selection = { ...around, options };
  const subnet = selectedSubnet(network, selection);
  return { group, share: shareOf(network, groups, group, selection), selection, subnet };
}

/** Share of a group's units that a selection keeps. */
export function shareOf(
  { problem }: Pick<NetworkProblem, "problem">,
  groups: readonly Group[],
  group: number,
  { options }: Selection,
): number {
  let [kept, all] = [0, 0];
  for (const dim of groups[group]?.dims ?? []) {
    const counts = problem.dims[dim]?.counts ?? [];
    kept += (options[dim] ?? -1) < 0 ? 0 : (counts[options[dim] ?? 0] ?? 0);
    all += counts.at(-1) ?? 0;
  }
  return all === 0 ? 1 : kept / all;
}

function nearestOption({ problem }: NetworkProblem, dim: number, share: number): number {
  const counts = problem.dims[dim]?.counts ?? [];
  const wanted = share * (counts.at(-1) ?? 0);
  let best = counts.length - 1;
  for (const [option, count] of counts.entries()) {
    if (Math.abs(count - wanted) < Math.abs((counts[best] ?? 0) - wanted)) best = option;
  }
  return best;
}

/** Shares of a group's units that damages are measured at: seven, or fewer where a run is dear. */
export function damageShares(levels: number): readonly number[] {
  return Array.from({ length: levels }, (_, level) => (level + 1) / (levels + 1));
}
