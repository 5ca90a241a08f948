/**
 * Limits -> resources of the program. A limit is brought to
 *
 *     sum over its quantities of c * q <= L     (or >=, ==)
 *
 * and each quantity is a sum of tables over the choices. A limit from below is kept as what is lost,
 *
 *     offset - sum of c * q <= offset - L
 *
 * with an offset that makes all sides positive; the resource's `reading` is the way back. A limit on peak memory is one
 * resource per point of the run that could reach it, all in one group.
 */
import type { PlacedTable } from "../network/network-tables.ts";
import type { Problem } from "../problem/problem.ts";
import {
  addCost,
  addTies,
  type Building,
  pointsOf,
  problemOf,
  startOf,
  unitOf,
  type WeighedTable,
} from "./building.ts";
import {
  type Comparison,
  type FormPart,
  type QuantityKind,
  quantityText,
  type Relation,
} from "./form.ts";
import { type MeasuredSubnet, measuredWhole } from "./measure.ts";
import { type AppliedObjective, minimised, priceIn } from "./objective.ts";
import type { Penalty } from "./penalty.ts";
import { type LimitSources, latencyTable, quantityOf } from "./quantities.ts";
import type { ParsedRequest } from "./request.ts";
import { type MeasuredQuantity, measureAll, type Row, rowOf } from "./rows.ts";
import { limitError, type Source } from "./source.ts";
import { isWidthRelation } from "./width-rules.ts";

/** A limit as it holds in a program. */
export interface AppliedLimit {
  readonly text: string;
  readonly kind: QuantityKind;
  readonly comparison: Comparison;
  /** What is limited, in `kind`. */
  readonly limit: number;
  /** What it is while nothing is pruned. */
  readonly dense: number;
  /** Objective lost per unit beyond a soft limit; null for a hard one. */
  readonly penalty: number | null;
  /** The problem's resources that hold it, by index; none where it can't be exceeded. */
  readonly resources: readonly number[];
  /** Whether the program counts exactly this, and not an upper bound of it. */
  readonly isExact: boolean;
  /** The most that points of peak memory reach which have no resource, since they can't exceed the limit. */
  readonly unheld: number;
  readonly measure: (subnet: MeasuredSubnet) => number;
}

/** A network's program with everything that was asked for, but for its budget. */
export interface LimitedProblem {
  readonly problem: Problem;
  readonly limits: readonly AppliedLimit[];
  readonly objective: AppliedObjective | null;
}

/**
 * Adds what is asked for to the problem of a network; what concerns single dims is in its choices already.
 * @throws UsageError `formulation/limit-name`, `limit-argument`, `limit-memory`, `limit-dense`; InputError from tables
 */
export function applyLimits(sources: LimitSources, request: ParsedRequest): LimitedProblem {
  const whole = measuredWhole(sources.network.structure);
  const known = new Map<string, MeasuredQuantity>();
  const find = (part: FormPart, source: Source): MeasuredQuantity => {
    const key = quantityText(part.ref);
    const before = known.get(key);
    if (before !== undefined) return before;
    const quantity = quantityOf(part.ref, sources, source);
    const measured = { ...quantity, dense: quantity.measure(whole) };
    known.set(key, measured);
    return measured;
  };
  const building = startOf(sources.network);
  const objective = minimised(request, building, find);
  const priceOf = priceIn(sources, whole, objective);
  const limits: AppliedLimit[] = [];
  const add = (source: Source, relation: Relation, penalty: Penalty | null): void => {
    if (penalty === null && isWidthRelation(relation)) return;
    const row = rowOf(source, relation, (part) => find(part, source));
    const price = penalty === null ? null : priceOf(penalty, row);
    limits.push(addRow(sources, building, row, price));
  };
  for (const { source, relations } of request.hard) {
    for (const relation of relations) add(source, relation, null);
  }
  for (const { limit, penalty } of request.soft) {
    for (const relation of limit.relations) add(limit.source, relation, penalty);
  }
  return { problem: problemOf(sources.network, building), limits, objective };
}

