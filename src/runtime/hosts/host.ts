import { type Feeds, openSession, type SessionOptions } from "../session.ts";

/** A place where sessions run one after another: this process, or another one (process-host.ts). */
export interface SessionHost {
  /** @throws as `openSession` */
  readonly open: (source: Uint8Array, options: SessionOptions) => Promise<HostedSession>;
  /** Closes all its sessions. */
  readonly close: () => Promise<void>;
}

export interface HostedSession {
  /** Feeds of all runs to come, until others are kept: they go to the host once. */
  readonly keep: (feeds: Feeds) => Promise<void>;
  /**
   * Runs with what is kept; `feeds` come instead of kept ones of the same name.
   * @throws as `Session.run`
   */
  readonly run: (feeds: Feeds) => Promise<Feeds>;
}

/** Sessions in this process. */
export function localHost(): SessionHost {
  const closers: (() => Promise<void>)[] = [];
  return {
    open: async (source, options) => {
      const session = await openSession(source, options);
      closers.push(session.close);
      let kept: Feeds = {};
      return {
        keep: async (feeds) => {
          kept = feeds;
        },
        run: (feeds) => session.run({ ...kept, ...feeds }),
      };
    },
    close: async () => {
      for (const close of closers.splice(0)) await close();
    },
  };
}
