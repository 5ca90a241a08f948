import type { FactorGraph, Variable } from "../factors/factors.ts";

/**
 * The units of the variables that links tie, as linear forms: value(v) = vector(v) . x + constant(v), where x are the values of
 * the dims in links. What the graph has fixed (a variable with one state) is put in already, so that the forms of what
 * is left tell every linear dependency that holds for all points of the graph.
 */
export interface Forms {
  /** Per variable; null for one that no link says anything about. */
  readonly vectors: readonly (Float64Array | null)[];
  readonly constants: Float64Array;
}

/** Entries below this are rounding errors of entries of about 1. */
const ZERO = 1e-9;

export function formsOf({ variables, links }: FactorGraph): Forms {
  const raw = rawForms(variables, links);
  const constants = new Float64Array(variables.length);
  const fixed = createSpan();
  variables.forEach((variable, at) => {
    const vector = raw[at];
    if (vector && variable.states.length === 1) fixed.add(vector, 0, onlyValue(variable));
  });
  const vectors = variables.map((_, at): Float64Array | null => {
    const vector = raw[at] ?? null;
    if (vector === null) return null;
    const rest = fixed.reduce(vector);
    constants[at] = rest.constant;
    return rest.vector;
  });
  return { vectors, constants };
}

function onlyValue({ counts, states }: Variable): number {
  return counts[states[0] ?? -1] ?? Number.NaN;
}

function rawForms(
  variables: readonly Variable[],
  links: FactorGraph["links"],
): (Float64Array | null)[] {
  const sums = new Set(links.map(({ sum }) => sum));
  const atoms = new Map<number, number>();
  for (const { parts } of links) {
    for (const { variable } of parts) {
      if (!sums.has(variable) && !atoms.has(variable)) atoms.set(variable, atoms.size);
    }
  }
  const forms: (Float64Array | null)[] = variables.map(() => null);
  for (const [variable, atom] of atoms) {
    const vector = new Float64Array(atoms.size);
    vector[atom] = 1;
    forms[variable] = vector;
  }
  for (const { sum, parts } of links) {
    const vector = new Float64Array(atoms.size);
    for (const { variable, units } of parts) addTimes(vector, forms[variable] ?? null, units);
    forms[sum] = vector;
  }
  return forms;
}

function addTimes(vector: Float64Array, more: Float64Array | null, times: number): void {
  if (more === null || times === 0) return;
  for (let at = 0; at < vector.length; at += 1) {
    vector[at] = (vector[at] as number) + times * (more[at] as number);
  }
}

/** A variable whose value follows from those of a basis: constant + sum of coefficients[i] * value(basis[i]). */
export interface Derived {
  readonly variable: number;
  readonly constant: number;
  readonly coefficients: readonly number[];
}

/** Some variables that choose freely, and the others, which follow from them. */
export interface Basis {
  readonly basis: readonly number[];
  readonly derived: readonly Derived[];
}

/** Takes each variable into the basis that doesn't follow from those before it. */
export function basisOf({ vectors, constants }: Forms, variables: readonly number[]): Basis {
  const basis: number[] = [];
  const found: { variable: number; constant: number; parts: ReadonlyMap<number, number> }[] = [];
  const span = createSpan();
  for (const variable of variables) {
    const vector = vectors[variable] ?? null;
    if (vector === null) {
      basis.push(variable);
      continue;
    }
    const known = constants[variable] as number;
    const rest = span.reduce(vector);
    if (rest.isZero) {
      found.push({ variable, constant: known + rest.constant, parts: rest.parts });
    } else {
      span.add(vector, known, null, basis.length);
      basis.push(variable);
    }
  }
  return {
    basis,
    derived: found.map(({ variable, constant, parts }) => ({
      variable,
      constant,
      coefficients: basis.map((_, at) => parts.get(at) ?? 0),
    })),
  };
}

/** What is left of a vector beside a span: vector . x = rest . x + constant + sum of parts * values. */
interface Rest {
  readonly vector: Float64Array;
  readonly isZero: boolean;
  readonly constant: number;
  readonly parts: ReadonlyMap<number, number>;
}

/** A row knows its own value: vector . x = constant + sum of parts[i] * value(i). */
interface Row {
  readonly vector: Float64Array;
  readonly pivot: number;
  readonly constant: number;
  readonly parts: ReadonlyMap<number, number>;
}

interface Span {
  readonly reduce: (vector: Float64Array) => Rest;
  /** Says that vector . x + constant is a known number, or (null) the value of what is at `place`. */
  readonly add: (
    vector: Float64Array,
    constant: number,
    value: number | null,
    place?: number,
  ) => void;
}

/** Gaussian elimination that remembers what each row stands for. */
function createSpan(): Span {
  const rows: Row[] = [];
  const reduce = (vector: Float64Array): Rest => {
    const left = vector.slice();
    const parts = new Map<number, number>();
    let constant = 0;
    for (const row of rows) {
      const times = (left[row.pivot] as number) / (row.vector[row.pivot] as number);
      if (Math.abs(times) < ZERO) continue;
      addTimes(left, row.vector, -times);
      left[row.pivot] = 0;
      constant += times * row.constant;
      for (const [at, part] of row.parts) parts.set(at, (parts.get(at) ?? 0) + times * part);
    }
    const isZero = left.every((entry) => Math.abs(entry) < ZERO);
    return { vector: left, isZero, constant, parts };
  };
  const add: Span["add"] = (vector, constant, value, place = -1) => {
    const rest = reduce(vector);
    if (rest.isZero) return;
    const pivot = rest.vector.reduce(
      (best, entry, at) => (Math.abs(entry) > Math.abs(rest.vector[best] ?? 0) ? at : best),
      0,
    );
    const parts = new Map([...rest.parts].map(([at, part]) => [at, -part]));
    if (value === null) parts.set(place, (parts.get(place) ?? 0) + 1);
    const known = (value ?? 0) - constant - rest.constant;
    rows.push({ vector: rest.vector, pivot, constant: known, parts });
  };
  return { reduce, add };
}
