import type { Problem, ProblemTerm } from "../../problem/problem.ts";
import { stridesOf, walkBox } from "../factors/factors.ts";

/** Larger joint tables would cost the solver more than their tighter bound saves. */
const MOST_CELLS = 1000;

/**
 * The same problem with the tables of each triangle of dims, (a, b), (b, c) and (a, c) in one block, as one table over all
 * three. Marginals of pairs around a cycle may contradict each other in a relaxation; one joint table can't, so that
 * the relaxation bounds better. The usual triangle: a stream dim and the two inner dims of a bottleneck.
 */
export function foldTriangles(problem: Problem): Problem {
  const pairs = pairsOf(problem);
  const folded = new Set<ProblemTerm>();
  const joint: ProblemTerm[] = [];
  for (const [term] of pairs.terms.values()) {
    const triangle =
      term === undefined || folded.has(term) ? null : triangleOf(pairs, term, folded);
    if (triangle === null) continue;
    for (const each of triangle.members) folded.add(each);
    joint.push(jointTerm(problem, triangle.members, triangle.dims, pairs.sizes));
  }
  if (joint.length === 0) return problem;
  return { ...problem, terms: [...problem.terms.filter((term) => !folded.has(term)), ...joint] };
}

/** The tables over two dims. */
interface Pairs {
  /** Options per dim. */
  readonly sizes: readonly number[];
  /** By block and dims. */
  readonly terms: ReadonlyMap<string, readonly ProblemTerm[]>;
  /** Per dim those that it shares a table with. */
  readonly around: readonly ReadonlySet<number>[];
}

function pairsOf({ dims, terms }: Problem): Pairs {
  const sizes = dims.map(({ counts }) => counts.length);
  const found = new Map<string, ProblemTerm[]>();
  const around = dims.map(() => new Set<number>());
  for (const term of terms) {
    const pair = pairOf(term, sizes);
    if (pair === null) continue;
    const key = pairKey(term.block, ...pair);
    found.set(key, [...(found.get(key) ?? []), term]);
    around[pair[0]]?.add(pair[1]);
    around[pair[1]]?.add(pair[0]);
  }
  return { sizes, terms: found, around };
}

/** A third dim that has tables with both of a table's, none of which is folded yet; null where there is none. */
function triangleOf(
  { sizes, terms, around }: Pairs,
  term: ProblemTerm,
  folded: ReadonlySet<ProblemTerm>,
): { dims: readonly number[]; members: readonly ProblemTerm[] } | null {
  const [a, b] = pairOf(term, sizes) ?? [-1, -1];
  for (const c of around[a] ?? []) {
    if (c === b || !around[b]?.has(c)) continue;
    const sides = [
      [a, b],
      [a, c],
      [b, c],
    ].map(([one = -1, other = -1]) => terms.get(pairKey(term.block, one, other)) ?? []);
    const members = sides.flat();
    const isFresh =
      sides.every(({ length }) => length > 0) && !members.some((each) => folded.has(each));
    const cells = (sizes[a] ?? 1) * (sizes[b] ?? 1) * (sizes[c] ?? 1);
    if (isFresh && cells <= MOST_CELLS) return { dims: [a, b, c], members };
  }
  return null;
}

function pairKey(block: number | null, one: number, other: number): string {
  return `${block}:${Math.min(one, other)}-${Math.max(one, other)}`;
}

/** The two different dims with a choice that a table of no layer of its own is over, the lower one first. */
function pairOf(
  { axes, layer }: ProblemTerm,
  sizes: readonly number[],
): readonly [number, number] | null {
  const [first, second] = axes;
  if (axes.length !== 2 || layer !== null || first?.kind !== "dim" || second?.kind !== "dim") {
    return null;
  }
  const isPair =
    first.index !== second.index && (sizes[first.index] ?? 1) > 1 && (sizes[second.index] ?? 1) > 1;
  if (!isPair) return null;
  return first.index < second.index ? [first.index, second.index] : [second.index, first.index];
}

function jointTerm(
  problem: Problem,
  terms: readonly ProblemTerm[],
  dims: readonly number[],
  sizes: readonly number[],
): ProblemTerm {
  const shape = dims.map((dim) => sizes[dim] ?? 1);
  const add = (tableOf: (term: ProblemTerm) => Float64Array | null): Float64Array | null => {
    let total: Float64Array | null = null;
    for (const term of terms) {
      const table = tableOf(term);
      if (table === null) continue;
      total ??= new Float64Array(shape.reduce((product, size) => product * size, 1));
      const along = dims.map((dim) => strideOf(term, dim, sizes));
      addAlong(total, table, shape, along);
    }
    return total;
  };
  return {
    name: terms.map(({ name }) => name).join(" + "),
    block: terms[0]?.block ?? null,
    layer: null,
    axes: dims.map((index) => ({ kind: "dim", index })),
    gain: add(({ gain }) => gain),
    cost: problem.resources.map((_, r) => add(({ cost }) => cost[r] ?? null)),
  };
}

/** Adds a table to a larger one, along its strides. */
function addAlong(
  total: Float64Array,
  table: Float64Array,
  shape: readonly number[],
  along: readonly number[],
): void {
  walkBox(shape, stridesOf(shape), along, (a, b) => {
    total[a] = (total[a] ?? 0) + (table[b] ?? 0);
  });
}

/** How far apart a table's cells of two successive options of a dim are; 0 where it isn't over that dim. */
function strideOf({ axes }: ProblemTerm, dim: number, sizes: readonly number[]): number {
  const at = axes.findIndex(({ index }) => index === dim);
  if (at < 0) return 0;
  return at === axes.length - 1 ? 1 : (sizes[axes[1]?.index ?? -1] ?? 1);
}
