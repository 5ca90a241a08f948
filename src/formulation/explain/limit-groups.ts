import type { Problem } from "../problem/problem.ts";

/** A limit as people think of it: one resource, or the group of resources whose largest counts. */
export interface LimitGroup {
  /** Indices of its resources; at least one. */
  readonly members: readonly number[];
  readonly name: string;
  readonly unit: string;
  readonly limit: number;
  readonly soft: boolean;
}

/** The limits of a problem, in the order of their first resources. Resources without a limit are none. */
export function limitGroups({ resources }: Problem): LimitGroup[] {
  const groups = new Map<string, LimitGroup & { readonly members: number[] }>();
  resources.forEach(({ name, unit, limit, penalty, group }, index) => {
    if (limit === Number.POSITIVE_INFINITY) return;
    const key = group ?? `#${index}`;
    const known = groups.get(key);
    if (known !== undefined) known.members.push(index);
    else {
      const soft = (penalty ?? 0) > 0;
      groups.set(key, { members: [index], name: group ?? name, unit, limit, soft });
    }
  });
  return [...groups.values()];
}

/** The problem with another limit in place of one. */
export function withGroupLimit(problem: Problem, { members }: LimitGroup, limit: number): Problem {
  const resources = problem.resources.map((resource, index) =>
    members.includes(index) ? { ...resource, limit } : resource,
  );
  return { ...problem, resources };
}
