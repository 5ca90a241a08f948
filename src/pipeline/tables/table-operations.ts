import { UsageError } from "../../core/errors.ts";
import type { LatencyOp, LatencyTable } from "../../latency/table.ts";
import { regularExpression } from "../checks.ts";

/**
 * The operations of a table whose labels match; the one that is named exactly, where there is one.
 * @throws UsageError `cli/regular-expression`, `cli/no-operation`
 */
export function operationsNamed(table: LatencyTable, text: string, where: string): LatencyOp[] {
  const exact = table.ops.filter(({ id, label }) => id === text || label === text);
  if (exact.length > 0) return exact;
  const expression = regularExpression(text, "--op");
  const found = table.ops.filter(({ label }) => expression?.test(label) === true);
  if (found.length > 0) return found;
  const names = table.ops.slice(0, 5).map(({ label }) => label);
  throw new UsageError({
    code: "cli/no-operation",
    message: `No operation of the table matches '${text}'; it has ${table.ops.length}: ${names.join(", ")}, ...`,
    where,
    hint: "mdp table show lists all of them.",
  });
}