function addRow(
  sources: LimitSources,
  building: Building,
  row: Row,
  penalty: number | null,
): AppliedLimit {
  const { source, comparison, limit, kind, dense, parts } = row;
  const resources =
    isMainLatency(sources, row) && penalty === null
      ? [tightenBudget(building, limit)]
      : (comparison === "==" ? (["<=", ">="] as const) : [comparison]).flatMap((side) =>
          addSide(building, row, side, penalty),
        );
  return {
    text: source.text,
    kind,
    comparison,
    limit,
    dense,
    penalty,
    resources,
    isExact: parts.every(({ quantity }) => quantity.isExact),
    unheld: comparison === ">=" || penalty !== null ? Number.NEGATIVE_INFINITY : unheldBy(row),
    measure: (subnet) => measureAll(parts, subnet),
  };
}

/** A hard limit on the latency that the budget is about has its resource already. */
function isMainLatency(sources: LimitSources, { parts, comparison, source }: Row): boolean {
  const [only] = parts;
  if (parts.length !== 1 || only?.part.ref.name !== "latency" || comparison !== "<=") return false;
  return latencyTable(only.part.ref, sources, source) === sources.table;
}

function tightenBudget({ resources }: Building, limit: number): number {
  const [latency] = resources;
  if (latency !== undefined) resources[0] = { ...latency, limit: Math.min(latency.limit, limit) };
  return 0;
}

/** One direction of a row, as one resource or as one for each point of peak memory; their indices. */
function addSide(
  building: Building,
  row: Row,
  side: "<=" | ">=",
  penalty: number | null,
): number[] {
  const sign = side === "<=" ? 1 : -1;
  const { source, relation, limit, kind, parts } = row;
  for (const { part, quantity } of parts) {
    if (quantity.isExact || sign * part.factor > 0) continue;
    throw limitError(
      source,
      relation.at,
      "memory",
      `${quantityText(part.ref)} can only be limited from above: here the program knows an upper bound of it.`,
      `Write ${quantityText(part.ref)} <= an amount.`,
    );
  }
  const offset = offsetOf(row, sign);
  const points = pointsOf(parts, sign).filter(
    (tables) => penalty !== null || mostOf(tables) + offset > sign * limit + offset,
  );
  if (points.length > 1) building.groups += 1;
  const name = side === row.comparison ? source.text : `${source.text} (${side})`;
  return points.map((tables) => {
    const index = building.resources.length;
    building.resources.push({
      name,
      unit: unitOf(kind),
      limit: sign * limit + offset,
      penalty,
      group: points.length > 1 ? `${name} #${building.groups}` : null,
      reading: { text: source.text, scale: sign, offset: -sign * offset },
    });
    for (const { table, factor } of tables) addCost(building, index, table, factor);
    addCost(building, index, constantTable(name), offset);
    addTies(building, index, parts, sign);
    return index;
  });
}

/** The most that those sums reach which stay below the limit whatever is chosen, and so are left out of the program. */
function unheldBy({ parts, limit }: Row): number {
  const most = pointsOf(parts, 1).map(mostOf);
  return most.reduce((a, b) => (b > limit ? a : Math.max(a, b)), Number.NEGATIVE_INFINITY);
}

function mostOf(tables: readonly WeighedTable[]): number {
  return tables.reduce((sum, { table, factor }) => {
    let most =
      table.place.block === null && table.place.layer === null ? Number.NEGATIVE_INFINITY : 0;
    for (const amount of table.table) most = Math.max(most, factor * amount);
    return sum + most;
  }, 0);
}

/** What makes both sides positive, so that they can be compared in proportion. */
function offsetOf({ parts, limit }: Row, sign: number): number {
  const negative = parts.reduce(
    (sum, { part, quantity }) => sum + Math.max(0, -sign * part.factor * quantity.dense),
    0,
  );
  const offset = 2 * negative;
  return offset + sign * limit === 0 ? offset + 1 : offset;
}

function constantTable(name: string): PlacedTable {
  const place = { block: null, layer: null };
  return { name, place, axes: [], table: Float64Array.of(1) };
}
