import { at } from "../../../core/at.ts";
import { type FactorGraph, scopeSizes, stridesOf } from "../factors/factors.ts";
import { type Dependent, dependentOf } from "./followers.ts";
import { type Basis, basisOf, type Forms, formsOf } from "./forms.ts";
import { type Order, smallestFirst } from "./order.ts";
import { type Input, type Slot, slotsOf } from "./slots.ts";
import { type Walk, walkOf } from "./walk.ts";

/**
 * An order in which the variables are maximised away one by one (bucket elimination, Dechter 1999). The bucket of a variable
 * holds every table that it is the first of to go; its maximum over the variable is a message, a table for the bucket
 * of the next variable to go among those it depends on.
 *
 * Where links make some of a bucket's variables follow from the others, only a basis of them is looped over, and the message is
 * a table over a basis of what is left.
 */
export interface Plan {
  readonly graph: FactorGraph;
  /** In order of elimination. A variable with one state has none. */
  readonly buckets: readonly Bucket[];
  /** Of some variables those that the others follow from. */
  readonly basisOf: (variables: readonly number[]) => Basis;
  /** What the factors of no variable add. */
  readonly constantGain: number;
  readonly constantCost: Float64Array;
}

export interface Bucket {
  readonly variable: number;
  /** Number of states of the variable. */
  readonly size: number;
  /** The variables that the message depends on, those that go later first. */
  readonly out: readonly number[];
  /** The axes of the message: all of `out`, or a basis of it. */
  readonly axes: readonly number[];
  readonly axisSizes: readonly number[];
  readonly slots: readonly Slot[];
  /** max over the variable of the slots' sum, row-major over `axes`. */
  readonly message: Float64Array;
  /** How the combinations of states that links allow are visited; null where all are allowed. */
  readonly walk: Walk | null;
  /** How the variable's position follows from those of `out`; null where it doesn't. */
  readonly dependent: Dependent | null;
}

/** The tables and loops of an order. */
export function makePlan(graph: FactorGraph, { order }: Order): Plan {
  const position = new Int32Array(graph.variables.length).fill(-1);
  for (const [at, variable] of order.entries()) position[variable] = at;
  const laterFirst = (scope: readonly number[]): number[] =>
    [...scope].sort((one, other) => at(position, other) - at(position, one));
  const sizeOf = (variable: number): number => graph.variables[variable]?.states.length ?? 1;
  const forms = graph.links.length === 0 ? null : formsOf(graph);
  const basis = (variables: readonly number[]): Basis =>
    forms === null
      ? { basis: variables, derived: [] }
      : basisOf(forms, smallestFirst(variables, sizeOf));
  const inputs = order.map((): Input[] => []);
  const give = (input: Input): void => {
    inputs[position[input.scope.at(-1) ?? -1] ?? -1]?.push(input);
  };
  let constantGain = 0;
  const constantCost = new Float64Array(graph.resourceCount);
  graph.factors.forEach(({ scope, gain, cost }, factor) => {
    if (scope.length > 0) {
      const sorted = laterFirst(scope);
      give({ scope: sorted, axes: sorted, cells: gain.length, factor, bucket: null });
      return;
    }
    constantGain += at(gain, 0);
    for (let r = 0; r < constantCost.length; r += 1) {
      constantCost[r] = at(constantCost, r) + (cost[r]?.[0] ?? 0);
    }
  });
  for (const { sum, parts } of graph.links) {
    const scope = [sum, ...parts.map(({ variable }) => variable)];
    const open = laterFirst(scope.filter((variable) => sizeOf(variable) > 1));
    if (open.length > 0) give({ scope: open, axes: [], cells: 0, factor: null, bucket: null });
  }
  const buckets: Bucket[] = [];
  for (const [at, variable] of order.entries()) {
    const mine = inputs[at] ?? [];
    const scope = [...new Set([variable, ...mine.flatMap((input) => input.scope)])];
    const out = laterFirst(scope).filter((each) => each !== variable);
    const own = basis(scope);
    const axes = own.derived.length === 0 ? out : laterFirst(basis(out).basis);
    const axisSizes = scopeSizes(graph, axes);
    const message = new Float64Array(axisSizes.reduce((product, size) => product * size, 1));
    const slots = slotsOf(graph, { variable, out }, mine);
    const shape = { graph, variable, axes, axisStrides: stridesOf(axisSizes), slots };
    const walk = own.derived.length === 0 ? null : walkOf(shape, own);
    const dependent =
      forms === null || walk === null ? null : followsFrom(graph, forms, axes, variable);
    const size = sizeOf(variable);
    buckets.push({ variable, size, out, axes, axisSizes, slots, message, walk, dependent });
    if (out.length > 0) give({ scope: out, axes, cells: message.length, factor: null, bucket: at });
  }
  return { graph, buckets, basisOf: basis, constantGain, constantCost };
}

/** How a variable follows from an independent list of others; null where it doesn't. */
function followsFrom(
  graph: FactorGraph,
  forms: Forms,
  others: readonly number[],
  variable: number,
): Dependent | null {
  const { derived } = basisOf(forms, [...others, variable]);
  const own = derived.find((each) => each.variable === variable);
  return own === undefined ? null : dependentOf(graph, others, own);
}
