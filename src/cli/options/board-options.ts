import type { Argv } from "yargs";
import { UsageError } from "../../core/errors.ts";
import type { BoardAccess } from "../../latency/remote/profile-board.ts";
import { parseHost } from "../../latency/remote/ssh/host.ts";
import type { CommonOptions } from "../command.ts";

/** Options of commands that reach boards over ssh, as they are written. */
export interface BoardFlags {
  readonly host?: string[] | undefined;
  readonly "ssh-config"?: string | undefined;
  readonly "ssh-option"?: string[] | undefined;
  readonly "remote-node"?: string | undefined;
  readonly "remote-modules"?: string | undefined;
  readonly "remote-python"?: string | undefined;
  readonly "remote-trtexec"?: string | undefined;
  readonly "remote-perf-test"?: string | undefined;
  readonly "remote-tegrastats"?: string | undefined;
}

/** As a command reads them. */
export interface BoardOptions {
  readonly host?: readonly string[] | undefined;
  readonly sshConfig?: string | undefined;
  readonly sshOption?: readonly string[] | undefined;
  readonly remoteNode?: string | undefined;
  readonly remoteModules?: string | undefined;
  readonly remotePython?: string | undefined;
  readonly remoteTrtexec?: string | undefined;
  readonly remotePerfTest?: string | undefined;
  readonly remoteTegrastats?: string | undefined;
}

/** Options that may come more than once. */
export const REPEATABLE_BOARD_OPTIONS = ["host", "ssh-option"] as const;

const TEXTS = {
  "ssh-config": "Configuration file for ssh in place of your own (ssh -F)",
  "remote-node": "Node on the board, where it isn't on the path there",
  "remote-modules": "Folder on the board from which Node finds onnxruntime-node",
  "remote-python": "Python on the board [python3]",
  "remote-trtexec": "trtexec on the board, where it isn't in the usual places",
  "remote-perf-test": "onnxruntime_perf_test on the board, where it isn't on the path there",
  "remote-tegrastats": "tegrastats on the board, which tells energy and memory [tegrastats]",
} as const;

/** Adds the options to a command. */
export function withBoardOptions<T extends CommonOptions>(yargs: Argv<T>): Argv<T & BoardFlags> {
  const names = Object.keys(TEXTS);
  let parser = yargs
    .option("host", {
      type: "string",
      array: true,
      nargs: 1,
      describe:
        "Board as user@host of your ssh configuration (repeatable); your keys and agent are used",
    })
    .option("ssh-option", {
      type: "string",
      array: true,
      nargs: 1,
      describe: "Option for ssh, as after -o, such as Port=2222 (repeatable)",
    });
  for (const [name, describe] of Object.entries(TEXTS)) {
    parser = parser.option(name, { type: "string", describe });
  }
  // The loop hides from the compiler which options were added; BoardFlags says it.
  return parser.requiresArg([...names, "host", "ssh-option"]) as unknown as Argv<T & BoardFlags>;
}

/**
 * How to get at each of the boards.
 * @throws UsageError `remote/bad-host`, `cli/same-host`; `cli/no-host` where options of boards are given without one
 */
export function boardAccesses(
  hosts: readonly string[],
  options: BoardOptions,
  signal: AbortSignal,
): BoardAccess[] {
  if (hosts.length === 0) refuseBoardOptions(options);
  const twice = hosts.find((host, index) => hosts.indexOf(host) !== index);
  if (twice !== undefined) {
    throw new UsageError({
      code: "cli/same-host",
      message: `--host ${twice} is given twice.`,
      where: "--host",
      hint: "Name each board once: two measurements on one board would disturb each other.",
    });
  }
  return hosts.map((text) => ({
    host: parseHost(text),
    ssh: {
      program: process.env["MDP_SSH"] ?? "ssh",
      configFile: options.sshConfig,
      options: options.sshOption ?? [],
      signal,
    },
    paths: {
      node: options.remoteNode,
      modules: options.remoteModules,
      python: options.remotePython,
      trtexec: options.remoteTrtexec,
      perfTest: options.remotePerfTest,
      tegrastats: options.remoteTegrastats,
    },
  }));
}

/** What is meant for a board says nothing of this machine: without one it was forgotten, or misunderstood. */
function refuseBoardOptions(options: BoardOptions): void {
  const values = options as Readonly<Record<string, unknown>>;
  const asRead = (name: string): string =>
    name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const isGiven = (name: string): boolean => values[asRead(name)] !== undefined;
  if ((options.sshOption ?? []).length > 0) throw noHost("--ssh-option");
  const given = Object.keys(TEXTS).find(isGiven);
  if (given !== undefined) throw noHost(`--${given}`);
}

/** An option of boards that is given without one. */
export function noHost(option: string): UsageError {
  return new UsageError({
    code: "cli/no-host",
    message: `${option} goes with a board that is reached over ssh, and none is named.`,
    where: option,
    hint: "Add --host user@board; on the board itself that is --host localhost, where it lets you in over ssh. Or leave the option out.",
  });
}
