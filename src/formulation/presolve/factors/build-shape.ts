import { at as entryAt } from "../../../core/at.ts";
import type { AxisRef, Problem } from "../../problem/problem.ts";
import { axisHome } from "../../problem/problem-axes.ts";
import {
  collectFactors,
  type FactorCollector,
  type Link,
  stridesOf,
  type Variable,
  walkBox,
} from "./factors.ts";
import { isLinear, keyOf, planSums, usedSums } from "./plan-sums.ts";

/** The gain of what a rule forbids. */
export const FORBIDDEN: number = Number.NEGATIVE_INFINITY;

/** What is known while a graph is built. */
export interface Building {
  readonly problem: Problem;
  readonly variables: Variable[];
  /** Per variable the block whose dropping takes it away; null for layers, and where nothing does. */
  readonly homes: (number | null)[];
  /** Per block the variable that tells whether it is kept. */
  readonly witnesses: number[];
  /** Per sum of the problem its variable; -1 for a sum that no table needs. */
  readonly sumVariables: readonly number[];
  readonly links: readonly Link[];
  readonly firstLayer: number;
  readonly collector: FactorCollector;
  /** Union-find over variables of one block whose presence some factor already makes equal. */
  readonly linked: number[];
  /** Blocks of which some factor already says that they are kept only inside their parent. */
  readonly nested: Set<number>;
}

export function variablesOf(problem: Problem): Building {
  const variables: Variable[] = [];
  const homes: (number | null)[] = [];
  const add = (
    kind: Variable["kind"],
    index: number,
    counts: readonly number[],
    states: number,
    home: number | null,
  ): number => {
    const all = Array.from({ length: states }, (_, at) => at);
    homes.push(home);
    return variables.push({ kind, index, counts, states: all }) - 1;
  };
  problem.dims.forEach(({ counts, block }, index) => {
    add("dim", index, counts, counts.length + (block === null ? 0 : 1), block);
  });
  const sumVariables = problem.sums.map(() => -1);
  for (const index of usedSums(problem)) {
    const axis: AxisRef = { kind: "sum", index };
    if (isLinear(problem, axis)) continue;
    const { values = [] } = problem.sums[index] ?? {};
    const home = axisHome(problem, axis);
    sumVariables[index] = add("sum", index, values, values.length + (home === null ? 0 : 1), home);
  }
  const variableByKey = new Map<string, number>();
  const links = planSums(problem).map(({ ref, parts, values }): Link => {
    const index = ref.kind === "sum" ? ref.index : -1;
    const sum = add("sum", index, values, values.length, null);
    if (index >= 0) sumVariables[index] = sum;
    variableByKey.set(keyOf(ref), sum);
    return {
      sum,
      parts: parts.map((part) => ({
        variable:
          part.ref.kind === "dim" ? part.ref.index : (variableByKey.get(keyOf(part.ref)) ?? -1),
        units: part.units,
      })),
    };
  });
  const firstLayer = variables.length;
  problem.layers.forEach((_, index) => {
    add("layer", index, [], 2, null);
  });
  const witnesses = problem.blocks.map((_, block) => {
    const dim = problem.dims.findIndex((each) => each.block === block);
    if (dim >= 0) return dim;
    return add("block", block, [], 2, block);
  });
  return {
    problem,
    variables,
    homes,
    witnesses,
    sumVariables,
    links,
    firstLayer,
    collector: collectFactors(problem.resources.length),
    linked: variables.map((_, index) => index),
    nested: new Set(),
  };
}

export function variableOf({ sumVariables }: Building, axis: AxisRef): number {
  return axis.kind === "dim" ? axis.index : (sumVariables[axis.index] ?? -1);
}

/** States in which a variable is there: a first one and how many. Layers and dims that outlive all are always there. */
export function present(
  { variables, homes }: Building,
  variable: number,
): { first: number; count: number } {
  const { kind, states } = variables[variable] ?? { kind: "dim", states: [] };
  if (kind === "block") return { first: 1, count: 1 };
  return { first: 0, count: states.length - (homes[variable] === null ? 0 : 1) };
}

