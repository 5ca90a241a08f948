/**
 * A selection to start from, found without a solver. The limits are priced with one multiplier,
 *
 *     maximise   gain(selection) - lambda * sum over resources of usage / limit
 *
 * by changing one dim or one block at a time; the multiplier is bisected to where the limits are just met, and what is
 * left of them is filled greedily. Usually within a few per cent of the optimum, and there within a second: a solver that
 * starts from it has an answer whenever it is stopped.
 */
import { at } from "../../core/at.ts";
import { cellValue, evaluate, isWithinLimit } from "../problem/evaluate.ts";
import type { AxisRef, Problem, ProblemTerm, Selection } from "../problem/problem.ts";
import { axisCounts, blockChain, ravel, sumValue } from "../problem/problem-axes.ts";

const BISECTIONS = 16;
const PASSES = 8;

/** A selection within the limits, or null where none was found (which proves nothing). No layer is dropped in it. */
export function startingSelection(problem: Problem): Selection | null {
  if (problem.resources.some(({ limit }) => !(limit > 0))) return null;
  const search = createSearch(problem);
  let best: Selection | null = null;
  let bestObjective = Number.NEGATIVE_INFINITY;
  const tryPrice = (price: number): boolean => {
    const selection = search.settle(price);
    const { objective, usage } = evaluate(problem, selection);
    const fits = problem.resources.every(({ limit }, r) => isWithinLimit(at(usage, r), limit));
    if (fits && objective > bestObjective) {
      best = selection;
      bestObjective = objective;
    }
    return fits;
  };
  if (tryPrice(0)) return best;
  let low = 0;
  let high = Math.max(evaluate(problem, search.current()).objective, 1);
  for (let tries = 0; !tryPrice(high); tries += 1) {
    low = high;
    high *= 8;
    if (tries > BISECTIONS) return null;
  }
  for (let step = 0; step < BISECTIONS; step += 1) {
    const price = low === 0 ? high / 8 : Math.sqrt(low * high);
    if (tryPrice(price)) high = price;
    else low = price;
  }
  return best === null ? null : search.fill(best);
}

interface Search {
  readonly current: () => Selection;
  /** Best single changes at a price, from where the search stands, until none is left. */
  readonly settle: (price: number) => Selection;
  /** Single changes that earn more and stay within the limits. */
  readonly fill: (selection: Selection) => Selection;
}

/** The search keeps an option for the dims of dropped blocks too: what they would be if their block came back. */
function createSearch(problem: Problem): Search {
  const options = problem.dims.map((dim) => dim.counts.length - 1);
  const dropped = new Set<number>();
  const cells = cellReader(problem, options);
  const chains = problem.terms.map((term) => blockChain(problem, term.block));
  const termsOfDim = dependents(problem);
  const termsOfBlock = problem.blocks.map((_, block) =>
    chains.flatMap((chain, term) => (chain.includes(block) ? [term] : [])),
  );

  const worth = (index: number, price: number): number => {
    const term = at(problem.terms, index);
    const cell = cells(term);
    return problem.resources.reduce(
      (sum, { limit }, r) => sum - (price * cellValue(term.cost[r], cell)) / limit,
      cellValue(term.gain, cell),
    );
  };
  /** Summed worth of the terms that are active, or would be if the blocks in `present` were kept. */
  const total = (terms: readonly number[], present: readonly number[], price: number): number =>
    terms.reduce((sum, term) => {
      const isGone = chains[term]?.some((block) => dropped.has(block) && !present.includes(block));
      return isGone ? sum : sum + worth(term, price);
    }, 0);
  const improveDim = (dim: number, price: number): boolean => {
    const before = at(options, dim);
    const { block = null, counts = [] } = problem.dims[dim] ?? {};
    const present = blockChain(problem, block);
    let best = before;
    let most = Number.NEGATIVE_INFINITY;
    // From the widest down, so that of equal ones the widest stays.
    for (let option = counts.length - 1; option >= 0; option -= 1) {
      options[dim] = option;
      const sum = total(termsOfDim[dim] ?? [], present, price);
      if (sum > most) {
        most = sum;
        best = option;
      }
    }
    options[dim] = best;
    return best !== before;
  };
  const improveBlock = (block: number, price: number): boolean => {
    const outside = blockChain(problem, problem.blocks[block]?.parent ?? null);
    const isDropped = dropped.has(block);
    const sum = total(termsOfBlock[block] ?? [], [block, ...outside], price);
    if (sum < 0) dropped.add(block);
    else dropped.delete(block);
    return isDropped !== dropped.has(block);
  };
  const current = (): Selection => {
    const isGone = (block: number | null): boolean =>
      blockChain(problem, block).some((outer) => dropped.has(outer));
    const droppedBlocks = new Set(problem.blocks.flatMap((_, b) => (isGone(b) ? [b] : [])));
    return {
      options: problem.dims.map((dim, index) => (isGone(dim.block) ? -1 : at(options, index))),
      droppedBlocks,
      droppedLayers: new Set(),
    };
  };
  const settle = (price: number): Selection => {
    for (let pass = 0; pass < PASSES; pass += 1) {
      let changed = false;
      for (const dim of problem.dims.keys()) changed = improveDim(dim, price) || changed;
      for (const block of problem.blocks.keys()) changed = improveBlock(block, price) || changed;
      if (!changed) break;
    }
    return current();
  };
  return { current, settle, fill: (selection) => filled(problem, selection) };
}

/** One dim after the other as wide as the limits allow, as long as that earns more. */
function filled(problem: Problem, selection: Selection): Selection {
  let best = selection;
  let most = evaluate(problem, selection).objective;
  for (const [dim, { counts }] of problem.dims.entries()) {
    const now = best.options[dim] ?? -1;
    if (now < 0) continue;
    for (let option = counts.length - 1; option > now; option -= 1) {
      const wider = { ...best, options: best.options.with(dim, option) };
      const { objective, usage } = evaluate(problem, wider);
      const fits = problem.resources.every(({ limit }, r) => isWithinLimit(at(usage, r), limit));
      if (!fits || objective <= most) continue;
      best = wider;
      most = objective;
      break;
    }
  }
  return best;
}

/** The cell of a term's tables at the current options. */
function cellReader(problem: Problem, options: readonly number[]): (term: ProblemTerm) => number {
  const optionOf = problem.sums.map((sum) => new Map(sum.values.map((value, s) => [value, s])));
  const units = (axis: AxisRef): number => {
    if (axis.kind === "dim")
      return at(at(problem.dims, axis.index).counts, at(options, axis.index));
    const sum = at(problem.sums, axis.index);
    return sumValue(sum, units(sum.left), units(sum.right));
  };
  const option = (axis: AxisRef): number =>
    axis.kind === "dim"
      ? at(options, axis.index)
      : (optionOf[axis.index]?.get(units(axis)) ?? Number.NaN);
  return (term) =>
    ravel(
      term.axes.map(option),
      term.axes.map((axis) => axisCounts(problem, axis).length),
    );
}

/** The terms whose cell each dim has a part in. */
function dependents(problem: Problem): number[][] {
  const lists = problem.dims.map((): number[] => []);
  const dimsOf = (axis: AxisRef): readonly number[] => {
    if (axis.kind === "dim") return [axis.index];
    const sum = problem.sums[axis.index];
    return sum === undefined ? [] : [...dimsOf(sum.left), ...dimsOf(sum.right)];
  };
  for (const [index, term] of problem.terms.entries()) {
    for (const dim of new Set(term.axes.flatMap(dimsOf))) lists[dim]?.push(index);
  }
  return lists;
}
