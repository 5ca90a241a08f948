import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { closest } from "../core/closest.ts";
import { InputError } from "../core/errors.ts";
import { packageRoot } from "../core/files.ts";
import { type DeviceDescription, inPowerMode, readDevice } from "./predict/device.ts";
import { isTableFile, type LatencyTable, readTable } from "./table.ts";

/** A device that tables exist for, or can be predicted for. */
export interface Device {
  readonly name: string;
  /** Folders that hold its tables; the user's own come first. */
  readonly folders: readonly string[];
  /** null: there is nothing to predict from, only measured tables. */
  readonly description: DeviceDescription | null;
}

/** A device with how it was asked for. */
export interface ResolvedDevice extends Device {
  /** What stands behind an alias, for people; null where the name was used itself. */
  readonly alias: { readonly name: string; readonly reason: string } | null;
}

/** What stands before a board's name in its device's: `jetson:orin-nano` is jetson-orin-nano. */
const FAMILY = "jetson";

/** Where tables are looked for: `./latency-tables` of the current directory, then the package's own. */
export function tableFolders(currentDirectory: string): readonly string[] {
  const own = join(packageRoot(), "latency-tables");
  const here = join(currentDirectory, "latency-tables");
  return here === own ? [own] : [here, own];
}

/**
 * The devices of the given folders, by name.
 * @throws InputError `latency/bad-device` where a description is damaged
 */
export function listDevices(folders: readonly string[]): readonly Device[] {
  const places = new Map<string, string[]>();
  for (const folder of folders.filter((path) => existsSync(path))) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (!entry.isDirectory() || entry.name.startsWith(".")) continue;
      places.set(entry.name, [...(places.get(entry.name) ?? []), join(folder, entry.name)]);
    }
  }
  return [...places]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, own]) => {
      const file = own
        .map((folder) => join(folder, "device.json"))
        .find((path) => existsSync(path));
      return { name, folders: own, description: file === undefined ? null : readDevice(file) };
    });
}

/**
 * The device of that name: `jetson:orin-nano` is the board of that family, `jetson` the one whose prediction has the smallest error.
 * @param powerMode what predictions are made for; the description's own mode by default
 * @throws InputError `latency/unknown-device`, `latency/bad-device`; UsageError `latency/unknown-power-mode`
 */
export function resolveDevice(
  name: string,
  folders: readonly string[],
  powerMode?: string,
): ResolvedDevice {
  const devices = listDevices(folders);
  const wanted = name.replace(`${FAMILY}:`, `${FAMILY}-`);
  const direct = devices.find((device) => device.name === wanted);
  const best = name === FAMILY ? surest(devices) : undefined;
  const found = direct ?? best;
  if (found === undefined) {
    throw unknownDevice(wanted, [...devices.map((device) => device.name), FAMILY]);
  }
  const { description } = found;
  return {
    ...found,
    description: description === null ? null : inPowerMode(description, powerMode),
    alias: direct === undefined && description !== null ? aliasOf(name, description) : null,
  };
}

/** The board of the family whose left-out networks were predicted best. */
function surest(devices: readonly Device[]): Device | undefined {
  const error = ({ description }: Device): number =>
    description?.expectedError.mean ?? Number.POSITIVE_INFINITY;
  return devices
    .filter(({ name, description }) => name.startsWith(`${FAMILY}-`) && description !== null)
    .sort((a, b) => error(a) - error(b))[0];
}

function aliasOf(name: string, { expectedError }: DeviceDescription): ResolvedDevice["alias"] {
  const { mean, worst, networks } = expectedError;
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return {
    name,
    reason:
      `the Jetson whose predictions have the smallest error, ${percent(mean)} on average and ${percent(worst)} at worst over ` +
      `${networks} published networks that were left out; ${name}:<board> names another`,
  };
}

/** A table file that was made for a network, with where it lies. */
export interface FoundTable {
  readonly path: string;
  readonly table: LatencyTable;
}

/**
 * The measured tables of a device for the network with that structure hash, the user's own first.
 * @throws InputError `latency/bad-table` where a file is damaged
 */
export function tablesFor(device: Device, structureHash: string): readonly FoundTable[] {
  return device.folders
    .flatMap((folder) =>
      readdirSync(folder)
        .filter(isTableFile)
        .sort()
        .map((file) => join(folder, file)),
    )
    .map((path) => ({ path, table: readTable(path) }))
    .filter(({ table }) => table.network.structureHash === structureHash);
}

function unknownDevice(name: string, names: readonly string[]): InputError {
  // Half a name is more often meant than a word with several letters changed.
  const containing = names.filter((known) => known.includes(name.toLowerCase()));
  const meant = containing.sort((a, b) => a.length - b.length)[0] ?? closest(name, names);
  return new InputError({
    code: "latency/unknown-device",
    message: `There is no device '${name}'. Devices: ${names.join(", ") || "none"}.`,
    where: "--device",
    hint: meant
      ? `Did you mean '${meant}'? Measure a new one with \`mdp profile\`.`
      : "Name one of them, or measure a new one with `mdp profile`.",
  });
}
