import { InputError } from "../core/errors.ts";
import type { LatencyTable } from "./table.ts";

/** Columns besides time that sum over operations as times do. */
export type SummedColumn = "energyMj" | "memoryBytes";

const NAMES = { energyMj: "energy", memoryBytes: "device_memory" } as const;

/**
 * The table with another column in the place of its times, so that whatever sums times sums that: millijoules per run,
 * or bytes, wherever it says milliseconds.
 * @throws InputError `latency/no-column` where the device gave none
 */
export function columnTable(table: LatencyTable, column: SummedColumn): LatencyTable {
  const head = table[column];
  if (head === undefined) {
    throw new InputError({
      code: "latency/no-column",
      message: `The table of '${table.device.name}' for '${table.network.name}' has no ${NAMES[column]}: column ${column} is missing.`,
      where: NAMES[column],
      hint:
        column === "energyMj"
          ? "Measure one where the device gives its power: mdp profile reads RAPL where /sys/class/powercap can be read."
          : "Limit memory (activations) and bytes (weights) instead, which need no device.",
    });
  }
  const ops = table.ops.map((op) => ({ ...op, ms: [...(op[column] ?? [])] }));
  return { ...table, denseMs: head.dense, fixedMs: head.fixed, ops };
}
