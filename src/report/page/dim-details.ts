import type { ExplainReport } from "../../documents/explain.ts";
import { scoreUnits, unitOrder } from "../../importance/importance.ts";
import { figure } from "../amounts.ts";
import { chosenOf } from "./chosen.ts";
import { lossText } from "./loss-text.ts";
import type { Subject } from "./subject.ts";

type StructureDim = NonNullable<Subject["structure"]>["dims"][number];

/** What a click on a dim shows: data for the page's script. */
export interface DimDetail {
  readonly name: string;
  /** Channels. */
  readonly total: number;
  readonly kept: number;
  /** Summed score per unit, from the first to stay to the first to go, and whether the unit is kept; of many units a part of them, evenly. */
  readonly scores: readonly (readonly [number, boolean])[];
  /** Units that the scores stand for. */
  readonly units: number;
  /** Whether the order was measured: then it is not that of the scores. */
  readonly hasOrder: boolean;
  /** Why it is as wide as it is, and what a step costs; sentences. */
  readonly why: readonly string[];
}

/** Scores are cut to this many units per dim, evenly, so that a page of a wide network stays small. */
const MOST_SCORES = 256;

/** Per dim of the structure, in its order. */
export function dimDetails(subject: Subject): DimDetail[] {
  const { structure, solve, subnet, importance } = subject;
  const chosen = chosenOf(subject);
  if (structure === null || chosen === null) return [];
  const scoredDims = new Map(importance?.dims.map((each) => [each.dim, each]));
  const subnetDims = new Map(subnet?.dims.map((each) => [each.dim, each]));
  const ends = new Map(solve?.dims.map((each) => [each.name, each]));
  return structure.dims.map((dim): DimDetail => {
    const total = dim.units * dim.unitChannels;
    const scored = scoredDims.get(dim.name);
    const kept = indicesOf(subnetDims.get(dim.name)?.indices ?? "", dim.units);
    const sums = scored === undefined ? [] : scoreUnits(scored);
    const order = scored === undefined ? [] : unitOrder(scored);
    const scores = order.map((unit) => [sums[unit] ?? 0, kept.has(unit)] as const);
    const stride = Math.max(1, Math.ceil(scores.length / MOST_SCORES));
    return {
      name: dim.name,
      total,
      kept: chosen.kept.get(dim.name) ?? total,
      scores: scored === undefined ? [] : scores.filter((_, at) => at % stride === 0),
      units: dim.units,
      hasOrder: scored?.order !== undefined,
      why: whyOf(subject, dim, ends.get(dim.name)?.whole ?? dim.pinned),
    };
  });
}

function indicesOf(ranges: string, units: number): Set<number> {
  const all = new Set<number>();
  for (const range of ranges.split(",").filter((text) => text !== "")) {
    const [first = 0, last = first] = range.split("-").map(Number);
    for (let at = first; at <= Math.min(last, units - 1); at += 1) all.add(at);
  }
  return all;
}

const REASONS = {
  "only-choice": "It had one choice only.",
  gone: "It went with its block.",
  narrowed: "It was narrowed: what it lost was worth less than the latency it cost.",
  floor: "It is at its least width.",
  "no-saving": "Fewer units would save no latency.",
  "worth-more": "Its units are worth more than the latency they cost.",
} satisfies Record<ExplainReport["explanation"]["dims"][number]["why"], string>;

function whyOf(subject: Subject, dim: StructureDim, whole: string | null): string[] {
  const { explain } = subject;
  if (whole !== null) return [`It stays whole: ${whole}.`];
  const explained = explain?.explanation.dims.find((each) => each.name === dim.name);
  if (explain === null || explained === undefined) return metricReasons(subject, dim);
  const step = (what: string, side: typeof explained.narrower): string[] => {
    const text = side === null ? null : lossText(side.loss, explain);
    if (side === null || text === null) return [];
    return [`One step ${what} (${side.count * dim.unitChannels} channels) ${text}.`];
  };
  return [
    REASONS[explained.why],
    ...step("narrower", explained.narrower),
    ...step("wider", explained.wider),
  ];
}

/** What the user's metrics do when the dim's group is one step narrower or wider. */
function metricReasons({ reasons, coefficients }: Subject, dim: StructureDim): string[] {
  const group = coefficients?.groups.find(({ dims }) => dims.includes(dim.name));
  const found = reasons?.groups.find(({ name }) => name === group?.name);
  if (found === undefined || reasons === null) return [];
  const step = (what: string, side: typeof found.narrower): string[] => {
    const stands = side?.stands.map(
      ({ name, value, limit }) =>
        `${name} ${figure(value)}${limit === null ? "" : ` (limit ${figure(limit)})`}`,
    );
    return stands === undefined ? [] : [`One step ${what}: ${stands.join(", ")}.`];
  };
  return [
    `It belongs to the group ${found.name}, of which ${found.kept} of ${found.units} units are kept${found.heldBy === null ? "" : `; ${found.heldBy} holds it`}.`,
    ...step("narrower", found.narrower),
    ...step("wider", found.wider),
  ];
}
