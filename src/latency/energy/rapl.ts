/**
 * Energy counters of the processor packages: `/sys/class/powercap/intel-rapl:N`, which Linux has for Intel and AMD. Reading
 * needs root on most systems (kernel 5.10 and later).
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Microjoules that the machine's processors have used, by counters that wrap around. */
export interface EnergyMeter {
  readonly name: string;
  /** Millijoules since the last call; since the meter was opened the first time. */
  readonly elapsedMj: () => number;
}

interface Domain {
  readonly file: string;
  readonly wrapUj: number;
  last: number;
}

/** The meter of this machine; null where it has none that can be read. */
export function openRapl(folder = "/sys/class/powercap"): EnergyMeter | null {
  const domains = packages(folder).flatMap((path) => {
    const file = join(path, "energy_uj");
    const [last, wrap] = [readNumber(file), readNumber(join(path, "max_energy_range_uj"))];
    return last === null ? [] : [{ file, wrapUj: wrap ?? 2 ** 32, last }];
  });
  if (domains.length === 0) return null;
  const name = `RAPL, ${domains.length} package${domains.length === 1 ? "" : "s"}`;
  return { name, elapsedMj: () => domains.reduce((sum, domain) => sum + stepOf(domain), 0) / 1000 };
}

function stepOf(domain: Domain): number {
  const now = readNumber(domain.file) ?? domain.last;
  const step = now - domain.last;
  domain.last = now;
  return step >= 0 ? step : step + domain.wrapUj;
}

/** Whole packages only: cores and memory controllers inside of them (`intel-rapl:0:1`) are counted there. */
function packages(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^intel-rapl:\d+$/.test(name))
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function readNumber(file: string): number | null {
  try {
    const value = Number(readFileSync(file, "utf8").trim());
    return Number.isFinite(value) ? value : null;
  } catch {
    return null;
  }
}
