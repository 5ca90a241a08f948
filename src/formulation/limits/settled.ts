import { at } from "../../core/at.ts";
/**
 * How a subnet stands to the limits that it was found under: counted on the subnet itself, compared with what the program
 * counted, and refused where the two disagree.
 */
import { VerificationError } from "../../core/errors.ts";
import type { NetworkProblem } from "../network/network-problem.ts";
import { evaluate, isWithinLimit } from "../problem/evaluate.ts";
import type { Problem, Selection } from "../problem/problem.ts";
import type { Answer } from "../solve/answer.ts";
import type { AppliedLimit, LimitedProblem } from "./apply.ts";
import type { Comparison, QuantityKind } from "./form.ts";
import { keptChannels, type MeasuredSubnet } from "./measure.ts";
import type { AppliedObjective } from "./objective.ts";
import { meets, type RequestedWidths } from "./width-rules.ts";

/** A limit with how a subnet stands to it; amounts in `kind`. */
export interface SettledLimit {
  readonly text: string;
  readonly kind: QuantityKind;
  readonly comparison: Comparison;
  /** Null where it is no amount: equal dims, aligned widths. */
  readonly limit: number | null;
  readonly used: number | null;
  /** What is left before the limit; below zero beyond a soft one. */
  readonly slack: number | null;
  /** Whether a step of a single dim would raise the objective and break this limit; a count of dropped parts, at its end. */
  readonly binds: boolean;
  /** Of a soft limit: what exceeding it takes from the objective per unit, and took. */
  readonly penalty: { readonly perUnit: number; readonly paid: number } | null;
  /** Of a limit on each of several dims: the one that is nearest to it. */
  readonly dim: string | null;
}

/** What was made as small as possible; amounts in `kind`. */
export interface SettledObjective {
  readonly text: string;
  readonly kind: QuantityKind;
  readonly dense: number;
  readonly chosen: number;
}

/** Counted on the subnet itself. */
export function settleObjective(
  { text, kind, dense, measure }: AppliedObjective,
  subnet: MeasuredSubnet,
): SettledObjective {
  return { text, kind, dense, chosen: measure(subnet) };
}

/** Relative difference that the order of summation may make. */
const ROUNDING = 1e-6;

/**
 * The limits of a request, settled.
 * @throws VerificationError `formulation/limit-differs`, `formulation/limit-broken`
 */
export function settleLimits(
  network: NetworkProblem,
  { limits }: Pick<LimitedProblem, "limits">,
  widths: RequestedWidths,
  subnet: MeasuredSubnet,
  answer: Pick<Answer, "selection" | "usage" | "objective">,
): SettledLimit[] {
  const binding = bindingResources(network.problem, answer);
  return [
    ...limits.map((limit) => settled(network.problem, limit, subnet, answer.usage, binding)),
    ...settledWidths(network, widths, subnet),
  ];
}

function settled(
  { resources }: Problem,
  limit: AppliedLimit,
  subnet: MeasuredSubnet,
  usage: readonly number[],
  binding: ReadonlySet<number>,
): SettledLimit {
  const counted = limit.measure(subnet);
  const readings = limit.resources.map((index) => {
    const { scale, offset } = resources[index]?.reading ?? { scale: 1, offset: 0 };
    return offset + scale * (usage[index] ?? Number.NaN);
  });
  const held = readings.length === 0 ? counted : Math.max(...readings);
  // Where no resource holds the point at which most memory is used, the count on the subnet says how much that is.
  const used = limit.isExact ? held : Math.max(held, Math.min(counted, limit.unheld));
  refuseDifference(limit, counted, used);
  const over = limit.comparison === ">=" ? limit.limit - used : used - limit.limit;
  const excess = limit.comparison === "==" ? Math.abs(over) : Math.max(0, over);
  const size = Math.max(Math.abs(limit.limit), Math.abs(limit.dense));
  if (limit.penalty === null && excess > ROUNDING * size) throw broken(limit.text, used);
  return {
    text: limit.text,
    kind: limit.kind,
    comparison: limit.comparison,
    limit: limit.limit,
    used,
    slack: limit.comparison === "==" ? -excess : -over,
    binds:
      limit.comparison === "==" ||
      (over === 0 && (limit.kind === "blocks" || limit.kind === "layers")) ||
      limit.resources.some((index) => binding.has(index)),
    penalty:
      limit.penalty === null ? null : { perUnit: limit.penalty, paid: limit.penalty * excess },
    dim: null,
  };
}

