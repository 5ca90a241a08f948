import { setTimeout as wait } from "node:timers/promises";
import type { Model } from "../../onnx/model.ts";
import type { Structure } from "../../structure/structure.ts";
import { structureHash } from "../../structure/structure-json.ts";
import type { ProfileTarget } from "../measure/measurer.ts";
import { type LocalProfile, type ProfileResult, profileLocal } from "../measure/profile-local.ts";
import { profiledOps } from "../ops.ts";
import { openBoard } from "./board.ts";
import { chooseRunner, openRunner } from "./choose-runner.ts";
import { tegrastatsMeter } from "./power.ts";
import { type BoardFacts, type BoardPaths, probeBoard } from "./probe/facts.ts";
import { remoteMeasurer } from "./remote-measurer.ts";
import type { RunnerName } from "./runners/runner.ts";
import { withTrtNames } from "./runners/trtexec/runner.ts";
import { openConnection, type SshOptions } from "./ssh/connection.ts";
import type { Host } from "./ssh/host.ts";
import { PATIENT, type RetryOptions, retryingCaller } from "./ssh/retry.ts";

/** How to get at a board. */
export interface BoardAccess {
  readonly host: Host;
  readonly ssh: SshOptions;
  readonly paths: BoardPaths;
  /** Waits between tries after a lost connection; two and a half minutes in all unless given. */
  readonly retry?: Partial<RetryOptions>;
}

export interface BoardProfile
  extends Omit<LocalProfile, "measurer" | "target" | "tablePath" | "samplesPath"> {
  readonly runner: RunnerName | "auto";
  /** Path of the table without its ending, given the runtime that was found. */
  readonly stem: (runtime: string) => string;
}

export interface BoardResult extends ProfileResult {
  readonly runner: RunnerName;
}

/**
 * Measures a network on a board: the same plan, samples file, fit and validation as on this machine. Each finished
 * measurement is in the samples file before the next begins; the same call again goes on after it.
 * @throws InputError with codes `remote/...`; UsageError `latency/precision`, `remote/precision`; InputError `latency/other-samples`;
 *   InterruptedError `latency/interrupted`, `remote/interrupted`
 */
export async function profileBoard(
  model: Model,
  structure: Structure,
  access: BoardAccess,
  options: BoardProfile,
): Promise<BoardResult> {
  const { destination } = access.host;
  const connection = openConnection(access.host, access.ssh);
  try {
    const call = retryingCaller(connection, retryOptions(access, options));
    const facts = await probeBoard(call, destination, access.paths);
    const name = chooseRunner(facts, options.runner, destination);
    const power = powerText(facts);
    const settings = { ...options, ops: profiledOps(structure) };
    const campaign = [structureHash(structure), name, power, options.precision].join("\n");
    const board = await openBoard(call, destination, campaign);
    const runner = await openRunner(name, board, facts, access.paths, settings);
    const target: ProfileTarget = {
      device: { model: facts.model, cores: facts.cores, power },
      runtime: runner.runtime,
      precisions: runner.precisions,
      settings: {
        ...{ runner: name, power: facts.powerMode ?? "unknown" },
        ...(runner.runtime.name === "onnxruntime" && name !== "onnxruntime_perf_test"
          ? { times: "turns" }
          : {}),
        ...(facts.tegrastats === null ? {} : { energy: "tegrastats" }),
      },
    };
    const prepare = name === "trtexec" ? { prepare: withTrtNames } : {};
    const meter =
      facts.tegrastats === null
        ? {}
        : { meter: await tegrastatsMeter(board, runner, facts.tegrastats.path) };
    const given = { ...settings, ...prepare, ...meter, model, structure };
    const measurer = remoteMeasurer(board, runner, given);
    const stem = options.stem(runner.runtime.name);
    const tablePath = `${stem}.json`;
    const samplesPath = `${stem}.samples.jsonl`;
    const paths = { tablePath, samplesPath, compress: true };
    const result = await profileLocal(model, structure, { ...options, ...paths, measurer, target });
    return { ...result, runner: name };
  } finally {
    await connection.close();
  }
}

/**
 * What is on a board.
 * @throws InputError with codes `remote/...`
 */
export async function examineBoard(access: BoardAccess): Promise<BoardFacts> {
  const connection = openConnection(access.host, access.ssh);
  try {
    const once = { waitSeconds: [], sleep: async () => {}, note: () => {} };
    const call = retryingCaller(connection, once);
    return await probeBoard(call, access.host.destination, access.paths);
  } finally {
    await connection.close();
  }
}

function retryOptions(access: BoardAccess, { progress, signal }: BoardProfile): RetryOptions {
  return {
    waitSeconds: PATIENT,
    sleep: async (seconds) => {
      await wait(seconds * 1000, undefined, signal === undefined ? {} : { signal }).catch(() => {});
    },
    note: progress.note,
    ...access.retry,
  };
}

/** What a table says of the clocks that it was measured at. */
export function powerText(facts: BoardFacts): string | null {
  const held =
    facts.clocksHeld === null ? null : `clocks ${facts.clocksHeld ? "held" : "not held"}`;
  const parts = [facts.powerMode, held, facts.governor && `governor ${facts.governor}`];
  const known = parts.filter((part) => part !== null && part !== "");
  return known.length === 0 ? null : known.join(", ");
}
