import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Device, listDevices, tableFolders } from "../../latency/devices.ts";
import { type LatencyTable, readTable } from "../../latency/table.ts";
import { percent, plainTable } from "../../report/solve-report.ts";
import { type Command, command } from "../command.ts";

interface TableSummary {
  readonly path: string;
  readonly network: string;
  readonly origin: string;
  readonly batch: number;
  readonly threads: number | null;
  readonly runtime: string;
  readonly date: string;
  readonly error: { readonly mean: number; readonly worst: number } | null;
}

export const devicesCommand: Command = command({
  name: "devices",
  describe: "List devices with their latency tables",
  examples: [["mdp devices", "tables of this folder's latency-tables and of the package"]],
  options: (yargs) => yargs,
  run: async (_options, context) => {
    const devices = listDevices(tableFolders(process.cwd())).map((device) => ({
      name: device.name,
      title: device.description?.title ?? null,
      predictable: device.description !== null,
      tables: tablesOf(device),
    }));
    context.json({ schema: "mdp-devices/1", devices });
    const table = plainTable(
      ["device", "network", "origin", "batch", "error, mean / worst", "made with"],
      ["left", "left", "left", "right", "left", "left"],
    );
    for (const device of devices) {
      for (const entry of device.tables) table.push([device.name, ...cells(entry)]);
      if (device.predictable) {
        table.push([device.name, "any", "predicted", "any", "", device.title ?? ""]);
      }
    }
    context.print(table.toString());
    context.print("\nMeasure your own with mdp profile; `jetson` is short for jetson-xavier.");
    return undefined;
  },
});

function cells(entry: TableSummary): string[] {
  const error = entry.error;
  return [
    entry.network,
    entry.origin,
    String(entry.batch),
    error === null ? "not validated" : `${percent(error.mean)} / ${percent(error.worst)}`,
    `${entry.runtime}, ${entry.date.slice(0, 10)}`,
  ];
}

function tablesOf(device: Device): TableSummary[] {
  return device.folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => file.endsWith(".json") && file !== "device.json")
      .sort()
      .map((file) => summary(join(folder, file), readTable(join(folder, file)))),
  );
}

function summary(path: string, table: LatencyTable): TableSummary {
  const { expectedError } = table;
  return {
    path,
    network: table.network.name,
    origin: table.device.kind,
    batch: table.batch,
    threads: table.threads,
    runtime: `${table.runtime.name} ${table.runtime.version}`,
    date: table.date,
    error: expectedError === null ? null : { mean: expectedError.mean, worst: expectedError.worst },
  };
}
