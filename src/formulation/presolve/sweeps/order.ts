import { type Random, randomFrom } from "../../../core/random.ts";
import type { FactorGraph } from "../factors/factors.ts";
import { basisOf, formsOf } from "./forms.ts";

/** How large the tables of an order are. */
export interface PlanSize {
  /** Combinations of states that one sweep looks at. */
  readonly work: number;
  /** Numbers that the messages of a sweep hold. */
  readonly memory: number;
}

export interface Order {
  /** Variables with more than one state, first to go first. */
  readonly order: readonly number[];
  readonly size: PlanSize;
}

/** What is left while variables go. */
interface Remaining {
  readonly hasLinks: boolean;
  readonly cells: CellCounter;
  readonly neighbours: readonly Set<number>[];
  /** What each variable's bucket would take, if it went now. */
  readonly prices: Price[];
  /** When a neighbour of it went last. */
  readonly touched: Int32Array;
  readonly left: Set<number>;
}

interface Price {
  /** Combinations in the bucket. */
  readonly work: number;
  /** Cells of its message. */
  readonly message: number;
  /** What the greedy choice goes by. */
  readonly price: number;
}

/** Below this much work a better order saves less than the search for it takes. */
const LIGHT_WORK = 1e7;
const MOST_TRIES = 48;
/** By how much, in powers of e, the greedy choice of a try may be off. */
const NOISES = [0.5, 1, 2, 3];

/**
 * Greedy: the variable whose bucket has the fewest cells goes first; of equals, the one whose neighbour went last. Where links make
 * the choice matter, more orders are tried with a random factor on each price (seeded), and the best one is taken.
 */
export function eliminationOrder(graph: FactorGraph): Order {
  const counter = cellCounter(graph);
  let best = greedyOrder(graph, counter, null);
  if (graph.links.length === 0) return best;
  const random = randomFrom(1);
  for (let turn = 0; turn < MOST_TRIES && best.size.work > LIGHT_WORK; turn += 1) {
    const noise = NOISES[turn % NOISES.length] ?? 1;
    const other = greedyOrder(graph, counter, { random, noise, enough: best.size.work });
    if (other.size.work < best.size.work) best = other;
  }
  return best;
}

/** A try of another order. */
interface Try {
  readonly random: Random;
  readonly noise: number;
  /** It ends, with infinite work, where its work passes this. */
  readonly enough: number;
}

function greedyOrder(graph: FactorGraph, cells: CellCounter, attempt: Try | null): Order {
  const remaining = remainingOf(graph, cells);
  const order: number[] = [];
  let work = 0;
  let memory = 0;
  while (remaining.left.size > 0) {
    const next = nextToGo(remaining, attempt);
    const price = remaining.prices[next];
    order.push(next);
    work += price?.work ?? 0;
    memory += price?.message ?? 0;
    if (work > (attempt?.enough ?? Number.POSITIVE_INFINITY)) {
      return { order, size: { work: Number.POSITIVE_INFINITY, memory } };
    }
    remove(remaining, next, order.length);
  }
  return { order, size: { work, memory } };
}

function remainingOf({ variables, factors, links }: FactorGraph, cells: CellCounter): Remaining {
  const isOpen = variables.map(({ states }) => states.length > 1);
  const neighbours = variables.map(() => new Set<number>());
  const tie = (scope: readonly number[]): void => {
    for (const one of scope) for (const other of scope) neighbours[one]?.add(other);
  };
  for (const { scope } of factors) tie(scope);
  for (const { sum, parts } of links) {
    tie([sum, ...parts.map(({ variable }) => variable)].filter((each) => isOpen[each]));
  }
  neighbours.forEach((around, variable) => {
    around.delete(variable);
  });
  const touched = new Int32Array(variables.length).fill(-1);
  const left = new Set([...variables.keys()].filter((variable) => isOpen[variable]));
  const hasLinks = links.length > 0;
  const remaining: Remaining = { hasLinks, cells, neighbours, prices: [], touched, left };
  for (const variable of variables.keys()) remaining.prices.push(priceOf(remaining, variable));
  return remaining;
}

function priceOf({ cells, neighbours, hasLinks }: Remaining, variable: number): Price {
  const around = [...(neighbours[variable] ?? [])];
  const work = cells([...around, variable]);
  const message = cells(around);
  // A message over a basis can be larger than the bucket it comes from.
  return { work, message, price: hasLinks ? work + message : work };
}

/** Number of combinations of states of some variables that the links allow, at most. */
type CellCounter = (variables: readonly number[]) => number;

function cellCounter(graph: FactorGraph): CellCounter {
  const sizes = graph.variables.map(({ states }) => states.length);
  const sizeOf = (variable: number): number => sizes[variable] ?? 1;
  if (graph.links.length === 0) {
    return (variables) => variables.reduce((product, each) => product * sizeOf(each), 1);
  }
  const forms = formsOf(graph);
  const known = new Map<string, number>();
  return (variables) => {
    let product = 1;
    const linked: number[] = [];
    for (const variable of variables) {
      if (forms.vectors[variable]) linked.push(variable);
      else product *= sizeOf(variable);
    }
    const sorted = smallestFirst(linked, sizeOf);
    const key = sorted.join();
    let cells = known.get(key);
    if (cells === undefined) {
      const { basis } = basisOf(forms, sorted);
      cells = basis.reduce((count, each) => count * sizeOf(each), 1);
      known.set(key, cells);
    }
    return product * cells;
  };
}

/** The order in which a basis with the fewest combinations takes its variables: the greedy choice is the best of a matroid. */
export function smallestFirst(
  variables: readonly number[],
  sizeOf: (variable: number) => number,
): number[] {
  return [...variables].sort((one, other) => sizeOf(one) - sizeOf(other) || one - other);
}

function nextToGo({ prices, touched, left }: Remaining, attempt: Try | null): number {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (const variable of left) {
    const factor = attempt === null ? 1 : noiseOf(attempt);
    const price = (prices[variable]?.price ?? 1) * factor;
    const isLater = price === least && (touched[variable] ?? 0) > (touched[best] ?? 0);
    if (best < 0 || price < least || isLater) {
      best = variable;
      least = price;
    }
  }
  return best;
}

function noiseOf({ random, noise }: Try): number {
  return Math.exp(noise * (random.next() - 0.5));
}

/** What a variable hung together with hangs together once it is gone. */
function remove(remaining: Remaining, variable: number, time: number): void {
  const { neighbours, prices, touched, left } = remaining;
  left.delete(variable);
  const around = [...(neighbours[variable] ?? [])];
  for (const one of around) {
    const mine = neighbours[one];
    for (const other of around) mine?.add(other);
    mine?.delete(one);
    mine?.delete(variable);
    touched[one] = time;
  }
  for (const one of around) prices[one] = priceOf(remaining, one);
}
