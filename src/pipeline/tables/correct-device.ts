import type { DeviceDescription } from "../../latency/predict/device.ts";
import type { Observation } from "../../latency/predict/fit-device.ts";
import {
  correctDevice as corrected,
  type ObservedRun,
  readObservations,
  runObservation,
  tableObservations,
} from "../../latency/predict/observations.ts";
import { readTable } from "../../latency/table.ts";
import { openNetwork } from "../open/network.ts";

/**
 * What a file of observations says, with the kernels of its networks.
 * @throws InputError as `readObservations`, and what opening networks and tables throws
 */
export async function openObservations(path: string): Promise<Observation[]> {
  const observations: Observation[] = [];
  for (const run of readObservations(path)) observations.push(...(await opened(run)));
  return observations;
}

async function opened(run: ObservedRun): Promise<Observation[]> {
  const classes = "classes" in run ? run.classes : undefined;
  const { structure } = await openNetwork(run.network, { classes });
  return "ms" in run
    ? [runObservation(structure, run)]
    : tableObservations(structure, readTable(run.table), run.table);
}

/** A board of one's own: a described one with its constants narrowed by what was measured on it. */
export async function correctDevice(
  device: DeviceDescription,
  path: string,
  name: string,
): Promise<DeviceDescription> {
  return corrected(device, await openObservations(path), name);
}