export function absentState({ variables }: Building, variable: number): number {
  const { kind, states } = variables[variable] ?? { kind: "dim", states: [] };
  return kind === "block" ? 0 : states.length - 1;
}

/** The scope of a factor of some block, and where its cells are. */
export interface Shape {
  readonly scope: readonly number[];
  readonly block: number | null;
  readonly sizes: readonly number[];
  readonly cells: number;
  readonly stride: ReadonlyMap<number, number>;
}

/** A scope of these variables, and of one that tells whether the block is kept, if there is none among them. */
export function shapeOf(
  building: Building,
  block: number | null,
  variables: readonly number[],
): Shape {
  const { homes, witnesses } = building;
  const all = new Set(variables);
  if (block !== null && !variables.some((variable) => homes[variable] === block)) {
    all.add(entryAt(witnesses, block));
  }
  const scope = [...all].sort((left, right) => left - right);
  noteLinks(building, block, scope);
  const sizes = scope.map((variable) => building.variables[variable]?.states.length ?? 1);
  const strides = stridesOf(sizes);
  return {
    scope,
    block,
    sizes,
    cells: sizes.reduce((product, size) => product * size, 1),
    stride: new Map(scope.map((variable, at) => [variable, strides[at] ?? 1])),
  };
}

/** A factor of a block allows its own variables to be there or gone only together, and those around it when they are there. */
function noteLinks(building: Building, block: number | null, scope: readonly number[]): void {
  const { homes, linked, nested, problem } = building;
  if (block === null) return;
  const own = scope.filter((variable) => homes[variable] === block);
  for (const variable of own) linked[rootOf(linked, variable)] = rootOf(linked, own[0] ?? variable);
  const parent = problem.blocks[block]?.parent ?? null;
  if (parent !== null && scope.some((variable) => homes[variable] === parent)) nested.add(block);
}

export function rootOf(linked: readonly number[], variable: number): number {
  let at = variable;
  while (linked[at] !== at) at = linked[at] ?? at;
  return at;
}

/** Places of a dense table: `lengths` along strides, from `start`. */
export interface Box {
  readonly start: number;
  readonly lengths: readonly number[];
  readonly strides: readonly number[];
}

/** Lets the combinations of a box be chosen: 0 instead of the -Infinity of what is forbidden. */
export function allowBox(gain: Float64Array, { start, lengths, strides }: Box): void {
  const allow = (place: number): void => {
    gain[place] = 0;
  };
  walkBox(lengths, strides, strides, allow, start);
}

/** Offset of the first of the cells in which every variable is there and layers stand, with the cells per variable. */
export function presentBox(building: Building, shape: Shape): Box {
  let start = 0;
  const lengths: number[] = [];
  const strides: number[] = [];
  for (const variable of shape.scope) {
    const stride = shape.stride.get(variable) ?? 1;
    const { first, count } = present(building, variable);
    start += first * stride;
    lengths.push(building.variables[variable]?.kind === "layer" ? 1 : count);
    strides.push(stride);
  }
  return { start, lengths, strides };
}

/** A gain table that allows the cells in which the block is gone with all its variables, and nothing else yet. */
export function emptyGain(building: Building, shape: Shape): Float64Array {
  const gain = new Float64Array(shape.cells).fill(FORBIDDEN);
  if (shape.block === null) return gain;
  let start = 0;
  const lengths: number[] = [];
  const strides: number[] = [];
  shape.scope.forEach((variable, at) => {
    const stride = shape.stride.get(variable) ?? 1;
    const isOwn = building.homes[variable] === shape.block;
    if (isOwn) start += absentState(building, variable) * stride;
    const isFixed = isOwn || building.variables[variable]?.kind === "layer";
    lengths.push(isFixed ? 1 : (shape.sizes[at] ?? 1));
    strides.push(stride);
  });
  allowBox(gain, { start, lengths, strides });
  return gain;
}
