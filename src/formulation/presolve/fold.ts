import type { Problem, ProblemTerm } from "../problem.ts";

/** Larger joint tables would cost the solver more than their tighter bound saves. */
const MOST_CELLS = 1000;

/**
 * The same problem with the tables of each triangle of dims, (a, b), (b, c) and (a, c) in one block, as one table over all
 * three. Marginals of pairs around a cycle may contradict each other in a relaxation; one joint table can't, so that
 * the relaxation bounds better. The usual triangle: a stream dim and the two inner dims of a bottleneck.
 */
export function foldTriangles(problem: Problem): Problem {
  const sizes = problem.dims.map(({ counts }) => counts.length);
  const pairs = new Map<string, ProblemTerm[]>();
  const around = problem.dims.map(() => new Set<number>());
  for (const term of problem.terms) {
    const pair = pairOf(term, sizes);
    if (pair === null) continue;
    const [one, other] = pair;
    const key = `${term.block}:${one}-${other}`;
    pairs.set(key, [...(pairs.get(key) ?? []), term]);
    around[one]?.add(other);
    around[other]?.add(one);
  }
  const folded = new Set<ProblemTerm>();
  const joint: ProblemTerm[] = [];
  for (const [key, terms] of pairs) {
    const [term] = terms;
    const pair = term === undefined ? null : pairOf(term, sizes);
    if (term === undefined || pair === null || folded.has(term)) continue;
    const [a, b] = pair;
    for (const c of around[a] ?? []) {
      if (c === b || !around[b]?.has(c)) continue;
      const cells = (sizes[a] ?? 1) * (sizes[b] ?? 1) * (sizes[c] ?? 1);
      const members = [key, ...[pairKey(term.block, a, c), pairKey(term.block, b, c)]].map(
        (each) => pairs.get(each) ?? [],
      );
      const isFresh = members.every(
        (each) => each.length > 0 && !each.some((one) => folded.has(one)),
      );
      if (!isFresh || cells > MOST_CELLS) continue;
      for (const each of members.flat()) folded.add(each);
      joint.push(jointTerm(problem, members.flat(), [a, b, c], sizes));
      break;
    }
  }
  if (joint.length === 0) return problem;
  return { ...problem, terms: [...problem.terms.filter((term) => !folded.has(term)), ...joint] };
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
  const [a = 0, b = 0, c = 0] = dims;
  const shape = [sizes[a] ?? 1, sizes[b] ?? 1, sizes[c] ?? 1];
  const add = (tableOf: (term: ProblemTerm) => Float64Array | null): Float64Array | null => {
    let total: Float64Array | null = null;
    for (const term of terms) {
      const table = tableOf(term);
      if (table === null) continue;
      total ??= new Float64Array((shape[0] ?? 1) * (shape[1] ?? 1) * (shape[2] ?? 1));
      const strides = dims.map((dim) => strideOf(term, dim, sizes));
      let at = 0;
      for (let i = 0; i < (shape[0] ?? 1); i += 1) {
        for (let j = 0; j < (shape[1] ?? 1); j += 1) {
          for (let k = 0; k < (shape[2] ?? 1); k += 1) {
            const cell = i * (strides[0] ?? 0) + j * (strides[1] ?? 0) + k * (strides[2] ?? 0);
            total[at] = (total[at] ?? 0) + (table[cell] ?? 0);
            at += 1;
          }
        }
      }
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

/** How far apart a table's cells of two successive options of a dim are; 0 where it isn't over that dim. */
function strideOf({ axes }: ProblemTerm, dim: number, sizes: readonly number[]): number {
  const at = axes.findIndex(({ index }) => index === dim);
  if (at < 0) return 0;
  return at === axes.length - 1 ? 1 : (sizes[axes[1]?.index ?? -1] ?? 1);
}
