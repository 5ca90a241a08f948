import type { AxisRef, Problem, ProblemTerm } from "../problem.ts";
import { axisCounts, axisHome, simplifyTerm } from "../problem-axes.ts";
import {
  collectFactors,
  type FactorCollector,
  type FactorGraph,
  stridesOf,
  type Variable,
  walkBox,
} from "./factors.ts";
import { restrict } from "./restrict.ts";

const FORBIDDEN = Number.NEGATIVE_INFINITY;

/** What is known while a graph is built. */
interface Building {
  readonly problem: Problem;
  readonly variables: Variable[];
  /** Per variable the block whose dropping takes it away; null for layers, and where nothing does. */
  readonly homes: (number | null)[];
  /** Per block the variable that tells whether it is kept. */
  readonly witnesses: number[];
  readonly firstSum: number;
  readonly firstLayer: number;
  readonly collector: FactorCollector;
  /** Union-find over variables of one block whose presence some factor already makes equal. */
  readonly linked: number[];
  /** Blocks of which some factor already says that they are kept only inside their parent. */
  readonly nested: Set<number>;
}

/** The factors of a problem: its tables, and its rules of blocks, layers, ties and sums. Nothing is lost. */
export function buildFactors(problem: Problem): FactorGraph {
  const building = variablesOf(problem);
  for (const term of problem.terms) addTerm(building, simplifyTerm(problem, term));
  problem.sums.forEach((_, index) => {
    addSum(building, index);
  });
  problem.layers.forEach((_, index) => {
    addLayer(building, index);
  });
  const { firstLayer, collector } = building;
  for (const [one, other] of problem.exclusiveLayers) {
    const scope = [firstLayer + Math.min(one, other), firstLayer + Math.max(one, other)];
    collector.add(scope, Float64Array.of(0, 0, 0, FORBIDDEN), []);
  }
  addPresence(building);
  const graph: FactorGraph = {
    variables: building.variables,
    factors: collector.factors(),
    resourceCount: problem.resources.length,
  };
  const sizes = graph.variables.map(({ states }) => states.length);
  // Restricting to all states takes those that have no choice out of the scopes.
  return sizes.includes(1)
    ? restrict(
        graph,
        sizes.map((size) => new Uint8Array(size).fill(1)),
      )
    : graph;
}

function variablesOf(problem: Problem): Building {
  const variables: Variable[] = [];
  const homes: (number | null)[] = [];
  const add = (
    kind: Variable["kind"],
    index: number,
    states: number,
    home: number | null,
  ): void => {
    variables.push({ kind, index, states: Array.from({ length: states }, (_, at) => at) });
    homes.push(home);
  };
  problem.dims.forEach(({ counts, block }, index) => {
    add("dim", index, counts.length + (block === null ? 0 : 1), block);
  });
  const firstSum = variables.length;
  problem.sums.forEach(({ values }, index) => {
    const home = axisHome(problem, { kind: "sum", index });
    add("sum", index, values.length + (home === null ? 0 : 1), home);
  });
  const firstLayer = variables.length;
  problem.layers.forEach((_, index) => {
    add("layer", index, 2, null);
  });
  const witnesses = problem.blocks.map((_, block) => {
    const dim = problem.dims.findIndex((each) => each.block === block);
    if (dim >= 0) return dim;
    add("block", block, 2, block);
    return variables.length - 1;
  });
  return {
    problem,
    variables,
    homes,
    witnesses,
    firstSum,
    firstLayer,
    collector: collectFactors(problem.resources.length),
    linked: variables.map((_, index) => index),
    nested: new Set(),
  };
}

function variableOf({ firstSum }: Building, axis: AxisRef): number {
  return axis.kind === "dim" ? axis.index : firstSum + axis.index;
}

