import { InputError } from "../../core/errors.ts";
import { type LatencyTable, readTable } from "../table.ts";

/** A table with the file that it was read from. */
export interface NamedTable {
  readonly path: string;
  readonly table: LatencyTable;
}

/** @throws InputError as `readTable` */
export function namedTable(path: string): NamedTable {
  return { path, table: readTable(path) };
}

/** What must be the same for times of two tables to mean the same thing. */
const SETTINGS: readonly (readonly [string, (table: LatencyTable) => unknown])[] = [
  ["network (structure hash)", ({ network }) => network.structureHash],
  ["device", ({ device }) => device.name],
  ["power mode", ({ device }) => device.power],
  ["runtime", ({ runtime }) => runtime.name],
  ["runtime version", ({ runtime }) => runtime.version],
  ["precision", ({ precision }) => precision],
  ["batch", ({ batch }) => batch],
  ["threads", ({ threads }) => threads],
  ["optimisation", ({ optimisation }) => optimisation],
];

/** Settings in which two tables differ, as text: "batch 1 and 8". */
export function differentSettings(first: LatencyTable, second: LatencyTable): readonly string[] {
  return SETTINGS.flatMap(([name, of]) => {
    const [a, b] = [of(first), of(second)];
    return a === b ? [] : [`${name} ${short(a)} and ${short(b)}`];
  });
}

function short(value: unknown): string {
  return value === null ? "not stated" : String(value).slice(0, 40);
}

/** @throws InputError `latency/other-setting` */
export function refuseOtherSettings(first: NamedTable, second: NamedTable): void {
  const different = differentSettings(first.table, second.table);
  if (different.length === 0) return;
  throw new InputError({
    code: "latency/other-setting",
    message: `The tables were made under different settings: ${different.join("; ")}.`,
    where: `${first.path}, ${second.path}`,
    hint: "Only campaigns of one network on one device under one setting can be merged; mdp table diff compares others.",
  });
}
