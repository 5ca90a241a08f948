import { join } from "node:path";
import { MdpError, UsageError } from "../../core/errors.ts";
import { checkWritable } from "../../core/files.ts";
import type { Progress } from "../../core/progress.ts";
import type { LocalProfile } from "../../latency/measure/profile-local.ts";
import {
  type BoardAccess,
  type BoardResult,
  profileBoard,
} from "../../latency/remote/profile-board.ts";
import type { RunnerName } from "../../latency/remote/runners/runner.ts";
import { slugOf } from "../../latency/remote/ssh/host.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";

export interface BoardsProfile
  extends Omit<
    LocalProfile,
    "networkName" | "deviceName" | "tablePath" | "samplesPath" | "command" | "progress" | "signal"
  > {
  readonly runner: RunnerName | "auto";
  /** What to call the boards, in their order; their hosts' names unless given. */
  readonly names: readonly string[];
  readonly out: string;
}

/** How a board ended: with a table, or with an error. */
export type BoardEnd =
  | { readonly name: string; readonly host: string; readonly result: BoardResult }
  | { readonly name: string; readonly host: string; readonly error: MdpError };

/**
 * Measures a network on several boards at once, each at its own pace: what stops one doesn't stop the others.
 * @throws UsageError `cli/names`, `cli/same-name`; what a single board throws
 */
export async function profileBoards(
  open: OpenNetwork,
  accesses: readonly BoardAccess[],
  options: BoardsProfile,
  context: RunContext,
): Promise<readonly BoardEnd[]> {
  const names = boardNames(accesses, options.names);
  checkWritable(join(options.out, "latency-tables", "table.json"));
  const progressOf = together(context, accesses.length);
  const profileOne = async (access: BoardAccess, name: string): Promise<BoardEnd> => {
    const { host } = access;
    try {
      const result = await profileBoard(open.model, open.structure, access, {
        ...options,
        networkName: open.name,
        deviceName: name,
        stem: (runtime) => stemOf(options, open.name, name, runtime),
        command: context.commandLine,
        progress: progressOf(name),
        signal: context.signal,
      });
      return { name, host: host.destination, result };
    } catch (error) {
      // One board alone fails as the command; a fault of ours is one whatever the others do.
      if (accesses.length === 1 || !(error instanceof MdpError)) throw error;
      context.progress.note(`${name}: ${error.message}`);
      return { name, host: host.destination, error };
    }
  };
  return Promise.all(accesses.map((access, index) => profileOne(access, names[index] ?? "board")));
}

function boardNames(accesses: readonly BoardAccess[], given: readonly string[]): string[] {
  if (given.length > 0 && given.length !== accesses.length) {
    throw new UsageError({
      code: "cli/names",
      message: `There are ${accesses.length} boards but ${given.length} names.`,
      where: "--name",
      hint: "Give one --name per --host, in the same order, or none.",
    });
  }
  const names = accesses.map(({ host }, index) => slugOf(given[index] ?? host.slug));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return names;
  throw new UsageError({
    code: "cli/same-name",
    message: `Two boards would be called '${twice}'.`,
    where: "--name",
    hint: "Give each a name of its own: one --name per --host, in the same order.",
  });
}

function stemOf(options: BoardsProfile, network: string, name: string, runtime: string): string {
  const threads = options.threads === 1 ? "" : `-t${options.threads}`;
  const precision = options.precision === "float32" ? "" : `-${options.precision}`;
  const file = `${network}-b${options.batch}${threads}-${runtime}${precision}`;
  return join(options.out, "latency-tables", name, file);
}

/** The progress of all boards as one: their networks together. */
function together(
  { progress }: Pick<RunContext, "progress">,
  boards: number,
): (board: string) => Progress {
  const states = new Map<string, readonly [number, number]>();
  return (board) => ({
    step: (label, done, total, detail) => {
      if (boards === 1) {
        progress.step(label, done, total, detail);
        return;
      }
      states.set(board, [done, total]);
      const all = [...states.values()];
      const sum = (index: 0 | 1): number => all.reduce((so, state) => so + state[index], 0);
      progress.step(`${boards} boards`, sum(0), sum(1), `${board}: ${label}`);
    },
    note: progress.note,
  });
}
