import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";

/** What this machine says of itself. */
export interface DeviceFacts {
  readonly model: string;
  readonly cores: number | null;
  /** The processors' frequency governor, where the system tells. */
  readonly power: string | null;
}

const GOVERNOR = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";

export function localDevice(): DeviceFacts {
  const processors = cpus();
  return {
    model: processors[0]?.model.trim() || "unknown processor",
    cores: processors.length,
    power: existsSync(GOVERNOR) ? readFileSync(GOVERNOR, "utf8").trim() : null,
  };
}
