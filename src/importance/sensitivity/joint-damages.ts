/**
 * What two dims lose together. With D the measured damage of keeping k units of one and c of the other, and L what the dims' scores
 * say is lost alone, the gain of their joint table is
 *
 *     G(k, c) = L_first(k) + L_second(c) - D(k, c)
 *
 * so that scores and table lose D where both are cut. D is taken not to fall as either dim gets narrower.
 */
import { at } from "../../core/at.ts";
import type { Dim, Structure } from "../../structure/structure.ts";
import type { JointImportance } from "../joint.ts";

export interface PairDamage {
  readonly dims: readonly [number, number];
  readonly counts: readonly [number, number];
  readonly damage: number;
}

/** A joint table, and the first of its dims. */
export type PairJoint = Pick<JointImportance, "dims" | "counts" | "gains"> & { readonly dim: Dim };

/** @param lostAlone per number of units kept, from 0 to all, what the scores of a dim say is lost */
export function pairJoints(
  structure: Structure,
  pairs: readonly PairDamage[],
  lostAlone: (dim: Dim) => readonly number[],
): readonly PairJoint[] {
  const groups = new Map<string, PairDamage[]>();
  for (const pair of pairs) {
    const key = pair.dims.join();
    groups.set(key, [...(groups.get(key) ?? []), pair]);
  }
  return [...groups.values()].flatMap((group): PairJoint[] => {
    const [first, second] = group[0]?.dims.map((dim) => structure.dims[dim]) ?? [];
    if (first === undefined || second === undefined) return [];
    const counts = [first, second].map(({ size }, side) =>
      [...new Set([...group.map((each) => each.counts[side] ?? 0), size])].sort((a, b) => a - b),
    );
    const [lefts, rights] = [at(counts, 0), at(counts, 1)];
    const [left, right] = [lostAlone(first), lostAlone(second)];
    const known = new Map(group.map((each) => [each.counts.join(), each.damage]));
    const lost = lefts.map(() => new Array<number>(rights.length).fill(0));
    // From the whole network down, so that what is less narrow is there to compare with.
    for (let i = lefts.length - 1; i >= 0; i -= 1) {
      for (let j = rights.length - 1; j >= 0; j -= 1) {
        const [k = 0, c = 0] = [lefts[i], rights[j]];
        const alone = [left[k] ?? 0, right[c] ?? 0];
        const isAlone = k === first.size || c === second.size;
        const wider = [lost[i + 1]?.[j] ?? 0, lost[i]?.[j + 1] ?? 0];
        const own = known.get(`${k},${c}`) ?? 0;
        at(lost, i)[j] = isAlone ? Math.max(...alone) : Math.max(own, ...alone, ...wider);
      }
    }
    const gains = lefts.flatMap((k, i) =>
      rights.map((c, j) => (left[k] ?? 0) + (right[c] ?? 0) - (lost[i]?.[j] ?? 0)),
    );
    return [{ dim: first, dims: [first.name, second.name], counts, gains }];
  });
}
