import { cpus } from "node:os";
import { join } from "node:path";
import { checkWritable } from "../../core/files.ts";
import {
  type LocalProfile,
  type ProfileResult,
  profileLocal,
} from "../../latency/measure/profile-local.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";

/** What a profile of this machine does where nobody says otherwise. */
export const PROFILE_DEFAULTS = {
  batch: 1,
  threads: 1,
  precision: "float32",
  optimisation: "all",
  step: 8,
  runs: 200,
  repeats: 20,
  maxMinutes: 8,
  validate: 0,
  seed: 1,
} as const;

export interface ProfileModelSettings
  extends Pick<LocalProfile, keyof typeof PROFILE_DEFAULTS | "targetError"> {
  /** What to call this machine; `cpu-` and the processor's name unless given. */
  readonly name?: string | undefined;
  /** Folder in which latency-tables/<device>/<network>-b<batch>.json is written. */
  readonly out: string;
}

/**
 * Measures a network's latency table on this machine.
 * @throws as `profileLocal`; InputError `core/write-failed`
 */
export function profileModel(
  open: OpenNetwork,
  settings: ProfileModelSettings,
  context: RunContext,
): Promise<ProfileResult> {
  const { batch, out } = settings;
  const deviceName = settings.name ?? `cpu-${slug(cpus()[0]?.model ?? "unknown")}`;
  const threads = settings.threads === 1 ? "" : `-t${settings.threads}`;
  const stem = join(out, "latency-tables", deviceName, `${open.name}-b${batch}${threads}`);
  const tablePath = `${stem}.json`;
  checkWritable(tablePath);
  return profileLocal(open.model, open.structure, {
    ...settings,
    networkName: open.name,
    deviceName,
    tablePath,
    compress: true,
    samplesPath: `${stem}.samples.jsonl`,
    command: context.commandLine,
    progress: context.progress,
    signal: context.signal,
  });
}

function slug(name: string): string {
  return name
    .toLowerCase()
    .replace(/\((r|tm)\)|processor|cpu|@.*$/g, " ")
    .trim()
    .replace(/[^a-z0-9]+/g, "-");
}
