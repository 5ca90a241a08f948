import { arrivedError } from "../../core/carried-error.ts";
import { InputError } from "../../core/errors.ts";
import { startModuleProcess } from "../../core/module-process.ts";
import type { Feeds } from "../session.ts";
import type { SessionHost } from "./host.ts";
import type { HostAnswer, HostRequest } from "./messages.ts";

interface Waiting {
  readonly resolve: (feeds: Feeds | null) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Sessions in a process of their own: several hosts compute at the same time. (The runtime's runs block the thread that asks, and a
 * thread that is ended while it runs takes the whole process with it.) Feeds and answers are copied.
 * Its calls fail with InputError `runtime/host-ended` where the process dies.
 */
export function processHost({
  onStart,
}: {
  readonly onStart?: (pid: number) => void;
} = {}): SessionHost {
  const child = startModuleProcess("src/runtime/hosts/host-process.ts");
  if (child.pid !== undefined) onStart?.(child.pid);
  const waiting: Waiting[] = [];
  let ended: InputError | null = null;
  const fail = (why: string): void => {
    ended ??= hostEnded(why);
    for (const { reject } of waiting.splice(0)) reject(ended);
  };
  child.on("message", (answer: HostAnswer) => {
    const asker = waiting.shift();
    if (answer.kind === "done") asker?.resolve(answer.feeds);
    else asker?.reject(arrivedError(answer.error));
  });
  child.on("error", (error) => fail(error.message));
  child.on("exit", (code, signal) => fail(signal === null ? `exit code ${code}` : signal));
  const ask = (request: HostRequest): Promise<Feeds | null> =>
    new Promise((resolve, reject) => {
      if (ended !== null) return reject(ended);
      waiting.push({ resolve, reject });
      child.send(request, (error) => {
        if (error !== null) fail(error.message);
      });
    });
  let opened = 0;
  return {
    open: async (source, options) => {
      const session = opened;
      opened += 1;
      await ask({ kind: "open", session, source, options });
      return {
        keep: async (feeds) => void (await ask({ kind: "keep", session, feeds })),
        run: async (feeds) => (await ask({ kind: "run", session, feeds })) ?? {},
      };
    },
    close: async () => {
      if (ended === null && child.connected) {
        const exited = new Promise((resolve) => child.once("exit", resolve));
        child.disconnect();
        await exited;
      }
    },
  };
}

function hostEnded(why: string): InputError {
  return new InputError({
    code: "runtime/host-ended",
    message: `A process that runs the network ended: ${why}.`,
    hint: "Is there memory enough for one process per core? Run again with --threads 1, which computes in this process alone.",
  });
}
