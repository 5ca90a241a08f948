import { type FactorGraph, scopeSizes, stridesOf, walkBox } from "../factors/factors.ts";

/**
 * An order in which the variables are maximised away one by one (bucket elimination, Dechter 1999). The bucket of a variable
 * holds every table that it is the first of to go; its maximum over the variable is a message, a table for the bucket
 * of the next variable to go among those it depends on.
 */
export interface Plan {
  readonly graph: FactorGraph;
  /** In order of elimination. A variable with one state has none. */
  readonly buckets: readonly Bucket[];
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
  readonly outSizes: readonly number[];
  readonly slots: readonly Slot[];
  /** max over the variable of the slots' sum, row-major over `out`. */
  readonly message: Float64Array;
}

/** Tables of one bucket that were summed into one. The bucket's variable is its last axis. */
export interface Slot {
  /** Stride per variable of the bucket's `out`; 0 where it doesn't depend on it. */
  readonly outStrides: readonly number[];
  /** States per axis, and their strides. */
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  readonly gain: Float64Array | null;
  readonly cost: readonly (Float64Array | null)[];
  readonly messages: readonly Incoming[];
  /** gain - multipliers * cost + messages; what a sweep fills. */
  readonly table: Float64Array;
}

/** A message of an earlier bucket. */
export interface Incoming {
  readonly bucket: number;
  /** The message's stride per axis of the slot; 0 where it doesn't depend on it. */
  readonly along: readonly number[];
  /** Whether it has the same cells as the slot, in the same order. */
  readonly isWhole: boolean;
}

/** How large the tables of a plan are. */
export interface PlanSize {
  /** Cells visited by one sweep. */
  readonly work: number;
  readonly largest: number;
}

export interface Order {
  /** Variables with more than one state, first to go first. */
  readonly order: readonly number[];
  readonly size: PlanSize;
}

/** What is left while variables go. */
interface Remaining {
  readonly sizes: readonly number[];
  readonly neighbours: readonly Set<number>[];
  /** Cells of each variable's bucket, if it went now. */
  readonly cells: number[];
  /** When a neighbour of it went last. */
  readonly touched: Int32Array;
  readonly left: Set<number>;
}

/** Greedy: the variable whose bucket has the fewest cells goes first; of equals, the one whose neighbour went last. */
export function eliminationOrder(graph: FactorGraph): Order {
  const remaining = remainingOf(graph);
  const order: number[] = [];
  let work = 0;
  let largest = 0;
  while (remaining.left.size > 0) {
    const next = nextToGo(remaining);
    const cells = remaining.cells[next] ?? 0;
    order.push(next);
    work += cells;
    largest = Math.max(largest, cells);
    remove(remaining, next, order.length);
  }
  return { order, size: { work, largest } };
}

function remainingOf({ variables, factors }: FactorGraph): Remaining {
  const sizes = variables.map(({ states }) => states.length);
  const neighbours = sizes.map(() => new Set<number>());
  for (const { scope } of factors) {
    for (const one of scope) for (const other of scope) neighbours[one]?.add(other);
  }
  neighbours.forEach((around, variable) => {
    around.delete(variable);
  });
  const touched = new Int32Array(sizes.length).fill(-1);
  const left = new Set([...sizes.keys()].filter((variable) => (sizes[variable] ?? 0) > 1));
  const remaining = { sizes, neighbours, cells: [] as number[], touched, left };
  for (const variable of sizes.keys()) remaining.cells.push(cellsOf(remaining, variable));
  return remaining;
}

function cellsOf({ sizes, neighbours }: Remaining, variable: number): number {
  let cells = sizes[variable] ?? 1;
  for (const other of neighbours[variable] ?? []) cells *= sizes[other] ?? 1;
  return cells;
}

function nextToGo({ cells, touched, left }: Remaining): number {
  let best = -1;
  for (const variable of left) {
    const difference = best < 0 ? -1 : (cells[variable] ?? 0) - (cells[best] ?? 0);
    const isLater = (touched[variable] ?? 0) > (touched[best] ?? 0);
    if (difference < 0 || (difference === 0 && isLater)) best = variable;
  }
  return best;
}

/** What a variable hung together with hangs together once it is gone. */
function remove(remaining: Remaining, variable: number, time: number): void {
  const { neighbours, cells, touched, left } = remaining;
  left.delete(variable);
  const around = [...(neighbours[variable] ?? [])];
  for (const one of around) {
    const mine = neighbours[one];
    for (const other of around) mine?.add(other);
    mine?.delete(one);
    mine?.delete(variable);
    touched[one] = time;
  }
  for (const one of around) cells[one] = cellsOf(remaining, one);
}

