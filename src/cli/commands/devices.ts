import { readdirSync } from "node:fs";
import { join } from "node:path";
import { MdpError } from "../../core/errors.ts";
import type { DamagedEntry, TableEntry } from "../../documents/environment.ts";
import { type Device, listDevices, tableFolders } from "../../latency/devices.ts";
import { isTableFile, type LatencyTable, readTable } from "../../latency/table.ts";
import { ageDays, coverageOf } from "../../latency/tables/summary.ts";
import { percent } from "../../report/amounts.ts";
import { plainTable } from "../../report/format.ts";
import { ageText, coverageText } from "../../report/table-report.ts";
import { type Command, command } from "../command.ts";

export const devicesCommand: Command = command({
  name: "devices",
  describe: "List devices with their latency tables: age, coverage, origin and error",
  examples: [["mdp devices", "tables of this folder's latency-tables and of the package"]],
  options: (yargs) => yargs,
  run: async (_options, context) => {
    const now = Date.now();
    const devices = listDevices(tableFolders(process.cwd())).map((device) => ({
      name: device.name,
      title: device.description?.title ?? null,
      predictable: device.description !== null,
      expectedError: device.description?.expectedError ?? null,
      powerModes: Object.entries(device.description?.powerModes ?? {}).map(([mode, known]) => ({
        ...{ name: mode, title: known.title, usual: mode === device.description?.powerMode },
      })),
      fittedTo: device.description?.fit.how ?? null,
      errors: device.description?.errors ?? [],
      ...tablesOf(device, now),
    }));
    context.json({ schema: "mdp-devices/1", devices });
    const table = plainTable(
      ["device", "network", "cells", "age", "setting", "error, mean / worst", "made with"],
      ["left", "left", "left", "left", "left", "left", "left"],
    );
    for (const { name, title, expectedError, tables } of devices) {
      for (const entry of tables) table.push([name, ...cells(entry)]);
      if (expectedError !== null) {
        table.push([
          name,
          "any",
          "predicted",
          "",
          PREDICTED_SETTING,
          errorText(expectedError),
          title ?? "",
        ]);
      }
    }
    context.print(table.toString());
    for (const { name, powerModes, errors } of devices) {
      if (powerModes.length === 0) continue;
      const modes = powerModes.map((mode) => `${mode.name} (${mode.title})`).join("; ");
      context.print(`\n${name}: power modes ${modes}`);
      const groups = errors.map(
        (group) =>
          `${group.name} ${errorText(group)} (${group.networks} network${group.networks === 1 ? "" : "s"})`,
      );
      if (groups.length > 0) context.print(`  error by family and precision: ${groups.join(", ")}`);
    }
    for (const { path, problem } of devices.flatMap(({ damaged }) => damaged)) {
      context.print(`\nUnusable: ${path}\n  ${problem}`);
    }
    context.print(
      "\nMeasure your own with mdp profile, look into one with mdp table show; `jetson` is the Jetson with the smallest error, jetson:orin-nano is short for jetson-orin-nano.",
    );
    return undefined;
  },
});

/** Published figures, which the constants were fitted to and judged on, are of one setting (`expectedError.how`). */
const PREDICTED_SETTING = "any; error for float16, batch 1";

function cells(entry: TableEntry): string[] {
  const threads =
    entry.threads === null ? "" : `, ${entry.threads} thread${entry.threads === 1 ? "" : "s"}`;
  return [
    entry.network,
    `${entry.coverage.cells}: ${coverageText(entry.coverage)}`,
    ageText(entry.ageDays, entry.date),
    `${entry.precision}, batch ${entry.batch}${threads}, step ${entry.step}`,
    entry.error === null ? "not validated" : errorText(entry.error),
    entry.runtime,
  ];
}

type TableError = NonNullable<TableEntry["error"]>;

/** As measured, and behind it without the machine's drift. */
function errorText({ mean, worst, withDrift }: TableError): string {
  const pair = (of: Pick<TableError, "mean" | "worst">): string =>
    `${percent(of.mean)} / ${percent(of.worst)}`;
  return withDrift === undefined
    ? pair({ mean, worst })
    : `${pair(withDrift)} (${pair({ mean, worst })} without drift)`;
}

function errorOf({ mean, worst, withDrift }: TableError): TableError {
  return { mean, worst, ...(withDrift === undefined ? {} : { withDrift }) };
}

/** What can't be used is listed too: one damaged file must not hide the others. */
function tablesOf(
  device: Device,
  now: number,
): { readonly tables: readonly TableEntry[]; readonly damaged: readonly DamagedEntry[] } {
  const tables: TableEntry[] = [];
  const damaged: DamagedEntry[] = [];
  for (const folder of device.folders) {
    for (const file of readdirSync(folder).filter(isTableFile).sort()) {
      const path = join(folder, file);
      try {
        tables.push(entryOf(path, readTable(path), now));
      } catch (error) {
        if (!(error instanceof MdpError)) throw error;
        damaged.push({ path, problem: error.message });
      }
    }
  }
  return { tables, damaged };
}

function entryOf(path: string, table: LatencyTable, now: number): TableEntry {
  const { network, device, precision, batch, threads, step, runtime, date, expectedError } = table;
  return {
    ...{ path, precision, batch, threads, step, date },
    network: network.name,
    origin: device.kind,
    runtime: `${runtime.name} ${runtime.version}`,
    ageDays: ageDays(table, now),
    coverage: coverageOf(table.ops),
    error: expectedError === null ? null : errorOf(expectedError),
  };
}
