/**
 * A start made of measured damages: units go a few at a time, those first whose loss costs the answers least for what it saves, and what
 * is left is measured again before the next ones go.
 *
 *     next = argmin over widths one option narrower of  sum of worth(u) over the units that go / excess saved
 *     excess = sum over limits that are exceeded of  usage / limit - 1
 *
 * with worth(u) as in unit-orders.ts, around what is left. One measurement around the whole network says nothing of units that stand in
 * for each other; this one sees it as soon as one of them is gone in an earlier round.
 */
import type { NetworkProblem } from "../formulation/network/network-problem.ts";
import { evaluate } from "../formulation/problem/evaluate.ts";
import type { Selection } from "../formulation/problem/problem.ts";
import { keepAll, type Subnet } from "../subnet/subnet.ts";
import { wholeSelection } from "./narrowed.ts";
import { type UnitOrderOptions, unitWorths } from "./unit-orders.ts";

export interface DamageStart {
  readonly selection: Selection;
  /** Units of every dim: those that stay by worth, then those that went, the last one first. */
  readonly orders: readonly (readonly number[])[];
  /** Measurements of one unit each. */
  readonly runs: number;
}

/** Measurements at most, so that large networks are measured in fewer rounds. */
const MOST_RUNS = 4000;
const MOST_ROUNDS = 12;

/**
 * Narrows the whole network until every limit holds. No block is dropped.
 * @returns null where no widths meet the limits without dropping blocks, or where it was interrupted
 */
export async function damageStart(
  network: NetworkProblem,
  options: UnitOrderOptions,
): Promise<DamageStart | null> {
  const { structure, problem, choices, variables } = network;
  const measured = structure.dims.filter(({ pinned }) => pinned === null);
  const units = measured.reduce((sum, { size }) => sum + size, 0);
  const rounds = Math.min(MOST_ROUNDS, Math.max(1, Math.floor(MOST_RUNS / Math.max(units, 1))));
  const removed = structure.dims.map((): number[] => []);
  let kept: Subnet["kept"] = keepAll(structure).kept;
  let selection = wholeSelection(network);
  let runs = 0;
  let worths: readonly Float64Array[] = [];
  const first = ratioOf(problem, selection);
  for (let round = 1; ratioOf(problem, selection) > 1; round += 1) {
    if (options.signal?.aborted === true) return null;
    const target = first ** (1 - Math.min(round / rounds, 1));
    // A wide step may have done the work of several rounds.
    if (ratioOf(problem, selection) <= target) continue;
    worths = await unitWorths(
      structure,
      { ...keepAll(structure), kept },
      { ...options, keptOnly: true, progress: named(`measuring damages, round ${round}`) },
    );
    runs += kept.reduce(
      (sum, list, dim) => sum + (structure.dims[dim]?.pinned === null ? list.length : 0),
      0,
    );
    while (ratioOf(problem, selection) > Math.max(target, 1)) {
      const step = bestStep(selection);
      if (step === null) return null;
      selection = step.selection;
      for (const { dim, going } of step.parts) {
        removed[dim]?.push(...going);
        const gone = new Set(going);
        kept = kept.with(
          dim,
          (kept[dim] ?? []).filter((unit) => !gone.has(unit)),
        );
      }
    }
  }
  const orders = structure.dims.map(({ index }) => {
    const worth = worths[index];
    const stay = [...(kept[index] ?? [])].sort((a, b) => (worth?.[b] ?? 0) - (worth?.[a] ?? 0));
    return [...stay, ...[...(removed[index] ?? [])].reverse()];
  });
  return { selection, orders, runs };

  /** Rounds are told apart. */
  function named(text: string): UnitOrderOptions["progress"] {
    const { progress } = options;
    return {
      ...progress,
      step: (_, done, total, about) => progress.step(text, done, total, about),
    };
  }

  /** The narrower width of one dim that costs least for what it saves. */
  function bestStep(current: Selection): {
    readonly selection: Selection;
    readonly parts: readonly { readonly dim: number; readonly going: readonly number[] }[];
  } | null {
    const before = excessOf(problem, current);
    let best: { selection: Selection; dim: number; price: number } | null = null;
    for (const [dim, option] of current.options.entries()) {
      if (option < 1 || variables[dim] !== dim) continue;
      const next = { ...current, options: current.options.with(dim, option - 1) };
      const saved = before - excessOf(problem, next);
      if (!(saved > 0)) continue;
      const loss = partsOf(dim, option - 1).reduce(
        (sum, { dim: own, going }) =>
          sum + going.reduce((total, unit) => total + (worths[own]?.[unit] ?? 0), 0),
        0,
      );
      const price = loss / saved;
      if (best === null || price < best.price) best = { selection: next, dim, price };
    }
    if (best === null) return null;
    return {
      selection: best.selection,
      parts: partsOf(best.dim, best.selection.options[best.dim] ?? 0),
    };
  }

  /** The units of least worth that go from a dim, and from those that are kept as wide as it is. */
  function partsOf(
    variable: number,
    option: number,
  ): readonly { readonly dim: number; readonly going: readonly number[] }[] {
    return structure.dims.flatMap(({ index, size }) => {
      if (variables[index] !== variable) return [];
      const list = kept[index] ?? [];
      const count = choices[index]?.counts[option] ?? size;
      const worth = worths[index];
      const going = [...list]
        .sort((a, b) => (worth?.[a] ?? 0) - (worth?.[b] ?? 0))
        .slice(0, Math.max(0, list.length - count));
      return [{ dim: index, going }];
    });
  }
}

/** Usage over limit of every hard limit. */
function ratios(problem: NetworkProblem["problem"], selection: Selection): readonly number[] {
  const { usage } = evaluate(problem, selection);
  return problem.resources.flatMap(({ limit, penalty }, resource) =>
    Number.isFinite(limit) && limit > 0 && (penalty ?? null) === null
      ? [(usage[resource] ?? 0) / limit]
      : [],
  );
}

/** Rounding of sums is no excess. */
const ROUNDING = 1e-9;

function ratioOf(problem: NetworkProblem["problem"], selection: Selection): number {
  const worst = Math.max(0, ...ratios(problem, selection));
  return worst <= 1 + ROUNDING ? Math.min(worst, 1) : worst;
}

function excessOf(problem: NetworkProblem["problem"], selection: Selection): number {
  return ratios(problem, selection).reduce((sum, ratio) => sum + Math.max(0, ratio - 1), 0);
}
