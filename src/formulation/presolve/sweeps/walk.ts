import type { FactorGraph } from "../factors/factors.ts";
import { type PositionOf, positionsOf, unitsOf } from "./followers.ts";
import type { Basis, Derived } from "./forms.ts";
import type { Slot } from "./slots.ts";

/**
 * The combinations of states of a bucket's variables that links allow: loops over a basis, in which the other variables follow.
 * Everything that is read or written is an array whose offset is a sum over variables of stride times position. The last
 * variables of the basis make one inner loop together, so that rows are long.
 */
export interface Walk {
  readonly outer: readonly Loop[];
  /** Per number of outer loops entered, the followers that are known from there on. */
  readonly levels: readonly (readonly Follower[])[];
  /** Followers that the inner loop decides. */
  readonly late: readonly LateFollower[];
  /** Combinations of the inner loop. */
  readonly innerLength: number;
  /** Arrays that are read or written: one per slot, then the message, then the states of the bucket's variable. */
  readonly targets: readonly Target[];
}

interface Loop {
  readonly length: number;
  /** Units per position. */
  readonly units: Float64Array;
  /** Stride per target. */
  readonly strides: readonly number[];
}

/** A variable that follows from those of the basis: units = constant + sum of coefficients * their units. */
interface Follower {
  readonly constant: number;
  /** Per outer loop. */
  readonly coefficients: readonly number[];
  readonly position: PositionOf;
  /** Stride per target. */
  readonly strides: readonly number[];
}

interface LateFollower extends Follower {
  /** What each combination of the inner loop adds to its units. */
  readonly innerUnits: Float64Array;
}

interface Target {
  /** What each combination of the inner loop adds to the offset. */
  readonly innerOffsets: Int32Array;
}

/** What the loops of a bucket read and write. */
interface WalkShape {
  readonly graph: FactorGraph;
  readonly variable: number;
  /** Of the message. */
  readonly axes: readonly number[];
  readonly axisStrides: readonly number[];
  readonly slots: readonly Slot[];
}

/** Combinations of the inner loop, about. */
const ROW_LENGTH = 4096;

export function walkOf(shape: WalkShape, { basis, derived }: Basis): Walk {
  const { graph, variable } = shape;
  const arrays: readonly { axes: readonly number[]; strides: readonly number[] }[] = [
    ...shape.slots,
    { axes: shape.axes, strides: shape.axisStrides },
    { axes: [variable], strides: [1] },
  ];
  const stridesOf = (each: number): number[] =>
    arrays.map(({ axes, strides }) => strides[axes.indexOf(each)] ?? 0);
  const inside = innerCount(graph, basis);
  const outer = basis.slice(0, basis.length - inside);
  const inner = combinationsOf(graph, basis.slice(outer.length), derived);
  const loops = outer.map((each): Loop => {
    const units = unitsOf(graph, each);
    return { length: units.length, units, strides: stridesOf(each) };
  });
  const levels = Array.from({ length: outer.length + 1 }, (): Follower[] => []);
  const late: LateFollower[] = [];
  for (const each of derived) {
    const follower: Follower = {
      constant: each.constant,
      coefficients: each.coefficients.slice(0, outer.length),
      position: positionsOf(unitsOf(graph, each.variable)),
      strides: stridesOf(each.variable),
    };
    const own = each.coefficients.slice(outer.length);
    if (own.some((coefficient) => coefficient !== 0)) {
      late.push({ ...follower, innerUnits: inner.sum(own, "units") });
    } else {
      const level = follower.coefficients.findLastIndex((coefficient) => coefficient !== 0) + 1;
      levels[level]?.push(follower);
    }
  }
  const innerStrides = inner.variables.map(stridesOf);
  const targets = arrays.map((_, target): Target => {
    const strides = innerStrides.map((each) => each[target] ?? 0);
    return { innerOffsets: Int32Array.from(inner.sum(strides, "positions")) };
  });
  return { outer: loops, levels, late, innerLength: inner.length, targets };
}

/** How many of the last variables of a basis make the inner loop. */
function innerCount(graph: FactorGraph, basis: readonly number[]): number {
  let combinations = 1;
  let count = 0;
  for (const variable of basis.toReversed()) {
    const size = graph.variables[variable]?.states.length ?? 1;
    if (count > 0 && combinations * size > ROW_LENGTH) break;
    combinations *= size;
    count += 1;
  }
  return count;
}

/** All combinations of the inner loop's variables. */
interface Combinations {
  readonly variables: readonly number[];
  readonly length: number;
  /** Per combination the weighted sum of its variables' positions, or of their units. */
  readonly sum: (weights: readonly number[], of: "positions" | "units") => Float64Array;
}

/** Without those that a follower of the inner variables alone forbids. */
function combinationsOf(
  graph: FactorGraph,
  variables: readonly number[],
  derived: readonly Derived[],
): Combinations {
  const units = variables.map((variable) => unitsOf(graph, variable));
  const sizes = units.map(({ length }) => length);
  const all = sizes.reduce((product, size) => product * size, 1);
  const outerCount = (each: Derived): number => each.coefficients.length - variables.length;
  const rules = derived
    .filter((each) => each.coefficients.slice(0, outerCount(each)).every((part) => part === 0))
    .map((each) => ({
      constant: each.constant,
      weights: each.coefficients.slice(outerCount(each)),
      position: positionsOf(unitsOf(graph, each.variable)),
    }));
  const sumAt = (cell: number, weights: readonly number[], of: "positions" | "units"): number => {
    let rest = cell;
    let sum = 0;
    for (let axis = sizes.length - 1; axis >= 0; axis -= 1) {
      const size = sizes[axis] as number;
      const position = rest % size;
      rest = (rest - position) / size;
      const value = of === "units" ? (units[axis]?.[position] as number) : position;
      sum += (weights[axis] as number) * value;
    }
    return sum;
  };
  const cells = Int32Array.from({ length: all }, (_, cell) => cell).filter((cell) =>
    rules.every(
      ({ constant, weights, position }) => position(constant + sumAt(cell, weights, "units")) >= 0,
    ),
  );
  return {
    variables,
    length: cells.length,
    sum: (weights, of) => Float64Array.from(cells, (cell) => sumAt(cell, weights, of)),
  };
}

