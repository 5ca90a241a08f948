import type { SolvedLimit } from "../documents/solve.ts";
import { count, milliseconds } from "./amounts.ts";
import { plainTable, shortened } from "./format.ts";
import type { Painter } from "./painter.ts";

/** One line for each limit: what is used, allowed and left, and whether it binds. */
export function limitsText(limits: readonly SolvedLimit[], paint: Painter): string {
  const head = ["limit", "used", "allowed", "left", ""];
  const table = plainTable(head, ["left", "right", "right", "right", "left"]);
  for (const limit of limits) {
    const { text, kind, comparison, used, slack, penalty, dim, binds } = limit;
    const allowed = limit.limit === null ? "" : `${comparison} ${amountOf(limit.limit, kind)}`;
    const state =
      penalty !== null && penalty.paid > 0
        ? paint.warn(`exceeded, costs ${penalty.paid.toPrecision(4)}`)
        : binds
          ? "binds"
          : "";
    table.push([
      shortened(text),
      used === null ? "" : amountOf(used, kind),
      allowed,
      slack === null ? "" : amountOf(slack, kind),
      [state, dim === null ? "" : `nearest: ${shortened(dim)}`]
        .filter((part) => part !== "")
        .join("; "),
    ]);
  }
  return table.toString();
}

/** An amount with the unit that people write it in. */
function amountOf(value: number, kind: string): string {
  switch (kind) {
    case "milliseconds":
      return milliseconds(value);
    case "millijoules":
      return `${value.toPrecision(4)} mJ`;
    case "bytes":
      return bytes(value);
    case "damage":
      return `${(100 * value).toPrecision(3)}%`;
    case "importance":
      return value.toPrecision(5);
    default:
      return value < 0 ? `-${count(-value)}` : count(value);
  }
}

function bytes(value: number): string {
  const size = Math.abs(value);
  if (size >= 2 ** 20) return `${(value / 2 ** 20).toFixed(2)} MiB`;
  if (size >= 2 ** 10) return `${(value / 2 ** 10).toFixed(1)} KiB`;
  return `${Math.round(value)} B`;
}
