import type { NetworkProblem } from "../formulation/network/network-problem.ts";
import type { Structure } from "../structure/structure.ts";

/** How finely coefficients are chosen. */
export const GRANULARITIES = ["auto", "component", "dim", "band"] as const;
export type Granularity = (typeof GRANULARITIES)[number];

/** Dims that share one coefficient. */
export interface Group {
  readonly name: string;
  /** Indices of dims with a choice, ascending; at least one. */
  readonly dims: readonly number[];
  /** `encoder` inside a component, `encoder+policy` for dims that join several; null without components. */
  readonly component: string | null;
}

/** More coefficients than this are more than a hundred and fifty evaluations can tell apart. */
export const MOST_GROUPS = 20;

/**
 * The groups of a program: every dim with a choice is in exactly one. `dim`: each by itself. `component`: those of one component, or
 * that join the same ones. `band`: runs of neighbours within a component, at most twenty in all. `auto`: dims where there are at most
 * twenty, bands otherwise.
 */
export function groupsOf(
  network: Pick<NetworkProblem, "structure" | "choices" | "variables">,
  granularity: Granularity,
): readonly Group[] {
  const { structure, choices, variables } = network;
  const open = structure.dims.flatMap(({ index }) =>
    (choices[index]?.counts.length ?? 0) > 1 && variables[index] === index ? [index] : [],
  );
  switch (granularity) {
    case "dim":
      return single(structure, open);
    case "component":
      return named(structure, byScope(structure, open));
    case "band":
      return named(structure, bands(byScope(structure, open), MOST_GROUPS));
    case "auto":
      return open.length <= MOST_GROUPS
        ? single(structure, open)
        : named(structure, bands(byScope(structure, open), MOST_GROUPS));
    default:
      return granularity satisfies never;
  }
}

/**
 * Merges neighbours of one component whose pruning does the most alike harm until few enough are left.
 * @param damages per group, what the network loses by pruning it alone; larger than 0
 */
export function mergedByDamage(
  structure: Structure,
  groups: readonly Group[],
  damages: readonly number[],
  most: number = MOST_GROUPS,
): readonly Group[] {
  const merged = groups.map((group, index) => ({
    ...group,
    damage: Math.log(Math.max(damages[index] ?? 0, 1e-9)),
  }));
  while (merged.length > most) {
    let best: { at: number; distance: number } | null = null;
    for (let at = 0; at + 1 < merged.length; at += 1) {
      const [one, other] = [merged[at], merged[at + 1]];
      if (one?.component !== other?.component || one === undefined || other === undefined) continue;
      const distance = Math.abs(one.damage - other.damage);
      if (best === null || distance < best.distance) best = { at, distance };
    }
    if (best === null) break;
    const [one, other] = merged.slice(best.at, best.at + 2);
    if (one === undefined || other === undefined) break;
    const dims = [...one.dims, ...other.dims].sort((a, b) => a - b);
    const damage = (one.damage * one.dims.length + other.damage * other.dims.length) / dims.length;
    merged.splice(best.at, 2, { ...one, dims, damage });
  }
  return named(
    structure,
    merged.map(({ dims }) => dims),
  );
}

function single(structure: Structure, open: readonly number[]): readonly Group[] {
  return open.map((index) => ({
    name: structure.dims[index]?.name ?? "",
    dims: [index],
    component: structure.dims[index]?.component ?? null,
  }));
}

function byScope(structure: Structure, open: readonly number[]): readonly (readonly number[])[] {
  const scopes = new Map<string, number[]>();
  for (const index of open) {
    const scope = structure.dims[index]?.component ?? "";
    scopes.set(scope, [...(scopes.get(scope) ?? []), index]);
  }
  return [...scopes.values()];
}

/** Cuts each list into runs, the longest lists into the most, so that there are as many runs as allowed. */
function bands(
  lists: readonly (readonly number[])[],
  most: number,
): readonly (readonly number[])[] {
  const runs = lists.map(() => 1);
  for (let total = lists.length; total < most; total += 1) {
    let longest = 0;
    for (const [at, list] of lists.entries()) {
      const length = (index: number): number => (lists[index]?.length ?? 0) / (runs[index] ?? 1);
      if (list.length > (runs[at] ?? 1) && length(at) > length(longest)) longest = at;
    }
    if ((lists[longest]?.length ?? 0) <= (runs[longest] ?? 1)) break;
    runs[longest] = (runs[longest] ?? 1) + 1;
  }
  return lists.flatMap((list, at) => {
    const count = runs[at] ?? 1;
    return Array.from({ length: count }, (_, run) =>
      list.slice(
        Math.floor((run * list.length) / count),
        Math.floor(((run + 1) * list.length) / count),
      ),
    );
  });
}

/** A group of one dim has its name; one of all dims of a component the component's; others the name of their first dim and a count. */
function named(structure: Structure, lists: readonly (readonly number[])[]): readonly Group[] {
  const scopeOf = (dims: readonly number[]): string | null =>
    structure.dims[dims[0] ?? -1]?.component ?? null;
  return lists.map((dims): Group => {
    const component = scopeOf(dims);
    const first = structure.dims[dims[0] ?? -1]?.name ?? "";
    const isOnly = lists.filter((other) => scopeOf(other) === component).length === 1;
    const whole = component ?? "network";
    const name =
      dims.length === 1 ? first : isOnly ? whole : `${first} and ${dims.length - 1} more`;
    return { name, dims, component };
  });
}