/** Combinations that differ in the inner loop only: where each is in the arrays of the targets. */
export interface Row {
  length: number;
  /** Per target. */
  readonly offsets: readonly Int32Array[];
  /** Room for a number per combination. */
  readonly sums: Float64Array;
}

/** Positions of the first outer loop; 1 where there is none. */
export function firstLength({ outer }: Walk): number {
  return outer[0]?.length ?? 1;
}

/**
 * Visits the rows whose first outer loop stands between two positions.
 *
 * @param visit gets one row object, with other contents each time
 */
export function walkRows(walk: Walk, from: number, to: number, visit: (row: Row) => void): void {
  const { outer, levels, innerLength, targets, late } = walk;
  const row: Row = {
    length: 0,
    offsets: targets.map(() => new Int32Array(innerLength)),
    sums: new Float64Array(innerLength),
  };
  const scratch: Scratch = {
    late: new Float64Array(late.length),
    found: late.map(() => new Int32Array(innerLength)),
    kept: Int32Array.from({ length: innerLength }, (_, at) => at),
  };
  const bases = Array.from({ length: outer.length + 1 }, () => new Int32Array(targets.length));
  const positions = new Int32Array(outer.length);
  /** Adds what the followers of a level add; false where one of them has no such state. */
  const follow = (level: number, base: Int32Array): boolean => {
    for (const follower of levels[level] ?? []) {
      const position = follower.position(unitsSoFar(follower, outer, positions, level));
      if (position < 0) return false;
      addStrides(base, base, follower.strides, position);
    }
    return true;
  };
  const enter = (level: number): void => {
    const base = bases[level] as Int32Array;
    const loop = outer[level];
    if (loop === undefined) {
      late.forEach((follower, at) => {
        scratch.late[at] = unitsSoFar(follower, outer, positions, level);
      });
      fillRow(walk, base, scratch, row);
      if (row.length > 0) visit(row);
      return;
    }
    const next = bases[level + 1] as Int32Array;
    const end = level === 0 ? Math.min(to, loop.length) : loop.length;
    for (let position = level === 0 ? from : 0; position < end; position += 1) {
      positions[level] = position;
      addStrides(next, base, loop.strides, position);
      if (follow(level + 1, next)) enter(level + 1);
    }
  };
  if (follow(0, bases[0] as Int32Array)) enter(0);
}

function addStrides(
  to: Int32Array,
  from: Int32Array,
  strides: readonly number[],
  position: number,
): void {
  for (let target = 0; target < to.length; target += 1) {
    to[target] = (from[target] as number) + (strides[target] as number) * position;
  }
}

function unitsSoFar(
  { constant, coefficients }: Follower,
  outer: readonly Loop[],
  positions: Int32Array,
  levels: number,
): number {
  let sum = constant;
  for (let level = 0; level < levels; level += 1) {
    const coefficient = coefficients[level] as number;
    if (coefficient === 0) continue;
    sum += coefficient * (outer[level]?.units[positions[level] as number] as number);
  }
  return sum;
}

interface Scratch {
  /** Per late follower what the outer loops add to its units, and its positions. */
  readonly late: Float64Array;
  readonly found: readonly Int32Array[];
  /** Combinations of the inner loop that all of them allow. */
  readonly kept: Int32Array;
}

/** The inner loop: follower by follower which combinations it allows, then the offsets, array by array. */
function fillRow(walk: Walk, base: Int32Array, scratch: Scratch, row: Row): void {
  const { late, targets } = walk;
  const { found, kept } = scratch;
  const length = keepAllowed(walk, scratch);
  row.length = length;
  for (let target = 0; target < targets.length; target += 1) {
    const inner = targets[target]?.innerOffsets as Int32Array;
    const offsets = row.offsets[target] as Int32Array;
    const start = base[target] as number;
    for (let at = 0; at < length; at += 1)
      offsets[at] = start + (inner[kept[at] as number] as number);
    for (let follower = 0; follower < late.length; follower += 1) {
      const stride = late[follower]?.strides[target] as number;
      if (stride === 0) continue;
      const places = found[follower] as Int32Array;
      for (let at = 0; at < length; at += 1) {
        offsets[at] = (offsets[at] as number) + stride * (places[at] as number);
      }
    }
  }
}

function keepAllowed({ late, innerLength }: Walk, scratch: Scratch): number {
  const { found, kept } = scratch;
  let length = innerLength;
  if (late.length === 0) return length;
  for (let at = 0; at < length; at += 1) kept[at] = at;
  for (let follower = 0; follower < late.length; follower += 1) {
    const { position, innerUnits } = late[follower] as LateFollower;
    const start = scratch.late[follower] as number;
    const places = found[follower] as Int32Array;
    let next = 0;
    for (let at = 0; at < length; at += 1) {
      const combination = kept[at] as number;
      const place = position(start + (innerUnits[combination] as number));
      if (place < 0) continue;
      // What the followers before it found moves along.
      for (let other = 0; other < follower && next !== at; other += 1) {
        const own = found[other] as Int32Array;
        own[next] = own[at] as number;
      }
      kept[next] = combination;
      places[next] = place;
      next += 1;
    }
    length = next;
  }
  return length;
}
