import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { makeScratchFolder } from "../../../core/files.ts";
import { badAnswer, noSsh, remoteInterrupted } from "./failure.ts";
import type { Host } from "./host.ts";

/** How to call ssh. Whatever isn't said here is up to the user's own configuration, agent and jump hosts. */
export interface SshOptions {
  /** The program; `ssh` of the path unless given. */
  readonly program?: string;
  /** A configuration file in place of the user's (ssh -F). */
  readonly configFile?: string | undefined;
  /** Further options, each as ssh's -o takes it: "Port=2222". */
  readonly options?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** What a command on the board left. `code` 255 is ssh's own: there was no connection, or none any more. */
export interface Answer {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface CallOptions {
  readonly input?: string | Uint8Array;
  readonly timeoutSeconds: number;
  /** More than this is no answer. */
  readonly largestBytes?: number;
}

/** A board at the other end of ssh. Calls share one connection. Close it when done. */
export interface Connection {
  readonly host: Host;
  /**
   * Runs a command. Its words may hold letters, digits and `._/~-` only: the board's own shell reads them.
   * @throws InputError `remote/no-ssh`, `remote/bad-answer`; InterruptedError `remote/interrupted`
   */
  readonly call: (words: readonly string[], options: CallOptions) => Promise<Answer>;
  /** Forgets the shared connection, so that the next call makes a new one. */
  readonly reset: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const SAFE_WORD = /^[A-Za-z0-9._/~-]+$/;
const LARGEST_BYTES = 256 * 2 ** 20;
const LONGEST_STDERR = 64 * 1024;
const LOST = 255;

export function openConnection(host: Host, options: SshOptions = {}): Connection {
  const folder = makeScratchFolder("mdp-ssh-");
  const program = options.program ?? "ssh";
  const flags = sshFlags(folder, options);
  const call: Connection["call"] = (words, settings) => {
    const unsafe = words.find((word) => !SAFE_WORD.test(word));
    if (unsafe !== undefined) throw new TypeError(`'${unsafe}' must not reach a shell`);
    return run(program, [...flags, "--", host.destination, words.join(" ")], {
      ...settings,
      destination: host.destination,
      signal: options.signal,
    });
  };
  const reset = async (): Promise<void> => {
    const settings = { timeoutSeconds: 5, destination: host.destination, signal: undefined };
    await run(program, [...flags, "-O", "exit", "--", host.destination], settings).catch(() => {});
  };
  const close = async (): Promise<void> => {
    await reset();
    rmSync(folder, { recursive: true, force: true });
  };
  return { host, call, reset, close };
}

/** The first value of an option counts for ssh: no password comes before what the user says, that before our own. */
function sshFlags(folder: string, { configFile, options = [] }: SshOptions): string[] {
  const shared = ["ControlMaster=auto", `ControlPath=${join(folder, "s")}`, "ControlPersist=60"];
  const own = [
    "ConnectTimeout=15",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    // Windows has no sockets for it; each call is a connection of its own there.
    ...(process.platform === "win32" ? [] : shared),
  ];
  return [
    ...(configFile === undefined ? [] : ["-F", configFile]),
    "-T",
    ...["BatchMode=yes", ...options, ...own].flatMap((option) => ["-o", option]),
  ];
}

interface RunOptions extends CallOptions {
  readonly destination: string;
  readonly signal: AbortSignal | undefined;
}

function run(program: string, args: readonly string[], options: RunOptions): Promise<Answer> {
  const { destination, signal, input, timeoutSeconds, largestBytes = LARGEST_BYTES } = options;
  if (signal?.aborted === true) return Promise.reject(remoteInterrupted(destination));
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let stderr = "";
    let ended: "interrupted" | "too-large" | "too-long" | null = null;
    const end = (why: NonNullable<typeof ended>): void => {
      ended ??= why;
      child.kill("SIGTERM");
    };
    const onAbort = (): void => {
      end("interrupted");
    };
    const timer = setTimeout(end, timeoutSeconds * 1000, "too-long");
    signal?.addEventListener("abort", onAbort, { once: true });
    const tidy = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    child.stdout.on("data", (chunk: Buffer) => {
      bytes += chunk.byteLength;
      if (bytes > largestBytes) end("too-large");
      else chunks.push(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr = (stderr + chunk.toString("utf8")).slice(-LONGEST_STDERR);
    });
    // A board that hangs up before it has read everything: its exit code tells.
    child.stdin.on("error", () => {});
    child.stdin.end(input ?? "");
    child.on("error", (cause) => {
      tidy();
      reject(noSsh(cause));
    });
    child.on("close", (code) => {
      tidy();
      if (ended === "interrupted") reject(remoteInterrupted(destination));
      else if (ended === "too-large") {
        reject(badAnswer(destination, `it is longer than ${largestBytes} bytes`));
      } else if (ended === "too-long") {
        const words = `Connection timed out: no answer in ${timeoutSeconds} s.`;
        resolve({ code: LOST, stdout: Buffer.concat(chunks), stderr: `${stderr}\n${words}` });
      } else resolve({ code: code ?? LOST, stdout: Buffer.concat(chunks), stderr });
    });
  });
}
