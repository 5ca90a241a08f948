/**
 * Lines of `tegrastats`, which Jetsons print their state with. Its form differs by release and board:
 *
 *     JetPack 4   RAM 1903/3964MB (lfb 2x1MB) ... POM_5V_IN 2165/2165 POM_5V_GPU 120/120 POM_5V_CPU 321/321
 *     JetPack 4   RAM 2448/31920MB ... GPU 0/0 CPU 311/311 SOC 1244/1244 CV 0/0 VDDRQ 155/155 SYS5V 1408/1408
 *     JetPack 5   01-10-2023 12:00:00 RAM 2448/30536MB (lfb 5948x4MB) ... VDD_IN 4970mW/4970mW VDD_CPU_GPU_CV 656mW/656mW
 *     JetPack 6   the same, with lower-case names of temperatures
 *
 * A rail is NAME now/average in milliwatts, with or without the unit. (NVIDIA Jetson Linux developer guide, "tegrastats
 * utility"; the rails are those of the INA3221 monitors of each module.)
 */

/** One line of tegrastats. */
export interface TegraState {
  /** Memory in use, in bytes; on these boards the GPU's is the same. */
  readonly memoryBytes: number | null;
  /** Milliwatts of each rail at the time of the line. */
  readonly railsMw: ReadonlyMap<string, number>;
  /** Milliwatts of the whole module: of the input rail where there is one, the sum of the others where there is none. */
  readonly powerMw: number | null;
  /** Which rails that is. */
  readonly powerRails: readonly string[];
}

const RAM = /\bRAM (\d+)\/\d+([kM])B/;
/** The name begins with a letter, so that dates, temperatures (`CPU@45C`) and loads (`GR3D_FREQ 0%`) are none. */
const RAIL = /(?:^|\s)([A-Z][A-Z0-9_]*) (\d+)(?:mW)?\/(\d+)(?:mW)?(?=\s|$)/g;
const NOT_RAILS: ReadonlySet<string> = new Set(["RAM", "SWAP", "IRAM"]);
const INPUTS = ["VDD_IN", "POM_5V_IN"] as const;
/** `NC` is not connected; memory's rail on AGX Orin is fed by VIN_SYS_5V0, which counts it. */
const NOT_SUMMED: ReadonlySet<string> = new Set(["NC", "VDDQ_VDD2_1V8AO"]);

/** What a line says; null where it is no line of tegrastats. */
export function parseTegrastats(line: string): TegraState | null {
  const ram = RAM.exec(line);
  if (ram === null) return null;
  const railsMw = new Map<string, number>();
  for (const [, name = "", now = ""] of line.matchAll(RAIL)) {
    if (!NOT_RAILS.has(name)) railsMw.set(name, Number(now));
  }
  const input = INPUTS.find((name) => railsMw.has(name));
  const summed = [...railsMw.keys()].filter((name) => !NOT_SUMMED.has(name));
  const powerRails = input === undefined ? summed : [input];
  const powerMw =
    powerRails.length === 0
      ? null
      : powerRails.reduce((sum, name) => sum + (railsMw.get(name) ?? 0), 0);
  const unit = ram[2] === "k" ? 2 ** 10 : 2 ** 20;
  return { memoryBytes: Number(ram[1]) * unit, railsMw, powerMw, powerRails };
}

/** What a network takes besides time, of lines that were printed while nothing and while it ran. */
export interface TegraReading {
  /** Millijoules per run, idle power included; null where the board tells no power. */
  readonly energyMj: number | null;
  /** Bytes above the idle state; null without lines. */
  readonly memoryBytes: number | null;
  readonly lines: number;
}

/** @param runMs what one run takes while they follow each other without a pause */
export function readingOf(
  idle: readonly string[],
  running: readonly string[],
  runMs: number,
): TegraReading {
  const states = running.flatMap((line) => parseTegrastats(line) ?? []);
  const before = idle.flatMap((line) => parseTegrastats(line) ?? []);
  const power = states.flatMap(({ powerMw }) => powerMw ?? []);
  const memory = states.flatMap(({ memoryBytes }) => memoryBytes ?? []);
  const idleMemory = before.flatMap(({ memoryBytes }) => memoryBytes ?? []);
  return {
    // Milliwatts times seconds.
    energyMj: power.length === 0 ? null : (mean(power) * runMs) / 1000,
    memoryBytes:
      memory.length === 0 || idleMemory.length === 0
        ? null
        : Math.max(0, Math.max(...memory) - mean(idleMemory)),
    lines: states.length,
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
