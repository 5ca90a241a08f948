import type { Answer, CallOptions, Connection } from "./connection.ts";
import { failureKind, mayRecover, sshFailure } from "./failure.ts";

/** ssh's own exit code: no command ran, or nobody knows how it ended. */
const SSH_FAILED = 255;

export interface RetryOptions {
  /** Seconds to wait before each further try; their number is the number of further tries. */
  readonly waitSeconds: readonly number[];
  readonly sleep: (seconds: number) => Promise<void>;
  /** A line about a connection that was lost. */
  readonly note: (line: string) => void;
}

/** Long enough for a board to start again: two and a half minutes. */
export const PATIENT: readonly number[] = [1, 2, 4, 8, 15, 30, 30, 30, 30];

/** Calls a board, over a new connection where one was lost. Only for calls that may run twice. */
export type Caller = (words: readonly string[], options: CallOptions) => Promise<Answer>;

/**
 * @throws InputError with a code of `FailureKind`, at once where trying again can't help; others as `Connection.call`
 */
export function retryingCaller(connection: Connection, options: RetryOptions): Caller {
  const { destination } = connection.host;
  let wasConnected = false;
  return async (words, settings) => {
    for (let tries = 0; ; tries += 1) {
      const answer = await connection.call(words, settings);
      if (answer.code !== SSH_FAILED) {
        wasConnected = true;
        return answer;
      }
      const kind = failureKind(answer.stderr);
      const wait = wasConnected ? options.waitSeconds[tries] : undefined;
      if (wait === undefined || !mayRecover(kind, wasConnected)) {
        throw sshFailure(kind, destination, answer.stderr);
      }
      options.note(
        `${destination}: the connection was lost; trying again in ${wait} s (${tries + 1} of ${options.waitSeconds.length}).`,
      );
      await connection.reset();
      await options.sleep(wait);
    }
  };
}
