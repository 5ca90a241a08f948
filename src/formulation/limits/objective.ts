import { UsageError } from "../../core/errors.ts";
import { addCost, addGain, type Building, pointsOf, unitOf } from "./building.ts";
import { type FormPart, QUANTITIES, type QuantityKind } from "./form.ts";
import type { MeasuredSubnet } from "./measure.ts";
import type { Penalty } from "./penalty.ts";
import { type LimitSources, quantityOf } from "./quantities.ts";
import type { ParsedRequest } from "./request.ts";
import { denseOfAll, type MeasuredQuantity, measureAll, type Row } from "./rows.ts";
import type { Source } from "./source.ts";

/** What is as small as it can be, in place of the most importance. */
export interface AppliedObjective {
  readonly text: string;
  readonly kind: QuantityKind;
  readonly dense: number;
  readonly isExact: boolean;
  readonly measure: (subnet: MeasuredSubnet) => number;
}

/** Puts what is minimised in the place of importance. */
export function minimised(
  { minimize }: ParsedRequest,
  building: Building,
  find: (part: FormPart, source: Source) => MeasuredQuantity,
): AppliedObjective | null {
  if (minimize === null) return null;
  const { source, form } = minimize;
  const parts = form.parts.map((part) => ({ part, quantity: find(part, source) }));
  const points = pointsOf(parts, 1);
  const [only = []] = points;
  building.minimises = true;
  if (points.length === 1) {
    for (const { table, factor } of only) addGain(building, table, -factor);
  } else {
    // The largest of several sums is an excess above nothing, at a price of one.
    for (const tables of points) {
      const index = building.resources.length;
      building.resources.push({
        name: source.text,
        unit: unitOf(form.kind ?? "bytes"),
        limit: 0,
        penalty: 1,
        group: `minimised ${source.text}`,
      });
      for (const { table, factor } of tables) addCost(building, index, table, factor);
    }
  }
  const [first] = form.parts;
  if (first === undefined) return null;
  return {
    text: source.text,
    kind: QUANTITIES[first.ref.name],
    dense: denseOfAll(parts),
    isExact: parts.every(({ quantity }) => quantity.isExact),
    measure: (subnet) => measureAll(parts, subnet),
  };
}

/** Objective per unit beyond a limit. */
export function priceIn(
  sources: LimitSources,
  whole: MeasuredSubnet,
  objective: AppliedObjective | null,
): (penalty: Penalty, row: Row) => number {
  let dense = objective?.dense ?? null;
  return ({ price, isShare, per }, { dense: denseLimited, source }) => {
    if (isShare && dense === null) {
      const ref = { name: "importance", argument: null, at: 0 } as const;
      dense = quantityOf(ref, sources, source).measure(whole);
    }
    const amount = per.isPercent ? per.constant * denseLimited : per.constant;
    const total = isShare ? price * (dense ?? 0) : price;
    if (!(total > 0 && amount > 0)) {
      throw new UsageError({
        code: "formulation/limit-penalty",
        message: `The penalty comes out as ${total} per ${amount}.`,
        where: "--penalty",
        hint: "A share needs something that isn't zero while nothing is pruned; write amounts instead.",
      });
    }
    return total / amount;
  };
}
