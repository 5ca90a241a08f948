import { cpus, loadavg } from "node:os";

/** What else this machine computes while times are measured on it. */
export interface MachineLoad {
  /** Processes that want a core, by other programs than this one: the mean over the last minute. Null where it isn't known. */
  readonly others: number | null;
  readonly cores: number;
  /** So many that measured times are longer than they would be alone. */
  readonly isLoaded: boolean;
}

/** Caches and memory are shared: from this share of the cores on, times differ visibly. */
const LOADED = 0.25;

/**
 * What other programs do on this machine.
 * @param own cores that this program has kept busy for the last minute
 */
export function machineLoad(
  own = 0,
  load: number = loadavg()[0] ?? 0,
  cores: number = cpus().length,
): MachineLoad {
  // Windows has no such figure, and says 0.
  if (process.platform === "win32" || cores === 0) return { others: null, cores, isLoaded: false };
  const others = Math.max(0, load - own);
  return { others, cores, isLoaded: others > LOADED * cores };
}

/** The more loaded of two looks at the machine. */
export function mostLoaded(first: MachineLoad, second: MachineLoad): MachineLoad {
  return (second.others ?? 0) > (first.others ?? 0) ? second : first;
}

/** A sentence that warns of measured times; null where the machine does nothing else. */
export function loadWarning({ others, cores, isLoaded }: MachineLoad): string | null {
  if (!isLoaded || others === null) return null;
  return `The machine is loaded: ${others.toFixed(1)} threads of other programs wanted its ${cores} cores. Milliseconds are longer than on an idle machine; shares of networks that ran in turns hold better.`;
}
