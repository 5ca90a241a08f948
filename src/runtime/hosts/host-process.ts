/** The code of a process that runs sessions; process-host.ts starts it. */
import { carriedError } from "../../core/carried-error.ts";
import { InternalError } from "../../core/errors.ts";
import type { Feeds } from "../session.ts";
import { type HostedSession, localHost } from "./host.ts";
import type { HostAnswer, HostRequest } from "./messages.ts";

const host = localHost();
const sessions = new Map<number, HostedSession>();

async function answerTo(request: HostRequest): Promise<Feeds | null> {
  switch (request.kind) {
    case "open":
      sessions.set(request.session, await host.open(request.source, request.options));
      return null;
    case "keep":
      await sessionOf(request.session).keep(request.feeds);
      return null;
    case "run":
      return await sessionOf(request.session).run(request.feeds);
  }
}

function sessionOf(index: number): HostedSession {
  const session = sessions.get(index);
  if (session !== undefined) return session;
  throw new InternalError({
    code: "runtime/no-session",
    message: `Session ${index} is not open.`,
  });
}

// One request after another: a session that runs blocks this process anyway.
let last: Promise<void> = Promise.resolve();
process.on("message", (request: HostRequest) => {
  last = last.then(async () => {
    const answer = await answerTo(request).then(
      (feeds): HostAnswer => ({ kind: "done", feeds }),
      (error: unknown): HostAnswer => ({ kind: "failed", error: carriedError(error) }),
    );
    process.send?.(answer);
  });
});
// Ctrl-C in a terminal reaches the whole group; this process ends when the one that asks disconnects or dies.
process.on("SIGINT", () => {});