/** States in which a variable is there: a first one and how many. Layers and dims that outlive all are always there. */
function present(
  { variables, homes }: Building,
  variable: number,
): { first: number; count: number } {
  const { kind, states } = variables[variable] ?? { kind: "dim", states: [] };
  if (kind === "block") return { first: 1, count: 1 };
  return { first: 0, count: states.length - (homes[variable] === null ? 0 : 1) };
}

function absentState({ variables }: Building, variable: number): number {
  const { kind, states } = variables[variable] ?? { kind: "dim", states: [] };
  return kind === "block" ? 0 : states.length - 1;
}

/** The scope of a factor of some block, and where its cells are. */
interface Shape {
  readonly scope: readonly number[];
  readonly block: number | null;
  readonly sizes: readonly number[];
  readonly cells: number;
  readonly stride: ReadonlyMap<number, number>;
}

/** A scope of these variables, and of one that tells whether the block is kept, if there is none among them. */
function shapeOf(building: Building, block: number | null, variables: readonly number[]): Shape {
  const { homes, witnesses } = building;
  const all = new Set(variables);
  if (block !== null && !variables.some((variable) => homes[variable] === block)) {
    all.add(witnesses[block] ?? 0);
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

function rootOf(linked: readonly number[], variable: number): number {
  let at = variable;
  while (linked[at] !== at) at = linked[at] ?? at;
  return at;
}

/** Places of a dense table: `lengths` along strides, from `start`. */
interface Box {
  readonly start: number;
  readonly lengths: readonly number[];
  readonly strides: readonly number[];
}

/** Lets the combinations of a box be chosen: 0 instead of the -Infinity of what is forbidden. */
function allowBox(gain: Float64Array, { start, lengths, strides }: Box): void {
  const allow = (place: number): void => {
    gain[place] = 0;
  };
  walkBox(lengths, strides, strides, allow, start);
}

/** Offset of the first of the cells in which every variable is there and layers stand, with the cells per variable. */
function presentBox(building: Building, shape: Shape): Box {
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
function emptyGain(building: Building, shape: Shape): Float64Array {
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

function addTerm(building: Building, term: ProblemTerm): void {
  const { problem, collector, firstLayer } = building;
  const axes = term.axes.map((axis) => variableOf(building, axis));
  const layer = term.layer === null ? null : firstLayer + term.layer;
  const shape = shapeOf(building, term.block, layer === null ? axes : [...axes, layer]);
  const { start, lengths, strides } = presentBox(building, shape);
  const tableStrides = stridesOf(term.axes.map((axis) => axisCounts(problem, axis).length));
  const sources = shape.scope.map((variable) => tableStrides[axes.indexOf(variable)] ?? 0);

  const gain = emptyGain(building, shape);
  walkBox(
    lengths,
    strides,
    sources,
    (a, b) => {
      gain[a] = term.gain?.[b] ?? 0;
    },
    start,
  );
  if (layer !== null) {
    allowBox(gain, { start: start + (shape.stride.get(layer) ?? 1), lengths, strides });
  }
  const cost = term.cost.map((table): Float64Array | null => {
    if (table === null || table.every((value) => value === 0)) return null;
    const filled = new Float64Array(shape.cells);
    walkBox(
      lengths,
      strides,
      sources,
      (a, b) => {
        filled[a] = table[b] ?? 0;
      },
      start,
    );
    return filled;
  });
  collector.add(shape.scope, gain, cost);
}

/** values[s] = leftUnits * left + rightUnits * right, or all of the deeper operand's block gone. */
function addSum(building: Building, index: number): void {
  const { problem, collector, firstSum } = building;
  const sum = problem.sums[index];
  if (sum === undefined) return;
  const left = variableOf(building, sum.left);
  const right = variableOf(building, sum.right);
  const own = firstSum + index;
  const shape = shapeOf(building, axisHome(problem, { kind: "sum", index }), [left, right, own]);
  const gain = emptyGain(building, shape);
  const optionOf = new Map(sum.values.map((value, option) => [value, option]));
  const stride = (variable: number): number => shape.stride.get(variable) ?? 1;
  const rightCounts = axisCounts(problem, sum.right);
  axisCounts(problem, sum.left).forEach((leftCount, i) => {
    rightCounts.forEach((rightCount, j) => {
      if (left === right && i !== j) return;
      const option = optionOf.get(sum.leftUnits * leftCount + sum.rightUnits * rightCount) ?? 0;
      const place = left === right ? i * stride(left) : i * stride(left) + j * stride(right);
      gain[place + option * stride(own)] = 0;
    });
  });
  collector.add(shape.scope, gain, []);
}

/** Stands: nothing to say. Dropped: its block is kept, and the two dims of its tie have one option. */
function addLayer(building: Building, index: number): void {
  const { problem, collector, firstLayer } = building;
  const layer = problem.layers[index];
  if (layer === undefined || (layer.tie === null && layer.block === null)) return;
  const own = firstLayer + index;
  const tied = layer.tie === null ? [] : [layer.tie.outlives, layer.tie.tied];
  const shape = shapeOf(building, layer.block, [...tied, own]);
  const gain = emptyGain(building, shape);
  const { start, lengths, strides } = presentBox(building, shape);
  allowBox(gain, { start, lengths, strides });
  const dropped = start + (shape.stride.get(own) ?? 1);
  if (layer.tie === null) {
    allowBox(gain, { start: dropped, lengths, strides });
  } else {
    // The two move together; any other variable of the scope only tells that the block is kept.
    const together = tied.reduce((sum, variable) => sum + (shape.stride.get(variable) ?? 1), 0);
    const witness = shape.scope.findIndex(
      (variable) => variable !== own && !tied.includes(variable),
    );
    const options = layer.tieGain.length;
    const others = witness < 0 ? 1 : (lengths[witness] ?? 1);
    for (let at = 0; at < others; at += 1) {
      for (let k = 0; k < options; k += 1) {
        gain[dropped + at * (strides[witness] ?? 0) + k * together] = layer.tieGain[k] ?? 0;
      }
    }
  }
  collector.add(shape.scope, gain, []);
}

/** What no other factor says yet: variables of a block go together, a kept block is in a kept one. */
function addPresence(building: Building): void {
  const { problem, homes, witnesses, linked, nested } = building;
  homes.forEach((block, variable) => {
    const witness = witnesses[block ?? -1];
    if (block === null || witness === undefined) return;
    if (rootOf(linked, witness) === rootOf(linked, variable)) return;
    linked[rootOf(linked, variable)] = rootOf(linked, witness);
    addPairRule(building, variable, witness, (one, other) => one === other);
  });
  problem.blocks.forEach(({ parent }, block) => {
    if (parent === null || nested.has(block)) return;
    addPairRule(
      building,
      witnesses[block] ?? 0,
      witnesses[parent] ?? 0,
      (own, around) => !own || around,
    );
  });
}

/** Forbids the pairs of states whose presences don't agree with a rule. */
function addPairRule(
  building: Building,
  one: number,
  other: number,
  allows: (one: boolean, other: boolean) => boolean,
): void {
  const scope = [Math.min(one, other), Math.max(one, other)];
  const sizes = scope.map((variable) => building.variables[variable]?.states.length ?? 1);
  const gain = new Float64Array((sizes[0] ?? 1) * (sizes[1] ?? 1));
  for (let i = 0; i < (sizes[0] ?? 1); i += 1) {
    for (let j = 0; j < (sizes[1] ?? 1); j += 1) {
      const isThere = [i, j].map((state, at) => state !== absentState(building, scope[at] ?? 0));
      const [first = true, second = true] = isThere;
      const isAllowed = scope[0] === one ? allows(first, second) : allows(second, first);
      if (!isAllowed) gain[i * (sizes[1] ?? 1) + j] = FORBIDDEN;
    }
  }
  building.collector.add(scope, gain, []);
}