/** A table on its way into a bucket. Its scope has the variables that go later first. */
interface Input {
  readonly scope: readonly number[];
  readonly cells: number;
  readonly factor: number | null;
  readonly bucket: number | null;
}

/** The tables and loops of an order. */
export function makePlan(graph: FactorGraph, { order }: Order): Plan {
  const position = new Int32Array(graph.variables.length).fill(-1);
  for (const [at, variable] of order.entries()) position[variable] = at;
  const laterFirst = (scope: readonly number[]): number[] =>
    [...scope].sort((one, other) => (position[other] ?? 0) - (position[one] ?? 0));
  const inputs = order.map((): Input[] => []);
  const give = (input: Input): void => {
    inputs[position[input.scope.at(-1) ?? -1] ?? -1]?.push(input);
  };
  let constantGain = 0;
  const constantCost = new Float64Array(graph.resourceCount);
  graph.factors.forEach(({ scope, gain, cost }, factor) => {
    if (scope.length > 0) {
      give({ scope: laterFirst(scope), cells: gain.length, factor, bucket: null });
      return;
    }
    constantGain += gain[0] ?? 0;
    for (let r = 0; r < constantCost.length; r += 1) {
      constantCost[r] = (constantCost[r] ?? 0) + (cost[r]?.[0] ?? 0);
    }
  });
  const buckets: Bucket[] = [];
  for (const [at, variable] of order.entries()) {
    const mine = inputs[at] ?? [];
    const out = laterFirst([...new Set(mine.flatMap(({ scope }) => scope))]).filter(
      (each) => each !== variable,
    );
    const outSizes = scopeSizes(graph, out);
    const message = new Float64Array(outSizes.reduce((product, size) => product * size, 1));
    const size = graph.variables[variable]?.states.length ?? 1;
    buckets.push({ variable, size, out, outSizes, slots: slotsOf(graph, out, mine), message });
    if (out.length > 0) give({ scope: out, cells: message.length, factor: null, bucket: at });
  }
  return { graph, buckets, constantGain, constantCost };
}

/** Each input goes into the first larger one that has all its variables. */
function slotsOf(graph: FactorGraph, out: readonly number[], inputs: readonly Input[]): Slot[] {
  const groups: { scope: readonly number[]; members: Input[] }[] = [];
  for (const input of [...inputs].sort((one, other) => other.cells - one.cells)) {
    const host = groups.find(({ scope }) => input.scope.every((each) => scope.includes(each)));
    if (host === undefined) groups.push({ scope: input.scope, members: [input] });
    else host.members.push(input);
  }
  return groups.map(({ scope, members }) => slotOf(graph, out, scope, members));
}

function slotOf(
  graph: FactorGraph,
  out: readonly number[],
  scope: readonly number[],
  members: readonly Input[],
): Slot {
  const sizes = scopeSizes(graph, scope);
  const strides = stridesOf(sizes);
  const cells = sizes.reduce((product, size) => product * size, 1);
  let gain: Float64Array | null = null;
  const cost: (Float64Array | null)[] = Array.from({ length: graph.resourceCount }, () => null);
  const messages: Incoming[] = [];
  for (const { scope: own, factor, bucket } of members) {
    if (bucket !== null) {
      const isWhole = own.length === scope.length;
      const ownSizes = scopeSizes(graph, own);
      const ownStrides = stridesOf(ownSizes);
      const along = scope.map((variable) => ownStrides[own.indexOf(variable)] ?? 0);
      messages.push({ bucket, along, isWhole });
      continue;
    }
    const source = graph.factors[factor ?? -1];
    if (source === undefined) continue;
    const sourceStrides = stridesOf(scopeSizes(graph, source.scope));
    const along = scope.map((variable) => sourceStrides[source.scope.indexOf(variable)] ?? 0);
    gain ??= new Float64Array(cells);
    spread(gain, source.gain, sizes, strides, along);
    source.cost.forEach((table, r) => {
      if (table === null) return;
      const total = cost[r] ?? new Float64Array(cells);
      cost[r] = total;
      spread(total, table, sizes, strides, along);
    });
  }
  const outStrides = out.map((variable) => strides[scope.indexOf(variable)] ?? 0);
  return { outStrides, sizes, strides, gain, cost, messages, table: new Float64Array(cells) };
}

/** Adds a table to a larger one. */
function spread(
  total: Float64Array,
  table: Float64Array,
  lengths: readonly number[],
  strides: readonly number[],
  tableStrides: readonly number[],
): void {
  walkBox(lengths, strides, tableStrides, (a, b) => {
    total[a] = (total[a] ?? 0) + (table[b] ?? 0);
  });
}
