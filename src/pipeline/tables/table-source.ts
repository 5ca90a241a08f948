import { InputError, UsageError } from "../../core/errors.ts";
import { resolveDevice, tableFolders, tablesFor } from "../../latency/devices.ts";
import type { DeviceDescription, Precision } from "../../latency/predict/device.ts";
import { isQuantised } from "../../latency/predict/formats.ts";
import { predictTable } from "../../latency/predict/predict-table.ts";
import { type LatencyTable, readTable } from "../../latency/table.ts";
import { batchOf } from "../../structure/batch.ts";
import type { Structure } from "../../structure/structure.ts";
import { structureHash } from "../../structure/structure-json.ts";
import type { OpenNetwork } from "../open/network.ts";

export interface TableRequest {
  readonly table?: string | undefined;
  readonly device?: string | undefined;
  /** Power mode that a predicted table is for. */
  readonly "power-mode"?: string | undefined;
  readonly batch?: number | undefined;
  readonly precision?: Precision | undefined;
  readonly step?: number | undefined;
  /** What the step of a predicted table is where no other is asked for. */
  readonly multipleOf?: number | undefined;
  readonly commandLine: string;
}

/** A latency table for a network, with how it came about. */
export interface TableSource {
  readonly table: LatencyTable;
  /** null: predicted on the spot from the device's description. */
  readonly path: string | null;
  readonly asked: string;
  readonly title: string;
  readonly notes: readonly string[];
  /** The table of another device, by its name or as a file, for the same network; this table for this device. */
  readonly other: (deviceOrPath: string) => LatencyTable;
  /** Those that were asked for so far, by what they were asked for as. */
  readonly others: () => ReadonlyMap<string, LatencyTable>;
}

/** Images per run that keep an embedded GPU busy with networks of a few MACs; see docs/results.md. */
const DEFAULT_PREDICTED_BATCH = 64;
const DEFAULT_PREDICTED_STEP = 8;

/**
 * The table that was named, or one that was measured on the device for this network, or a prediction.
 * @throws UsageError `cli/no-table`; InputError `latency/other-setting`, and for unknown devices and tables of other networks
 */
export function tableFor(network: OpenNetwork, request: TableRequest): TableSource {
  const found = findTable(network, request);
  const known = new Map([
    [found.asked, found.table],
    [found.table.device.name, found.table],
  ]);
  const other = (deviceOrPath: string): LatencyTable => {
    const table = known.get(deviceOrPath) ?? otherTable(network, request, found, deviceOrPath);
    known.set(deviceOrPath, table);
    return table;
  };
  const others = (): ReadonlyMap<string, LatencyTable> =>
    new Map([...known].filter(([, table]) => table !== found.table));
  return { ...found, other, others };
}

type FoundSource = Omit<TableSource, "other" | "others">;

/** Without --batch, tables at the same batch are preferred, so that their latencies can stand side by side. */
function otherTable(
  network: OpenNetwork,
  request: TableRequest,
  { table }: FoundSource,
  deviceOrPath: string,
): LatencyTable {
  if (deviceOrPath.endsWith(".json")) return namedTable(network, deviceOrPath).table;
  const wanted = { ...request, table: undefined, "power-mode": undefined, device: deviceOrPath };
  try {
    return findTable(network, { ...wanted, batch: request.batch ?? table.batch }).table;
  } catch (error) {
    const isOther = error instanceof UsageError && error.code === "cli/not-profiled";
    if (!isOther || request.batch !== undefined) throw error;
    return findTable(network, wanted).table;
  }
}

