/**
 * A problem as a sum of tables over discrete variables, which is the form that dynamic programming wants:
 *
 *     maximise  sum over factors f of gain[f](x)   subject to   sum over factors f of cost[f][r](x) <= limit[r]
 *
 * Rules are factors too: a gain of -Infinity forbids a cell. A dim in a block has one state more, "absent".
 */

/** What a variable decides. States: dim and sum: the option, then "absent"; layer: 0 stands, 1 dropped; block: 0 dropped, 1 kept. */
export interface Variable {
  readonly kind: "dim" | "sum" | "layer" | "block";
  /** Index into the problem's list of that kind; -1 for a sum that the presolve made for itself. */
  readonly index: number;
  /** Units per original state; states beyond its end ("absent") and those of layers and blocks have none. */
  readonly counts: readonly number[];
  /** The states that are left, by their original numbers, increasing. */
  readonly states: readonly number[];
}

export interface Factor {
  /** Different variables, by index. */
  readonly scope: readonly number[];
  /** Row-major over the scope's states that are left. */
  readonly gain: Float64Array;
  /** Per resource; null is zero everywhere. */
  readonly cost: readonly (Float64Array | null)[];
}

/** A rule: the units of `sum` are the weighted sum of its parts' units. No variable of a link is ever absent. */
export interface Link {
  readonly sum: number;
  readonly parts: readonly LinkPart[];
}

export interface LinkPart {
  readonly variable: number;
  /** Units of the sum per unit of this part. */
  readonly units: number;
}

export interface FactorGraph {
  readonly variables: readonly Variable[];
  readonly factors: readonly Factor[];
  /** Rules that would be large tables. A link's parts come before its sum, in the order of the list. */
  readonly links: readonly Link[];
  readonly resourceCount: number;
}

/** Number of states that are left of each variable of a scope. */
export function scopeSizes(graph: FactorGraph, scope: readonly number[]): number[] {
  return scope.map((variable) => graph.variables[variable]?.states.length ?? 1);
}

/** Number of states that are left of all variables. */
export function statesOf({ variables }: FactorGraph): number {
  return variables.reduce((sum, { states }) => sum + states.length, 0);
}

/** Row-major strides. */
export function stridesOf(sizes: readonly number[]): number[] {
  const strides = sizes.map(() => 1);
  for (let axis = sizes.length - 2; axis >= 0; axis -= 1) {
    strides[axis] = (strides[axis + 1] ?? 1) * (sizes[axis + 1] ?? 1);
  }
  return strides;
}

/**
 * Visits every cell of a box, in row-major order, with offsets into two arrays that advance by their strides.
 *
 * @param lengths cells per axis
 */
export function walkBox(
  lengths: readonly number[],
  stridesA: readonly number[],
  stridesB: readonly number[],
  visit: (a: number, b: number) => void,
  startA = 0,
  startB = 0,
): void {
  const axes = lengths.length;
  const last = axes - 1;
  if (lengths.includes(0)) return;
  if (axes === 0) {
    visit(startA, startB);
    return;
  }
  const lastLength = lengths[last] ?? 1;
  const lastA = stridesA[last] ?? 0;
  const lastB = stridesB[last] ?? 0;
  const index = new Int32Array(axes);
  let a = startA;
  let b = startB;
  for (;;) {
    for (let k = 0; k < lastLength; k += 1) visit(a + k * lastA, b + k * lastB);
    let axis = last - 1;
    for (; axis >= 0; axis -= 1) {
      const at = (index[axis] ?? 0) + 1;
      a += stridesA[axis] ?? 0;
      b += stridesB[axis] ?? 0;
      if (at < (lengths[axis] ?? 1)) {
        index[axis] = at;
        break;
      }
      index[axis] = 0;
      a -= at * (stridesA[axis] ?? 0);
      b -= at * (stridesB[axis] ?? 0);
    }
    if (axis < 0) return;
  }
}

/** Collects factors; those over the same variables become one. */
export interface FactorCollector {
  /** `scope` increasing. The arrays are kept, and changed by later calls. */
  readonly add: (
    scope: readonly number[],
    gain: Float64Array,
    cost: readonly (Float64Array | null)[],
  ) => void;
  readonly factors: () => Factor[];
}

export function collectFactors(resourceCount: number): FactorCollector {
  const known = new Map<
    string,
    { scope: readonly number[]; gain: Float64Array; cost: (Float64Array | null)[] }
  >();
  return {
    add: (scope, gain, cost) => {
      const key = scope.join();
      const factor = known.get(key);
      if (factor === undefined) {
        const all = Array.from({ length: resourceCount }, (_, r) => cost[r] ?? null);
        known.set(key, { scope, gain, cost: all });
        return;
      }
      addTo(factor.gain, gain);
      for (let r = 0; r < resourceCount; r += 1) {
        const more = cost[r] ?? null;
        const total = factor.cost[r] ?? null;
        if (total === null) factor.cost[r] = more;
        else if (more !== null) addTo(total, more);
      }
    },
    factors: () => [...known.values()],
  };
}

/** Adds a table to another one of its size. */
export function addTo(total: Float64Array, more: Float64Array): void {
  for (let cell = 0; cell < total.length; cell += 1) {
    total[cell] = (total[cell] as number) + (more[cell] as number);
  }
}
