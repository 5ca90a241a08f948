import type { Subnet } from "../../subnet/subnet.ts";
import type { LatencyTable } from "../table.ts";
import type { DeviceFacts } from "./device-facts.ts";

/** One network measured: operation by operation, and as a whole. */
export interface Measurement {
  /** Milliseconds per operation of the dense network, in order; null for those that the subnet doesn't have. */
  readonly opMs: readonly (number | null)[];
  /** Recorded events per operation: each costs a little time of its own. */
  readonly opEvents: readonly number[];
  /** The network as a whole, without recording, in milliseconds: the median. */
  readonly totalMs: number;
  /** The dense network, run in turns with it, in milliseconds. */
  readonly referenceMs: number;
  /** A network as thin as the table goes, run in turns with them. */
  readonly thinMs?: number | undefined;
  /** Whether all times were taken at the pace of this very reference. Otherwise the reference is worth no more than its neighbours'. */
  readonly paired?: boolean | undefined;
  /** Millijoules per run, where the device tells. */
  readonly energyMj?: number | undefined;
  /** Bytes that the device holds while the network is loaded, where it tells. */
  readonly memoryBytes?: number | undefined;
}

/** A whole network timed, in turns with the dense one. Milliseconds as in `Measurement`. */
export type EndToEnd = Pick<Measurement, "totalMs" | "referenceMs" | "thinMs" | "paired">;

/** Runs subnets of one network on a device. Close it when done. */
export interface Measurer {
  /** Runs a subnet with the runtime's recording on, and without. */
  readonly measure: (subnet: Subnet) => Promise<Measurement>;
  /** Runs a subnet without recording. */
  readonly time: (subnet: Subnet) => Promise<EndToEnd>;
  readonly close: () => Promise<void>;
}

/** Where a measurer runs its subnets, as the table says it. */
export interface ProfileTarget {
  readonly device: DeviceFacts;
  readonly runtime: LatencyTable["runtime"];
  /** Precisions that can be measured there. */
  readonly precisions: readonly string[];
  /** What else must be the same for samples to be used together. */
  readonly settings: Readonly<Record<string, string>>;
}