/** The program may count too much where it says so, and never too little. */
function refuseDifference(
  { text, isExact, dense }: AppliedLimit,
  counted: number,
  used: number,
): void {
  const room = ROUNDING * Math.max(Math.abs(counted), Math.abs(used), Math.abs(dense));
  const agrees = isExact ? Math.abs(counted - used) <= room : counted <= used + room;
  if (agrees) return;
  throw new VerificationError({
    code: "formulation/limit-differs",
    message: `The program counts ${used} for '${text}', the subnet itself has ${counted}.`,
    where: text,
    hint: "This is a fault of mdp itself: please report it with the command and the files it used.",
  });
}

function broken(text: string, used: number | null): VerificationError {
  return new VerificationError({
    code: "formulation/limit-broken",
    message: `The subnet breaks '${text}'${used === null ? "" : ` with ${used}`}.`,
    where: text,
    hint: "This is a fault of mdp itself: please report it with the command and the files it used.",
  });
}

/** The resources that some dim can't go one step up or down for, though that would raise the objective. */
export function bindingResources(
  problem: Problem,
  { selection, objective }: Pick<Answer, "selection" | "objective">,
): ReadonlySet<number> {
  const binding = new Set<number>();
  for (const dim of problem.dims.keys()) {
    for (const step of [-1, 1]) {
      const other = oneStep(problem, selection, dim, step);
      const evaluation = other === null ? null : evaluate(problem, other);
      if (evaluation === null || evaluation.objective <= objective) continue;
      problem.resources.forEach(({ limit, penalty }, index) => {
        const used = at(evaluation.usage, index);
        if (!penalty && !isWithinLimit(used, limit)) binding.add(index);
      });
    }
  }
  return binding;
}

/** The selection with a dim one step aside, and with it those that dropped layers tie to it; null at the end. */
function oneStep(
  problem: Problem,
  selection: Selection,
  dim: number,
  step: number,
): Selection | null {
  const together = new Set([dim]);
  for (const layer of selection.droppedLayers) {
    const tie = problem.layers[layer]?.tie;
    if (tie?.outlives === dim) together.add(tie.tied);
    if (tie?.tied === dim) return null;
  }
  const isOpen = [...together].every((index) => {
    const option = selection.options[index] ?? -1;
    const next = option + step;
    return option >= 0 && next >= 0 && next < (problem.dims[index]?.counts.length ?? 0);
  });
  if (!isOpen) return null;
  const options = selection.options.map((option, index) =>
    together.has(index) ? option + step : option,
  );
  return { ...selection, options };
}

function settledWidths(
  network: NetworkProblem,
  { counts, equal, alignments }: RequestedWidths,
  subnet: MeasuredSubnet,
): SettledLimit[] {
  const none = { kind: "channels", limit: null, used: null, slack: null, penalty: null } as const;
  return [
    ...counts.map((rule) => settledCount(network, rule, subnet)),
    ...equal.map(({ text, dims }): SettledLimit => {
      const [left, right] = dims.map((dim) => keptChannels(subnet, dim));
      if (left !== right && left !== 0 && right !== 0) throw broken(text, left ?? null);
      return { ...none, text, comparison: "==", used: left || right || 0, binds: true, dim: null };
    }),
    ...alignments.map(({ text, multiple, allows }): SettledLimit => {
      const odd = network.structure.dims.find((dim) => {
        const kept = keptChannels(subnet, dim.index);
        return kept > 0 && dim.pinned === null && !allows(dim, kept);
      });
      if (odd !== undefined) throw broken(text, keptChannels(subnet, odd.index));
      return { ...none, text, comparison: "==", limit: multiple, binds: true, dim: null };
    }),
  ];
}

function settledCount(
  { choices }: NetworkProblem,
  { text, dims, comparison, limitOf }: RequestedWidths["counts"][number],
  subnet: MeasuredSubnet,
): SettledLimit {
  // A floor holds a dim only while its block is there.
  const standing = dims
    .map((dim) => {
      const [used, limit] = [keptChannels(subnet, dim.index), limitOf(dim)];
      const slack = comparison === ">=" ? used - limit : limit - used;
      return { dim, used, limit, slack: comparison === "==" ? -Math.abs(slack) : slack };
    })
    .filter(({ used }) => used > 0)
    .sort((a, b) => a.slack - b.slack);
  const broke = standing.find(({ used, limit }) => !meets(used, comparison, limit));
  if (broke !== undefined) throw broken(text, broke.used);
  const [nearest] = standing;
  const isAtEnd = standing.some(({ dim, used }) => {
    const widths = choices[dim.index]?.counts ?? [];
    const end = comparison === ">=" ? widths[0] : widths.at(-1);
    const isWhole = used === dim.size * dim.unitChannels;
    return !isWhole && end !== undefined && used === end * dim.unitChannels;
  });
  return {
    text,
    kind: "channels",
    comparison,
    limit: nearest?.limit ?? null,
    used: nearest?.used ?? null,
    slack: nearest?.slack ?? null,
    binds: isAtEnd,
    penalty: null,
    dim: nearest?.dim.name ?? null,
  };
}