function findTable(network: OpenNetwork, request: TableRequest): FoundSource {
  if (request.table !== undefined) {
    const named = namedTable(network, request.table);
    refuseOtherSetting(named.table, request, request.table);
    return named;
  }
  if (request.device === undefined) {
    throw noTable();
  }
  const mode = request["power-mode"];
  const device = resolveDevice(request.device, tableFolders(process.cwd()), mode);
  const title = device.description?.title ?? device.name;
  const asked = request.device;
  const hash = structureHash(network.structure);
  const measured = tablesFor(device, hash).filter(
    ({ table }) =>
      (request.batch === undefined || table.batch === request.batch) &&
      (mode === undefined || table.device.power === mode),
  );
  const found = measured[0];
  const notes =
    device.alias === null ? [] : [`'${asked}' stands for ${device.name}: ${device.alias.reason}.`];
  if (found !== undefined) {
    return { table: found.table, path: found.path, asked, title: found.table.device.model, notes };
  }
  if (device.description === null) {
    throw new UsageError({
      code: "cli/not-profiled",
      message: `Device '${device.name}' has no table for network '${network.name}'${request.batch === undefined ? "" : ` at batch ${request.batch}`}, and nothing to predict one from.`,
      where: device.folders.join(", "),
      hint: `Measure one there: mdp profile ${network.path} --device local --name ${device.name}.`,
    });
  }
  const { structure } = network;
  const table = predictTable(structure, device.description, {
    batch: predictedBatch(structure, request.batch),
    precision: request.precision ?? predictedPrecision(structure, device.description),
    step: request.step ?? request.multipleOf ?? DEFAULT_PREDICTED_STEP,
    networkName: network.name,
    command: request.commandLine,
  });
  return { table, path: null, asked, title, notes: [...notes, ...batchNotes(structure, table)] };
}

/** What was asked for, what the network fixes, or what keeps a GPU busy. */
export function predictedBatch(
  structure: Structure,
  asked: number | undefined,
  otherwise = DEFAULT_PREDICTED_BATCH,
): number {
  const { images, isFixed } = batchOf(structure);
  return asked ?? (isFixed ? images : otherwise);
}

/** A quantised network runs in 8 bits where the device can. */
export function predictedPrecision(structure: Structure, device: DeviceDescription): Precision {
  const hasInt8 = device.hardware.contractionTflops.int8 !== undefined;
  return isQuantised(structure) && hasInt8 ? "int8" : "float16";
}

/** At which batch a network is counted that fixes its own, or has none. */
export function batchNotes(structure: Structure, { batch }: LatencyTable): readonly string[] {
  const { images, isFixed, hasAxis } = batchOf(structure);
  if (!isFixed) return [];
  const own = hasAxis
    ? `The network is fixed to ${images} ${images === 1 ? "image" : "images"} per run`
    : "The network has no axis for a batch, and takes one image per run";
  return [
    batch === images
      ? `${own}: latencies are for that.`
      : `${own}; latencies are for ${batch}, as --batch asks: export it with an open batch to run it so.`,
  ];
}

/** Nobody said where the network is to run. */
export function noTable(): UsageError {
  return new UsageError({
    code: "cli/no-table",
    message: "Which device is the network for?",
    hint: "Give --device NAME (mdp devices lists them) or --table FILE (mdp profile makes one).",
  });
}

function namedTable(network: OpenNetwork, path: string): FoundSource {
  const table = readTable(path);
  if (table.network.structureHash !== structureHash(network.structure)) {
    throw new UsageError({
      code: "cli/other-network",
      message: `The table was made for network '${table.network.name}', which is not built like '${network.name}'.`,
      where: path,
      hint: "Profile this network with mdp profile, or name the network that the table is for.",
    });
  }
  return { table, path, asked: table.device.name, title: table.device.model, notes: [] };
}

/** @throws InputError `latency/other-setting` where a batch or precision is asked for that the table isn't of */
function refuseOtherSetting(
  table: LatencyTable,
  { batch, precision }: Pick<TableRequest, "batch" | "precision">,
  where: string,
): void {
  const isOther = precision !== undefined && table.precision !== precision;
  const different = [
    ...(batch !== undefined && batch !== table.batch ? [`batch ${table.batch}, not ${batch}`] : []),
    ...(isOther && table.precision !== "not stated"
      ? [`${table.precision}, not ${precision}`]
      : []),
  ];
  if (different.length === 0) return;
  throw new InputError({
    code: "latency/other-setting",
    message: `The table was made for ${different.join(" and ")}: its times say nothing about that.`,
    where,
    hint: "Leave --batch and --precision out, or name a table that was made for them.",
  });
}
