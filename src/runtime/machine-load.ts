import { cpus } from "node:os";

/** What else this machine computes while times are measured on it. */
export interface MachineLoad {
  /** Cores that other programs kept busy, on average. Null where it isn't known. */
  readonly others: number | null;
  readonly cores: number;
  /** So many that measured times are longer than they would be alone. */
  readonly isLoaded: boolean;
}

/** Milliseconds of the processor. */
export interface ProcessorTime {
  readonly passed: number;
  /** Of all programs, on all cores. */
  readonly busy: number;
  /** Of this one, with all its threads. */
  readonly own: number;
  readonly cores: number;
}

/** Caches and memory are shared: from this share of the cores on, times differ visibly. */
const LOADED = 0.25;

/** The machine counts in steps of 10 ms: what is shorter than this tells nothing. */
const SHORTEST_MS = 500;

/**
 * Watches what other programs compute from now on.
 * @returns tells it of the time until it is called
 */
export function watchMachine(read: () => ProcessorTime = processorTime): () => MachineLoad {
  const from = read();
  return () => {
    const to = read();
    const passed = to.passed - from.passed;
    const busy = to.busy - from.busy - (to.own - from.own);
    if (passed < SHORTEST_MS || to.cores === 0) {
      return { others: null, cores: to.cores, isLoaded: false };
    }
    const others = Math.min(to.cores, Math.max(0, busy / passed));
    return { others, cores: to.cores, isLoaded: others > LOADED * to.cores };
  };
}

function processorTime(): ProcessorTime {
  const all = cpus();
  const { user, system } = process.cpuUsage();
  const busy = all.reduce(
    (sum, { times }) => sum + times.user + times.nice + times.sys + times.irq,
    0,
  );
  return { passed: performance.now(), busy, own: (user + system) / 1000, cores: all.length };
}

/** A sentence that warns of measured times; null where the machine does nothing else. */
export function loadWarning({ others, cores, isLoaded }: MachineLoad): string | null {
  if (!isLoaded || others === null) return null;
  return `The machine is loaded: other programs used ${others.toFixed(1)} of its ${cores} cores meanwhile. Milliseconds are longer than on an idle machine; shares of networks that ran in turns hold better.`;
}
